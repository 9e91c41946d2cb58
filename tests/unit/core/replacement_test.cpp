// SPDX-License-Identifier: Apache-2.0
// A rolling replacement: a few at a time, the new one serving before the old one leaves.
#include "gearscale/core/replacement.hpp"

#include <functional>

#include "farm.hpp"
#include "support/catch.hpp"

using namespace gearscale;
using namespace gearscale::core;
using test::Farm;
using test::id;
using test::words;
using test::Words;

namespace {

Replacement running(int step = 1) { return {.state = Replacement::State::running, .template_name = "t2", .step = step, .note = ""}; }

std::vector<std::string> replaced_by(const std::vector<Step>& steps) {
  std::vector<std::string> ids;
  for (const auto& step : steps) ids.push_back(step.replaces);
  return ids;
}

// Long enough after the gears of a Farm entered their states.
constexpr auto kProven = test::kNow + std::chrono::seconds(3);

// A gear of the new template that is to take the place of `old`.
void add_successor(Farm& farm, GearState state, int old) {
  farm.add(state);
  farm.gears.back().template_name = "t2";
  farm.gears.back().replaces = id(old);
}

ReplacementProgress progress(const Farm& farm) { return progress_of(running(), {farm.gears.begin(), farm.gears.end()}); }

}  // namespace

TEST_CASE("a gear of another template gets a successor, `step` at a time") {
  Farm farm;
  for (int i = 0; i < 6; ++i) farm.add(GearState::serving);
  for (const int step : {1, 2, 5}) {
    const auto steps = replacement_steps(running(step), farm.views, kProven);
    REQUIRE(steps.size() == static_cast<std::size_t>(step));
    for (int i = 0; i < step; ++i) {
      const auto& one = steps[static_cast<std::size_t>(i)];
      CHECK(one.kind == StepKind::create);
      CHECK(one.id.empty());
      CHECK(one.address == 0);
      CHECK(one.replaces == id(i + 1));
    }
  }
  CHECK(replacement_steps(running(50), farm.views, kProven).size() == 6);
}

TEST_CASE("one that has a successor gets no second one, and `step` bounds those on their way") {
  Farm farm;
  for (int i = 0; i < 3; ++i) farm.add(GearState::serving);
  add_successor(farm, GearState::starting, 1);
  CHECK(replacement_steps(running(1), farm.views, kProven).empty());
  CHECK(replaced_by(replacement_steps(running(2), farm.views, kProven)) == Words{id(2)});
  // A starting gear that replaces nobody is the load's: it does not hold the replacement up.
  farm.gears.back().replaces.clear();
  CHECK(replaced_by(replacement_steps(running(1), farm.views, kProven)) == Words{id(1)});
}

TEST_CASE("a successor that serves relieves the old one, not before HAProxy has it UP") {
  Farm farm;
  farm.add(GearState::serving);
  add_successor(farm, GearState::serving, 1);
  for (const auto server : {ServerState::absent, ServerState::down, ServerState::maint}) {
    farm.view(2).server = server;
    CHECK(replacement_steps(running(), farm.views, kProven).empty());
  }
  farm.view(2).server = ServerState::up;
  CHECK(replacement_steps(running(), farm.views, kProven - Millis{1}).empty());  // not UP for long enough to be believed
  farm.view(2).container = ContainerState::stopped;                              // it died a moment ago
  CHECK(replacement_steps(running(), farm.views, kProven).empty());
  farm.view(2).container = ContainerState::running;
  const auto steps = replacement_steps(running(), farm.views, kProven);
  REQUIRE(steps.size() == 1);
  CHECK(steps[0].kind == StepKind::relieve);
  CHECK(steps[0].id == id(2));
  CHECK(steps[0].replaces == id(1));
}

TEST_CASE("an old gear that starts again is relieved when it serves") {
  Farm farm;
  farm.add(GearState::starting);
  add_successor(farm, GearState::serving, 1);
  CHECK(replacement_steps(running(), farm.views, kProven).empty());
  farm.gear(1).state = GearState::serving;
  CHECK(words(replacement_steps(running(), farm.views, kProven)) == Words{"relieve 2"});
}

