// SPDX-License-Identifier: Apache-2.0
// The window against a sorted list of all that was ever added, and the edges of time and of values.
#include "gearscale/core/response_window.hpp"

#include <algorithm>
#include <random>
#include <utility>
#include <vector>

#include "support/catch.hpp"

using namespace gearscale::core;

namespace {

Time at(std::int64_t milliseconds) { return Time(Millis(milliseconds)); }

// What the window should say, found the slow way: all that was added since the beginning of the tenth slice back.
struct Reference {
  std::int64_t window;
  std::int64_t newest = 0;
  std::vector<std::pair<std::int64_t, std::uint32_t>> all;

  std::int64_t slice(std::int64_t time) const { return time * 10 / window; }
  void add(std::int64_t now, std::uint32_t value) {
    newest = std::max(newest, now);
    all.emplace_back(newest, value);
  }
  std::vector<std::uint32_t> sorted(std::int64_t now) {
    newest = std::max(newest, now);
    std::vector<std::uint32_t> values;
    for (const auto& [time, value] : all) {
      if (slice(newest) - slice(time) < 10) values.push_back(std::min(value, 3'600'000U));
    }
    std::sort(values.begin(), values.end());
    return values;
  }
};

void check_percentile(const std::vector<std::uint32_t>& values, std::size_t percent, std::uint32_t found) {
  const auto exact = values[(values.size() * percent + 99) / 100 - 1];
  INFO("p" << percent << " of " << values.size() << ": " << exact);
  CHECK(found <= exact);
  CHECK(static_cast<double>(found) >= static_cast<double>(exact) / (1.0 + 1.0 / 32));
  if (exact < 64) CHECK(found == exact);
}

void check(Reference& reference, ResponseWindow& window, std::int64_t now) {
  const auto values = reference.sorted(now);
  const auto summary = window.summary(at(now));
  INFO("at " << now);
  REQUIRE(summary.count == values.size());
  if (values.empty()) {
    CHECK(summary.p50 + summary.p90 + summary.p99 == 0);
    return;
  }
  check_percentile(values, 50, summary.p50);
  check_percentile(values, 90, summary.p90);
  check_percentile(values, 99, summary.p99);
}

}  // namespace

TEST_CASE("random requests at random times give what a sorted list gives, for odd windows too") {
  const std::int64_t length = GENERATE(1'000, 1'003, 10'000, 600'000, 7);
  std::mt19937 random(static_cast<unsigned>(length));
  Reference reference{length, 0, {}};
  ResponseWindow window{Millis(length)};
  std::int64_t now = 5'000'000'123;
  std::lognormal_distribution<double> response(4.0, 2.5);
  for (int round = 0; round < 200; ++round) {
    for (auto left = random() % 20; left > 0; --left) {
      const auto value = static_cast<std::uint32_t>(std::min(response(random), 4e9));
      reference.add(now, value);
      window.add(at(now), value);
      now += random() % 3 == 0 ? static_cast<std::int64_t>(random()) % (length / 7 + 1) : 0;
    }
    if (round % 20 == 7) now += length * static_cast<std::int64_t>(random() % 5);  // long gaps
    if (round % 20 == 13) now -= length / 2;                                       // the clock goes back
    check(reference, window, now);
  }
}

TEST_CASE("each value falls into a bucket at most 1/32 of it wide, and what is an hour or more is an hour") {
  ResponseWindow window(Millis(1'000));
  std::int64_t now = 0;
  std::vector<std::uint32_t> values{0,   1,   63,    64,        65,        66,        127,       128,          131,
                                    132, 999, 1'000, 2'097'151, 2'097'152, 3'599'999, 3'600'000, 4'294'967'295};
  for (std::uint32_t power = 64; power < 2'000'000; power *= 2) values.insert(values.end(), {power - 1, power, power + 1});
  for (const auto value : values) {
    now += 2'000;
    window.add(at(now), value);
    const auto summary = window.summary(at(now));
    INFO(value);
    CHECK(summary.count == 1);
    CHECK((summary.p50 == summary.p90 && summary.p90 == summary.p99));
    check_percentile({std::min(value, 3'600'000U)}, 50, summary.p50);
  }
  CHECK(window.summary(at(now)).p99 <= 3'600'000);
}

TEST_CASE("a request leaves with its slice: it is there up to a window later and gone at the edge") {
  ResponseWindow window(Millis(10'000));
  window.add(at(20'000), 5);  // the first millisecond of its slice
  window.add(at(20'999), 5);  // and the last
  CHECK(window.summary(at(29'999)).count == 2);
  CHECK(window.summary(at(30'000)).count == 0);
  window.add(at(30'999), 5);
  window.add(at(31'000), 5);
  CHECK(window.summary(at(40'999)).count == 1);
  CHECK(window.summary(at(41'000)).count == 0);
}

TEST_CASE("a clock that stands still or goes back adds to the present, and nothing comes back") {
  ResponseWindow window(Millis(1'000));
  window.add(at(5'000), 10);
  window.add(at(5'000), 20);
  window.add(at(1'000), 30);
  CHECK(window.summary(at(1'000)).count == 3);
  CHECK(window.summary(at(0)).p99 == 30);
  CHECK(window.summary(at(5'999)).count == 3);
  CHECK(window.summary(at(6'000)).count == 0);
  CHECK(window.summary(at(5'000)).count == 0);
}

TEST_CASE("cleared, it is as new, and goes on") {
  ResponseWindow window(Millis(1'000));
  for (int i = 0; i < 50; ++i) window.add(at(5'000 + i * 20), 3'000);
  CHECK(window.summary(at(5'990)).p50 >= 2'900);
  window.clear(at(5'990));
  CHECK(window.summary(at(5'990)).count == 0);
  CHECK(window.summary(at(5'990)).p99 == 0);
  window.add(at(5'995), 4);
  CHECK(window.summary(at(5'995)).count == 1);
  CHECK(window.summary(at(5'991)).p99 == 4);
  CHECK(window.summary(at(7'500)).count == 0);
}

TEST_CASE("percentiles are of the nearest rank") {
  ResponseWindow window(Millis(1'000));
  for (std::uint32_t value = 1; value <= 10; ++value) window.add(at(0), value);
  auto summary = window.summary(at(0));
  CHECK(summary.p50 == 5);
  CHECK(summary.p90 == 9);
  CHECK(summary.p99 == 10);
  window.add(at(0), 11);
  summary = window.summary(at(0));
  CHECK(summary.p50 == 6);
  CHECK(summary.p90 == 10);
}
