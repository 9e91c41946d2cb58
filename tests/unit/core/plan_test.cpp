// SPDX-License-Identifier: Apache-2.0
// What a decision becomes: who is recalled, woken, created, who has to go, which addresses are taken.
#include "gearscale/core/plan.hpp"

#include "farm.hpp"
#include "support/catch.hpp"

using namespace gearscale;
using namespace gearscale::core;
using namespace std::chrono_literals;
using test::Farm;
using test::id;
using test::words;
using test::Words;

namespace {

// A decision that adds `more` gears or, below 0, removes as many.
PlanInput input(const Farm& farm, int more) {
  PlanInput input;
  const auto serving = static_cast<int>(farm.gears.size());
  input.decision.action = more > 0 ? Action::up : more < 0 ? Action::down : Action::hold;
  input.decision.reason = more > 0 ? Reason::capacity_reached : Reason::low_capacity;
  input.decision.target = serving + more;
  input.decision.numbers.serving = serving;
  input.gears = farm.views;
  input.template_name = "t1";
  input.may_wake = true;
  input.pool = AddressPool{0x0a000002, 0x0a00000a, 24};  // 10.0.0.2 to 10.0.0.10
  for (int i = 0; i < 10; ++i) input.fresh_ids.push_back("fffffff" + std::to_string(i));
  return input;
}

Words planned(const Farm& farm, int more) { return words(make_plan(input(farm, more)).steps); }

}  // namespace

TEST_CASE("the victim has the fewest sessions, then the fewest of the last minute, then it is the newest") {
  Farm farm;
  farm.add(GearState::serving, 0);
  farm.add(GearState::serving, 4);
  farm.add(GearState::serving, 0);
  CHECK(planned(farm, -1) == Words{"begin_drain 3"});
  farm.view(3).stot_last_minute = 1;
  CHECK(planned(farm, -1) == Words{"begin_drain 1"});
  farm.view(1).stot_last_minute = 2;
  CHECK(planned(farm, -1) == Words{"begin_drain 3"});
  farm.view(3).scur = 5;
  CHECK(planned(farm, -1) == Words{"begin_drain 1"});
  farm.view(1).scur = 6;
  CHECK(planned(farm, -1) == Words{"begin_drain 2"});  // 4 sessions now beat all
}

TEST_CASE("only gears in rotation are victims") {
  Farm farm;
  farm.add(GearState::serving, 7);
  farm.add(GearState::serving, 0).server = ServerState::down;
  farm.add(GearState::serving, 0).server = ServerState::maint;
  farm.add(GearState::serving, 0).server = ServerState::absent;
  farm.add(GearState::draining, 0);
  farm.add(GearState::standby, 0);
  farm.add(GearState::starting, 0);
  CHECK(planned(farm, -1) == Words{"begin_drain 1"});
}

TEST_CASE("a pinned gear is never chosen, and only pinned gears left refuse with a limit") {
  Farm farm;
  farm.add(GearState::serving, 7);
  farm.add(GearState::serving, 0);
  farm.gear(2).pinned = true;
  CHECK(planned(farm, -1) == Words{"begin_drain 1"});
  farm.gear(1).pinned = true;
  const auto plan = make_plan(input(farm, -1));
  CHECK(plan.steps.empty());
  REQUIRE(plan.refusal);
  CHECK(plan.refusal->code == Errc::limit);
}

TEST_CASE("several victims are different gears, and a removal that cannot be planned whole is not begun") {
  Farm farm;
  farm.add(GearState::serving, 0);
  farm.add(GearState::serving, 0);
  farm.add(GearState::serving, 0);
  farm.gear(3).pinned = true;
  CHECK(planned(farm, -2) == Words{"begin_drain 2", "begin_drain 1"});
  const auto all = make_plan(input(farm, -3));
  CHECK(all.steps.empty());
  CHECK(all.refusal.has_value());
}

TEST_CASE("gears that a person names go, whatever the order is, and at once when the drain is skipped") {
  Farm farm;
  farm.add(GearState::serving, 9);
  farm.add(GearState::serving, 0);
  auto forced = input(farm, -1);
  forced.chosen = {id(1)};
  CHECK(words(make_plan(forced).steps) == Words{"begin_drain 1"});
  forced.skip_drain = true;
  CHECK(words(make_plan(forced).steps) == Words{"begin_removal 1"});
}