TEST_CASE("at most the larger of 4 and `step` old gears leave at a time, those that will leave soon counted") {
  Farm farm;
  for (int i = 0; i < 3; ++i) farm.add(GearState::serving);
  for (int i = 0; i < 3; ++i) farm.add(i == 0 ? GearState::removing : GearState::draining);
  CHECK(replacement_steps(running(1), farm.views, kProven).size() == 1);
  CHECK(replacement_steps(running(2), farm.views, kProven).size() == 1);
  CHECK(replacement_steps(running(4), farm.views, kProven).size() == 1);
  CHECK(replacement_steps(running(5), farm.views, kProven).size() == 2);
  farm.add(GearState::draining);
  CHECK(replacement_steps(running(1), farm.views, kProven).empty());
  CHECK(replacement_steps(running(5), farm.views, kProven).size() == 1);
  farm.gear(7).template_name = "t2";  // one that leaves because the load fell holds nothing up
  CHECK(replacement_steps(running(1), farm.views, kProven).size() == 1);
  farm.gear(7).template_name = "t1";
  farm.gear(7).state = GearState::failed;
  CHECK(replacement_steps(running(1), farm.views, kProven).size() == 1);
}

TEST_CASE("a gear that is relieved now counts as leaving") {
  Farm farm;
  for (int i = 0; i < 3; ++i) farm.add(GearState::draining);
  farm.add(GearState::serving);
  farm.add(GearState::serving);
  add_successor(farm, GearState::serving, 4);
  CHECK(words(replacement_steps(running(), farm.views, kProven)) == Words{"relieve 6"});
}

TEST_CASE("pinned gears stay, gears of the new template too, and those that do not serve have nobody to relieve") {
  Farm farm;
  farm.add(GearState::serving);
  farm.gear(1).pinned = true;
  farm.add(GearState::serving);
  farm.gear(2).template_name = "t2";
  farm.add(GearState::standby);
  farm.add(GearState::starting);
  farm.add(GearState::preparing);
  CHECK(replacement_steps(running(9), farm.views, kProven).empty());
  farm.add(GearState::serving);
  farm.gear(6).template_name = "";  // not known what it was cloned from: brought over
  CHECK(replaced_by(replacement_steps(running(9), farm.views, kProven)) == Words{id(6)});
}

TEST_CASE("one that is stopped or done begins nothing") {
  Farm farm;
  farm.add(GearState::serving);
  for (const auto state : {Replacement::State::none, Replacement::State::stopped, Replacement::State::done}) {
    auto replacement = running(4);
    replacement.state = state;
    CHECK(replacement_steps(replacement, farm.views, kProven).empty());
  }
}

TEST_CASE("the progress counts what is left, and it is done when nothing is") {
  Farm farm;
  CHECK(progress(farm).is_done());
  farm.add(GearState::serving);
  farm.add(GearState::starting);
  farm.add(GearState::standby);
  farm.add(GearState::preparing);
  farm.add(GearState::draining);
  farm.add(GearState::removing);
  farm.add(GearState::failed);
  farm.add(GearState::serving);
  farm.gear(8).pinned = true;
  add_successor(farm, GearState::starting, 1);
  const auto now = progress(farm);
  CHECK(now.outdated == 2);
  CHECK(now.pinned == 1);
  CHECK(now.on_the_way == 1);
  CHECK(now.leaving == 2);
  CHECK(now.standbys == 2);
  CHECK_FALSE(now.is_done());
}

