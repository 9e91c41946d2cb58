// SPDX-License-Identifier: Apache-2.0
#include "gearscale/core/plan.hpp"

#include "support/catch.hpp"

using namespace gearscale;
using namespace gearscale::core;
using namespace std::chrono_literals;

namespace {

constexpr Time kNow{1h};

struct Farm {
  std::vector<Gear> gears;
  std::vector<int> scur;

  void add(const std::string& id, int sessions, bool pinned = false) {
    Gear gear;
    gear.id = id;
    gear.address = 0x0a000002U + static_cast<unsigned>(gears.size());
    gear.state = GearState::serving;
    gear.created_ms = static_cast<std::int64_t>(gears.size());
    gear.pinned = pinned;
    gears.push_back(gear);
    scur.push_back(sessions);
  }

  PlanInput input(Action action, int target) const {
    PlanInput input;
    input.decision.action = action;
    input.decision.target = target;
    input.decision.numbers.serving = static_cast<int>(gears.size());
    for (std::size_t i = 0; i < gears.size(); ++i) {
      input.gears.push_back(GearView{&gears[i], ServerState::up, scur[i], ContainerState::unknown, JobState::none});
    }
    input.pool = AddressPool{0x0a000002, 0x0a000005, 24};
    for (int i = 0; i < 10; ++i) input.fresh_ids.push_back("fffffff" + std::to_string(i));
    return input;
  }
};

}  // namespace

TEST_CASE("the victim has the fewest sessions, then it is the newest") {
  Farm farm;
  farm.add("00000001", 0);
  farm.add("00000002", 4);
  farm.add("00000003", 0);
  const auto plan = make_plan(farm.input(Action::down, 2), kNow);
  REQUIRE(plan.steps.size() == 1);
  CHECK(plan.steps[0].kind == StepKind::begin_drain);
  CHECK(plan.steps[0].id == "00000003");
  farm.scur[2] = 5;
  CHECK(make_plan(farm.input(Action::down, 2), kNow).steps[0].id == "00000001");
}

TEST_CASE("a pinned gear is never chosen, and only pinned gears left refuse with a limit") {
  Farm farm;
  farm.add("00000001", 7);
  farm.add("00000002", 0, true);
  CHECK(make_plan(farm.input(Action::down, 1), kNow).steps[0].id == "00000001");
  farm.gears[0].pinned = true;
  const auto plan = make_plan(farm.input(Action::down, 1), kNow);
  CHECK(plan.steps.empty());
  REQUIRE(plan.refusal);
  CHECK(plan.refusal->code == Errc::limit);
}

TEST_CASE("several victims are different gears, and a removal that cannot be planned whole is not begun") {
  Farm farm;
  farm.add("00000001", 0);
  farm.add("00000002", 0);
  farm.add("00000003", 0, true);
  const auto both = make_plan(farm.input(Action::down, 1), kNow);
  REQUIRE(both.steps.size() == 2);
  CHECK(both.steps[0].id != both.steps[1].id);
  const auto all = make_plan(farm.input(Action::down, 0), kNow);
  CHECK(all.steps.empty());
  CHECK(all.refusal.has_value());
}

TEST_CASE("new gears get the lowest free addresses of the pool, all or none") {
  Farm farm;
  farm.add("00000001", 9);
  const auto plan = make_plan(farm.input(Action::up, 3), kNow);
  REQUIRE(plan.steps.size() == 2);
  CHECK(plan.steps[0].kind == StepKind::create);
  CHECK(plan.steps[0].address == 0x0a000003);
  CHECK(plan.steps[1].address == 0x0a000004);
  CHECK(plan.steps[0].id != plan.steps[1].id);
  const auto too_many = make_plan(farm.input(Action::up, 5), kNow);
  CHECK(too_many.steps.empty());
  REQUIRE(too_many.refusal);
  CHECK(too_many.refusal->code == Errc::limit);
}

TEST_CASE("an address is picked from the first gap, at both ends of the pool") {
  const AddressPool pool{10, 13, 24};
  CHECK(pick_address(pool, {}) == 10U);
  CHECK(pick_address(pool, {10, 12}) == 11U);
  CHECK(pick_address(pool, {12, 10, 11, 11, 9, 99}) == 13U);
  CHECK_FALSE(pick_address(pool, {10, 11, 12, 13}).has_value());
  CHECK_FALSE(pick_address(AddressPool{5, 4, 24}, {}).has_value());
}

TEST_CASE("a hold plans the gears' own next steps only") {
  Farm farm;
  farm.add("00000001", 0);
  farm.gears[0].state = GearState::removing;
  auto input = farm.input(Action::hold, 1);
  input.gears[0].server = ServerState::absent;
  const auto plan = make_plan(input, kNow);
  REQUIRE(plan.steps.size() == 1);
  CHECK(plan.steps[0].kind == StepKind::tear_down);
}