TEST_CASE("additions recall draining gears first, then wake standbys, then create") {
  Farm farm;
  farm.add(GearState::standby);
  farm.add(GearState::draining, 2);
  farm.add(GearState::draining, 5);
  farm.add(GearState::serving, 9);
  CHECK(planned(farm, 1) == Words{"recall 3"});  // most sessions: its clients are there
  CHECK(planned(farm, 2) == Words{"recall 3", "recall 2"});
  CHECK(planned(farm, 3) == Words{"recall 3", "recall 2", "wake 1"});
  const auto plan = make_plan(input(farm, 5));
  REQUIRE(words(plan.steps) == Words{"recall 3", "recall 2", "wake 1", "create 0", "create 1"});
  CHECK(plan.steps[3].address == 0x0a000006);
  CHECK(plan.steps[4].address == 0x0a000007);
  CHECK_FALSE(plan.refusal.has_value());
}

TEST_CASE("what is on its way is not planned again") {
  Farm farm;
  farm.add(GearState::standby);
  farm.add(GearState::serving, 9);
  auto both = input(farm, 2);
  both.decision.numbers.coming = 1;
  CHECK(words(make_plan(both).steps) == Words{"wake 1"});
}

TEST_CASE("a gear that a person dismissed, of another template, dead or gone from HAProxy is not recalled") {
  Farm farm;
  auto& view = farm.add(GearState::draining, 3);
  auto& gear = farm.gear(1);
  CHECK(planned(farm, 1) == Words{"recall 1"});
  gear.dismissed = true;
  CHECK(planned(farm, 1) == Words{"create 0"});
  gear.dismissed = false;
  gear.template_name = "t0";
  CHECK(planned(farm, 1) == Words{"create 0"});
  gear.template_name = "";  // of a registry that did not know: any
  CHECK(planned(farm, 1) == Words{"recall 1"});
  for (const auto container : {ContainerState::absent, ContainerState::stopped, ContainerState::frozen}) {
    view.container = container;
    CHECK(planned(farm, 1) == Words{"create 0"});
  }
  view.container = ContainerState::running;
  for (const auto server : {ServerState::absent, ServerState::maint, ServerState::down}) {
    view.server = server;
    CHECK(planned(farm, 1) == Words{"create 0"});
  }
  view.server = ServerState::up;  // HAProxy was not told yet
  CHECK(planned(farm, 1) == Words{"recall 1"});
}

TEST_CASE("a gear that is past its drain is not recalled") {
  Farm farm;
  farm.add(GearState::removing).server = ServerState::maint;
  farm.add(GearState::failed).server = ServerState::up;
  CHECK(planned(farm, 1) == Words{"create 0"});
}

TEST_CASE("a standby that runs is handed to HAProxy as any other, after those that have booted") {
  Farm farm;
  farm.add(GearState::standby).container = ContainerState::running;
  farm.add(GearState::standby);
  CHECK(planned(farm, 1) == Words{"wake 2"});
  CHECK(planned(farm, 2) == Words{"wake 2", "wake 1"});
}

TEST_CASE("standbys are woken in their order, but for dead ones and those of another template") {
  Farm farm;
  farm.add(GearState::standby).container = ContainerState::stopped;
  farm.add(GearState::standby).container = ContainerState::absent;
  farm.add(GearState::standby);
  farm.add(GearState::standby).container = ContainerState::unknown;
  farm.add(GearState::standby);
  farm.add(GearState::preparing);
  farm.gear(5).template_name = "t0";
  CHECK(planned(farm, 1) == Words{"wake 3"});
  CHECK(planned(farm, 3) == Words{"wake 3", "wake 4", "create 0"});
}

TEST_CASE("while every gear is DOWN a standby is roused: it proves itself before it serves") {
  Farm farm;
  farm.add(GearState::serving, 0).server = ServerState::down;
  farm.add(GearState::standby, 0);
  auto fresh = input(farm, +1);
  CHECK(words(make_plan(fresh).steps) == Words{"wake 2"});
  fresh.decision.target -= fresh.decision.numbers.serving;
  fresh.decision.numbers.serving = 0;
  fresh.decision.numbers.down = 1;
  CHECK(words(make_plan(fresh).steps) == Words{"rouse 2"});
}

TEST_CASE("where all gears hang a draining one is no fresh one") {
  Farm farm;
  farm.add(GearState::serving, 0).server = ServerState::down;
  farm.add(GearState::draining, 2);
  auto fresh = input(farm, +1);
  fresh.decision.target = 1;
  fresh.decision.numbers.serving = 0;
  fresh.decision.numbers.down = 1;
  CHECK(words(make_plan(fresh).steps) == Words{"recall 2"});
  fresh.decision.reason = Reason::all_hang;
  CHECK(words(make_plan(fresh).steps) == Words{"create 0"});
}

