// SPDX-License-Identifier: Apache-2.0
#include "gearscale/core/breaker.hpp"

#include "farm.hpp"
#include "support/catch.hpp"

using namespace gearscale::core;
using namespace std::chrono_literals;
using gearscale::test::Farm;

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
  CHECK(clones_allowed(breaker, "a", {.starting = 5}, kNow) == -1);
  CHECK(note_failure(breaker, gear_of("a"), "three", kNow));
  CHECK(breaker.why == "three");
  CHECK(clones_allowed(breaker, "a", {}, kNow) == 0);
  CHECK(clones_allowed(breaker, "a", {}, kNow + 10s - 1ms) == 0);
  CHECK(clones_allowed(breaker, "a", {}, kNow + 10s) == 1);
  CHECK(clones_allowed(breaker, "a", {.starting = 1}, kNow + 10s) == 0);  // one at a time
  CHECK(clones_allowed(breaker, "a", {.preparing = 1}, kNow + 10s) == 0);
}

TEST_CASE("only the template whose gears failed is held back, and another one's failure begins anew") {
  Breaker breaker;
  fail_often(breaker, 3);
  CHECK(clones_allowed(breaker, "b", {}, kNow) == -1);
  CHECK_FALSE(note_failure(breaker, gear_of("b"), "other", kNow));
  CHECK(breaker.failures == 1);
  CHECK(clones_allowed(breaker, "a", {}, kNow) == -1);
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

TEST_CASE("a gear that serves through its probation after the last failure, UP, proves its template") {
  Farm farm;
  const auto serving = [&](const std::string& template_name, Time since) -> GearView& {
    auto& view = farm.add(GearState::serving);
    farm.gears.back().template_name = template_name;
    farm.gears.back().since = since;
    return view;
  };
  serving("a", kNow - 1ms);  // older than the failure
  serving("b", kNow);
  farm.add(GearState::draining);
  farm.gears.back().template_name = "a";
  farm.gears.back().since = kNow;
  CHECK_FALSE(has_proof(farm.views, "a", kNow, kNow + 10min));
  CHECK(has_proof(farm.views, "a", {}, kNow + 10min));
  serving("a", kNow);
  CHECK_FALSE(has_proof(farm.views, "a", kNow, kNow + kProbation - 1ms));
  CHECK(has_proof(farm.views, "a", kNow, kNow + kProbation));
  farm.views.back().server = ServerState::down;
  CHECK_FALSE(has_proof(farm.views, "a", kNow, kNow + kProbation));
}

TEST_CASE("closing forgets the failures and not what was proven, nor does a failure of another template") {
  Breaker breaker;
  breaker.proven = "a";
  fail_often(breaker, 3);
  close_breaker(breaker);
  CHECK(breaker.failures == 0);
  CHECK(breaker.pauses == 0);
  CHECK(breaker.proven == "a");
  note_failure(breaker, gear_of("b"), "other", kNow);
  CHECK(breaker.proven == "a");
}

TEST_CASE("of a proven template ten deaths in a row open the breaker for 10 s, of another one three") {
  for (const bool proven : {true, false}) {
    CAPTURE(proven);
    Breaker breaker;
    if (proven) breaker.proven = "a";
    for (int i = 1; i < (proven ? 10 : 3); ++i) CHECK_FALSE(note_failure(breaker, gear_of("a", GearState::serving), "died", kNow));
    CHECK(clones_allowed(breaker, "a", {}, kNow) == -1);
    CHECK(note_failure(breaker, gear_of("a", GearState::serving), "died", kNow));
    CHECK(breaker.open_until - kNow == 10s);
    CHECK(note_failure(breaker, gear_of("a", GearState::serving), "died", kNow + 10s));
    CHECK(breaker.open_until - kNow == 30s);
  }
}

TEST_CASE("a template that becomes proven is no longer held back for a few deaths, but for gears that did not become ready") {
  for (const auto state : {GearState::serving, GearState::starting}) {
    Breaker breaker;
    for (int i = 0; i < 4; ++i) note_failure(breaker, gear_of("a", state), "why", kNow + i * 20s);
    CHECK(is_open(breaker));
    breaker.proven = "b";
    CHECK(is_open(breaker));
    breaker.proven = "a";
    CHECK(is_open(breaker) == (state == GearState::starting));
    CHECK(clones_allowed(breaker, "a", {}, kNow + 60s) == (state == GearState::starting ? 0 : -1));
  }
}

TEST_CASE("three gears of a proven template that do not even become ready open it as they always did, deaths between them or not") {
  Breaker breaker;
  breaker.proven = "a";
  CHECK_FALSE(note_failure(breaker, gear_of("a"), "one", kNow));
  CHECK_FALSE(note_failure(breaker, gear_of("a", GearState::serving), "died", kNow));
  CHECK_FALSE(note_failure(breaker, gear_of("a"), "two", kNow));
  CHECK(note_failure(breaker, gear_of("a"), "three", kNow));
}

TEST_CASE("while nothing serves one gear is tried each 3 s in the pauses, too, if the template has ever served") {
  const auto allowed = [](const Breaker& breaker, Time now, int starting = 0) {
    return clones_allowed(breaker, "a", {.starting = starting, .preparing = 1, .nothing_serves = true, .last_addition = kNow}, now);
  };
  Breaker never;
  fail_often(never, 3);
  CHECK(allowed(never, kNow + 9s) == 0);
  Breaker died;
  for (int i = 0; i < 3; ++i) note_failure(died, gear_of("a", GearState::serving), "died", kNow);
  CHECK(allowed(died, kNow + 3s - 1ms) == 0);
  CHECK(allowed(died, kNow + 3s) == 1);
  CHECK(allowed(died, kNow + 3s, 1) == 0);                                    // one at a time
  CHECK(clones_allowed(died, "a", {.last_addition = kNow}, kNow + 3s) == 0);  // others serve
  note_failure(died, gear_of("a"), "not ready", kNow + 4s);
  CHECK(allowed(died, kNow + 5s) == 1);  // it has served all the same
  Breaker proven;
  proven.proven = "a";
  fail_often(proven, 3);
  CHECK(allowed(proven, kNow + 3s) == 1);
}

TEST_CASE("a standby of the template says that it is sound when its boot has ended, not before") {
  Farm farm;
  auto& view = farm.add(GearState::standby);
  farm.gears.back().template_name = "a";
  farm.gears.back().since = kNow;
  CHECK(has_settled(farm.views, "a", kNow));
  CHECK_FALSE(has_settled(farm.views, "a", kNow + 1ms));
  CHECK_FALSE(has_settled(farm.views, "b", kNow));
  view.container = ContainerState::running;
  CHECK_FALSE(has_settled(farm.views, "a", kNow));
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