TEST_CASE("it is done with old gears leaving and pinned ones staying, but not with one that serves, stands by or is on its way") {
  for (const auto& [state, done] :
       {std::pair(GearState::draining, true), std::pair(GearState::removing, true), std::pair(GearState::failed, true),
        std::pair(GearState::serving, false), std::pair(GearState::starting, false), std::pair(GearState::standby, false),
        std::pair(GearState::preparing, false)}) {
    CAPTURE(to_string(state));
    Farm farm;
    farm.add(state);
    CHECK(progress(farm).is_done() == done);
    farm.gear(1).template_name = "t2";
    CHECK(progress(farm).is_done());
  }
  Farm pinned;
  pinned.add(GearState::serving);
  pinned.gear(1).pinned = true;
  CHECK(progress(pinned).is_done());
  Farm coming;
  add_successor(coming, GearState::starting, 7);
  CHECK_FALSE(progress(coming).is_done());
}

TEST_CASE("a gear of the new template that failed stops it, once; one of another template does not") {
  Farm farm;
  const auto failed = [&](Time now) { return failed_replacement(running(), farm.views, now); };
  farm.add(GearState::failed);
  CHECK(failed(kProven) == nullptr);
  add_successor(farm, GearState::starting, 1);
  CHECK(failed(kProven) == nullptr);
  farm.gear(2).state = GearState::failed;
  REQUIRE(failed(kProven) != nullptr);
  CHECK(failed(kProven)->id == id(2));
  CHECK(replacement_steps(running(9), farm.views, kProven).empty());
  farm.gear(2).replaces.clear();  // it had served, and relieved another one, before it died
  CHECK(failed(kProven) != nullptr);
  farm.gear(2).dismissed = true;  // that is known already
  CHECK(failed(kProven) == nullptr);
}

TEST_CASE("a gear of the new template that is DOWN ten seconds after it began to serve stops it") {
  Farm farm;
  farm.add(GearState::serving);
  farm.view(1).server = ServerState::down;
  CHECK(failed_replacement(running(), farm.views, test::kNow + std::chrono::seconds(60)) == nullptr);
  add_successor(farm, GearState::serving, 1);
  farm.view(2).server = ServerState::down;
  CHECK(failed_replacement(running(), farm.views, test::kNow + std::chrono::milliseconds(9'999)) == nullptr);
  REQUIRE(failed_replacement(running(), farm.views, test::kNow + std::chrono::seconds(10)) != nullptr);
}

TEST_CASE("a successor whose old gear no longer waits takes another one's place, or becomes an ordinary gear") {
  Registry registry;
  registry.replacement = running();
  Farm farm;
  for (int i = 0; i < 3; ++i) farm.add(GearState::serving);
  add_successor(farm, GearState::starting, 1);
  add_successor(farm, GearState::serving, 2);
  const auto after = [&](const std::function<void(Registry&)>& change) {
    auto changed = registry;
    changed.gears = {farm.gears.begin(), farm.gears.end()};
    change(changed);
    reassign_successors(changed);
    return Words{changed.gears[3].replaces, changed.gears[4].replaces};
  };
  CHECK(after([](Registry&) {}) == Words{id(1), id(2)});
  CHECK(after([&](Registry& changed) { changed.gears[0].state = GearState::starting; }) == Words{id(1), id(2)});
  for (const auto state : {GearState::draining, GearState::removing, GearState::failed, GearState::standby}) {
    CHECK(after([&](Registry& changed) { changed.gears[0].state = state; }) == Words{id(3), id(2)});
  }
  CHECK(after([](Registry& changed) { changed.gears[0].pinned = true; }) == Words{id(3), id(2)});
  CHECK(after([](Registry& changed) { changed.gears[0].template_name = "t2"; }) == Words{id(3), id(2)});
  CHECK(after([](Registry& changed) { changed.gears[3].replaces = "0000000f"; }) == Words{id(1), id(2)});
  CHECK(after([](Registry& changed) {
          changed.gears[1].state = GearState::draining;
          changed.gears[2].pinned = true;
        }) == Words{id(1), ""});
  CHECK(after([](Registry& changed) { changed.gears[0].state = changed.gears[1].state = GearState::draining; }) == Words{id(3), ""});
  for (const auto state : {Replacement::State::none, Replacement::State::stopped, Replacement::State::done}) {
    CHECK(after([&](Registry& changed) { changed.replacement.state = state; }) == Words{"", ""});
  }
}
