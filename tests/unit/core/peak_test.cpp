// SPDX-License-Identifier: Apache-2.0
#include "gearscale/core/peak.hpp"

#include <random>
#include <vector>

#include "support/catch.hpp"

using namespace gearscale::core;
using namespace std::chrono_literals;

TEST_CASE("the peak is forgotten only after the window") {
  PeakWindow peak;
  const Time start{1h};
  peak.add(start, 120s, 9);
  peak.add(start + 3s, 120s, 4);
  CHECK(peak.peak() == 9);
  peak.add(start + 120s, 120s, 3);
  CHECK(peak.peak() == 9);
  peak.add(start + 120s + 1ms, 120s, 3);
  CHECK(peak.peak() == 4);
  peak.add(start + 300s, 120s, 1);
  CHECK(peak.peak() == 1);
}

TEST_CASE("the peak never falls below the true maximum of the window, and memory stays bounded at any rate") {
  std::mt19937_64 random(7);
  PeakWindow peak;
  std::vector<std::pair<Time, double>> all;
  Time now{1h};
  for (int i = 0; i < 20'000; ++i) {
    now += Millis{static_cast<int>(random() % 20) + 1};
    const double value = static_cast<double>(random() % 1'000);
    peak.add(now, 5s, value);
    all.emplace_back(now, value);
    double truth = 0;
    for (auto sample = all.rbegin(); sample != all.rend() && now - sample->first <= 5s; ++sample) truth = std::max(truth, sample->second);
    REQUIRE(peak.peak() >= truth);
    REQUIRE(peak.size() <= 300);
  }
  PeakWindow falling;  // the worst case: every sample is a step of its own
  now = Time{1h};
  for (int i = 0; i < 100'000; ++i) falling.add(now += 1ms, 120s, 1e6 - i);
  CHECK(falling.size() <= 520);
}