TEST_CASE("a process that cannot wake at once rouses standbys, stopped ones too") {
  Farm farm;
  farm.add(GearState::standby).container = ContainerState::stopped;
  farm.add(GearState::standby);
  farm.add(GearState::standby);
  farm.gear(3).template_name = "t0";
  auto tool = input(farm, 3);
  tool.may_wake = false;
  CHECK(words(make_plan(tool).steps) == Words{"rouse 1", "rouse 2", "create 0"});
}

TEST_CASE("new gears get the lowest free addresses of the pool; standbys and leaving gears keep theirs") {
  Farm farm;
  farm.add(GearState::serving, 9);
  farm.add(GearState::preparing);
  farm.add(GearState::removing);
  farm.add(GearState::failed);
  farm.gear(4).address = 0x0a000007;
  const auto plan = make_plan(input(farm, 3));
  REQUIRE(words(plan.steps) == Words{"create 0", "create 1", "create 2"});
  CHECK(plan.steps[0].address == 0x0a000005);
  CHECK(plan.steps[1].address == 0x0a000006);
  CHECK(plan.steps[2].address == 0x0a000008);
}

TEST_CASE("with too few addresses the load gets what there is, and a refusal only when there is nothing at all") {
  Farm farm;
  farm.add(GearState::serving, 9);
  auto crowded = input(farm, 4);
  crowded.pool = AddressPool{0x0a000002, 0x0a000004, 24};  // 3, one of them taken
  auto plan = make_plan(crowded);
  CHECK(words(plan.steps) == Words{"create 0", "create 1"});
  CHECK_FALSE(plan.refusal.has_value());
  crowded.pool.last = crowded.pool.first;
  plan = make_plan(crowded);
  CHECK(plan.steps.empty());
  REQUIRE(plan.refusal);
  CHECK(plan.refusal->code == Errc::limit);

  Farm pooled;
  pooled.add(GearState::serving, 9);
  pooled.add(GearState::standby);
  auto woken = input(pooled, 2);
  woken.pool = AddressPool{0x0a000002, 0x0a000003, 24};
  plan = make_plan(woken);
  CHECK(words(plan.steps) == Words{"wake 2"});
  CHECK_FALSE(plan.refusal.has_value());
}

TEST_CASE("what a person asks for is planned whole or refused whole") {
  Farm farm;
  farm.add(GearState::serving, 9);
  farm.add(GearState::standby);
  auto forced = input(farm, 3);
  forced.decision.reason = Reason::forced;
  forced.pool = AddressPool{0x0a000002, 0x0a000004, 24};
  const auto plan = make_plan(forced);
  CHECK(plan.steps.empty());
  REQUIRE(plan.refusal);
  CHECK(plan.refusal->code == Errc::limit);
  forced.pool.last = 0x0a000005;
  CHECK(words(make_plan(forced).steps) == Words{"wake 2", "create 0", "create 1"});
}

TEST_CASE("an address is picked from the first gap, at both ends of the pool") {
  const AddressPool pool{10, 13, 24};
  CHECK(pick_address(pool, {}) == 10U);
  CHECK(pick_address(pool, {10, 12}) == 11U);
  CHECK(pick_address(pool, {12, 10, 11, 11, 9, 99}) == 13U);
  CHECK_FALSE(pick_address(pool, {10, 11, 12, 13}).has_value());
  CHECK_FALSE(pick_address(AddressPool{5, 4, 24}, {}).has_value());
}

TEST_CASE("a hold plans nothing") {
  Farm farm;
  farm.add(GearState::removing);
  farm.add(GearState::standby);
  farm.add(GearState::draining);
  CHECK(planned(farm, 0).empty());
}

TEST_CASE("while a replacement runs old gears leave before new ones, and one that takes another one's place never does") {
  Farm farm;
  farm.add(GearState::serving, 9);
  farm.add(GearState::serving, 8);
  farm.add(GearState::serving, 0);
  farm.gear(3).template_name = "t2";
  const auto victim = [&](const std::string& replaced_by) {
    const auto* view = choose_victim(farm.views, {}, replaced_by);
    return view == nullptr ? std::string() : view->gear->id.substr(7);
  };
  CHECK(victim("") == "3");
  CHECK(victim("t2") == "2");
  farm.gear(2).template_name.clear();  // of unknown origin: it is replaced, too
  CHECK(victim("t2") == "2");
  farm.gear(2).pinned = true;
  CHECK(victim("t2") == "1");
  farm.view(1).server = ServerState::down;
  CHECK(victim("t2") == "3");
  farm.gear(3).replaces = farm.gear(1).id;
  CHECK(victim("t2").empty());
  CHECK(victim("").empty());
  farm.view(1).server = ServerState::up;
  auto removal = input(farm, -1);
  removal.replaced_by = "t2";
  CHECK(words(make_plan(removal).steps) == Words{"begin_drain 1"});
}
