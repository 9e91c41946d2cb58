// SPDX-License-Identifier: Apache-2.0
#include "gearscale/core/breaker.hpp"

#include "gearscale/core/gear.hpp"
#include "support/catch.hpp"

using namespace gearscale::core;
using namespace std::chrono_literals;

namespace {

constexpr Time kNow{100h};

Gear gear_of(const std::string& template_name, GearState state = GearState::starting, Time since = kNow) {
  Gear gear;
  gear.template_name = template_name;
  gear.state = state;
  gear.since = since;
  return gear;
}

// Fails so often, each time when the last pause is over. The end of the last pause.
Time fail_often(Breaker& breaker, int times) {
  auto now = kNow;
  for (int i = 0; i < times; ++i) {
    now = std::max(now, breaker.open_until);
    note_failure(breaker, gear_of("a"), "why " + std::to_string(i + 1), now);
  }
  return now;
}

}  // namespace

TEST_CASE("two failures in a row hold nothing back, the third one opens the breaker for 10 s") {
  Breaker breaker;
  CHECK_FALSE(note_failure(breaker, gear_of("a"), "one", kNow));
  CHECK_FALSE(note_failure(breaker, gear_of("a"), "two", kNow));
  CHECK(clones_allowed(breaker, "a", 5, kNow) == -1);
  CHECK(note_failure(breaker, gear_of("a"), "three", kNow));
  CHECK(breaker.why == "three");
  CHECK(clones_allowed(breaker, "a", 0, kNow) == 0);
  CHECK(clones_allowed(breaker, "a", 0, kNow + 10s - 1ms) == 0);
  CHECK(clones_allowed(breaker, "a", 0, kNow + 10s) == 1);
  CHECK(clones_allowed(breaker, "a", 1, kNow + 10s) == 0);  // one at a time
}

TEST_CASE("only the template whose gears failed is held back, and another one's failure begins anew") {
  Breaker breaker;
  fail_often(breaker, 3);
  CHECK(clones_allowed(breaker, "b", 0, kNow) == -1);
  CHECK_FALSE(note_failure(breaker, gear_of("b"), "other", kNow));
  CHECK(breaker.failures == 1);
  CHECK(clones_allowed(breaker, "a", 0, kNow) == -1);
}

TEST_CASE("each further failure doubles the pause, up to ten minutes") {
  struct Row {
    int failures;
    Millis pause;
  };
  for (const auto& row : {Row{3, 10s}, Row{4, 20s}, Row{5, 40s}, Row{8, 320s}, Row{9, 600s}, Row{30, 600s}}) {
    Breaker breaker;
    const auto last = fail_often(breaker, row.failures);
    CHECK(breaker.open_until - last == row.pause);
  }
}

TEST_CASE("gears that were started together and fail together make the pause no longer") {
  Breaker breaker;
  fail_often(breaker, 3);
  const auto until = breaker.open_until;
  CHECK_FALSE(note_failure(breaker, gear_of("a"), "late", kNow + 5s));
  CHECK(breaker.open_until == until);
  CHECK(breaker.failures == 3);
}

TEST_CASE("a gear that becomes ready closes it, unless gears had served before they died") {
  Breaker breaker;
  fail_often(breaker, 3);
  CHECK(note_ready(breaker, "a"));
  CHECK(breaker.failures == 0);
  CHECK_FALSE(note_ready(breaker, "a"));

  for (int i = 0; i < 3; ++i) note_failure(breaker, gear_of("a", GearState::serving), "died", kNow);
  CHECK_FALSE(note_ready(breaker, "a"));
  CHECK(breaker.failures == 3);
}

TEST_CASE("a gear that serves through its probation after the last failure closes it") {
  Registry registry;
  for (int i = 0; i < 3; ++i) note_failure(registry.breaker, gear_of("a", GearState::serving), "died", kNow);
  registry.gears = {gear_of("a", GearState::serving, kNow - 1ms), gear_of("b", GearState::serving), gear_of("a", GearState::draining)};
  CHECK_FALSE(close_when_proved(registry, kNow + 10min));  // older than the failure, of another template, not serving
  registry.gears.push_back(gear_of("a", GearState::serving));
  CHECK_FALSE(close_when_proved(registry, kNow + kProbation - 1ms));
  CHECK(close_when_proved(registry, kNow + kProbation));
  CHECK(registry.breaker.failures == 0);
}

TEST_CASE("an adopted gear, of which nobody knows the template, says nothing of one") {
  Breaker breaker;
  for (int i = 0; i < 5; ++i) CHECK_FALSE(note_failure(breaker, gear_of(""), "died", kNow));
  CHECK(breaker.failures == 0);
}

TEST_CASE("the count of an hour forgets what is older, minute by minute") {
  HourCount count;
  CHECK(count.count(kNow) == 0);
  count.add(kNow, 2);
  count.add(kNow + 30min);
  CHECK(count.count(kNow + 30min) == 3);
  CHECK(count.count(kNow + 59min) == 3);
  CHECK(count.count(kNow + 60min) == 1);
  CHECK(count.count(kNow + 89min) == 1);
  CHECK(count.count(kNow + 90min) == 0);
  count.add(kNow + 60min);  // in the slot of the first
  CHECK(count.count(kNow + 60min) == 2);
  CHECK(count.count(kNow + 1'000h) == 0);
}
