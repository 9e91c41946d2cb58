// SPDX-License-Identifier: Apache-2.0
// Planning: victims, names, addresses. Pure.
#include "gearscale/core/plan.hpp"

#include <algorithm>
#include <tuple>

#include "gearscale/base/text.hpp"

namespace gearscale::core {

namespace {

bool contains(const std::vector<std::string>& ids, const std::string& id) { return std::find(ids.begin(), ids.end(), id) != ids.end(); }

// Draining gears that HAProxy still has, those with most sessions first: their clients are there.
void plan_recalls(const PlanInput& input, int& wanted, Plan& plan) {
  std::vector<const GearView*> leaving;
  for (const auto& view : input.gears) {
    const bool there = view.server == ServerState::drain || view.server == ServerState::up;
    const bool alive = view.container == ContainerState::unknown || view.container == ContainerState::running;
    if (view.gear->state == GearState::draining && there && alive && !view.gear->dismissed && fits(*view.gear, input.template_name))
      leaving.push_back(&view);
  }
  std::stable_sort(leaving.begin(), leaving.end(), [](const GearView* left, const GearView* right) { return left->scur > right->scur; });
  for (const auto* view : leaving) {
    if (wanted == 0) return;
    plan.steps.push_back(Step{StepKind::recall, view->gear->id, 0, ""});
    --wanted;
  }
}

// A standby that is known to be dead is no help. Those that have booted come before those that run because their boot goes on. Where every gear
// is DOWN, one may well be as they are: it proves itself before it serves.
void plan_standbys(const PlanInput& input, int& wanted, Plan& plan) {
  const bool all_down = input.decision.numbers.serving == 0 && input.decision.numbers.down > 0;
  for (const bool boots : {false, true}) {
    for (const auto& view : input.gears) {
      if (wanted == 0) return;
      const bool dead = input.may_wake && (view.container == ContainerState::absent || view.container == ContainerState::stopped);
      if (view.gear->state != GearState::standby || dead || !fits(*view.gear, input.template_name)) continue;
      if (boots != (view.container == ContainerState::running)) continue;
      plan.steps.push_back(Step{input.may_wake && !all_down ? StepKind::wake : StepKind::rouse, view.gear->id, 0, ""});
      --wanted;
    }
  }
}

void plan_additions(const PlanInput& input, Plan& plan) {
  int wanted = input.decision.target - input.decision.numbers.serving - input.decision.numbers.coming;
  // What leaves has hung with the others, most likely: where all are DOWN only a fresh one is a try.
  if (input.decision.reason != Reason::all_hang) plan_recalls(input, wanted, plan);
  plan_standbys(input, wanted, plan);
  if (input.clones_allowed >= 0 && wanted > input.clones_allowed) {
    wanted = input.clones_allowed;
    if (wanted == 0 && plan.steps.empty()) plan.refusal = Error{Errc::unavailable, input.breaker_says};
  }
  std::vector<std::uint32_t> taken;
  for (const auto& view : input.gears) taken.push_back(view.gear->address);
  for (int i = 0; i < wanted; ++i) {
    const auto address = pick_address(input.pool, taken);
    if (!address) {
      if (!plan.steps.empty() && input.decision.reason != Reason::forced) return;
      plan.refusal =
          Error{Errc::limit, "address pool " + format_ipv4(input.pool.first) + "-" + format_ipv4(input.pool.last) + " is exhausted (" +
                                 std::to_string(input.pool.size()) + " addresses, all in use): enlarge address_pool or remove gears"};
      plan.steps.clear();
      return;
    }
    GEARSCALE_CHECK(static_cast<std::size_t>(i) < input.fresh_ids.size());
    taken.push_back(*address);
    plan.steps.push_back(Step{StepKind::create, input.fresh_ids[static_cast<std::size_t>(i)], *address, ""});
  }
}

void plan_removals(const PlanInput& input, Plan& plan) {
  const int wanted = input.decision.numbers.serving + input.decision.numbers.coming - input.decision.target;
  std::vector<std::string> victims = input.chosen;
  while (static_cast<int>(victims.size()) < wanted) {
    const auto* victim = choose_victim(input.gears, victims, input.replaced_by);
    if (victim == nullptr) {
      plan.refusal =
          Error{Errc::limit, "no gear can be removed: every serving gear that is left is pinned; unpin one with remove-gear --unpin NAME"};
      return;
    }
    victims.push_back(victim->gear->id);
  }
  const auto kind = input.skip_drain ? StepKind::begin_removal : StepKind::begin_drain;
  for (const auto& id : victims) plan.steps.push_back(Step{kind, id, 0, ""});
}

}  // namespace

Plan make_plan(const PlanInput& input) {
  Plan plan;
  if (input.decision.action == Action::up) plan_additions(input, plan);
  if (input.decision.action == Action::down) plan_removals(input, plan);
  return plan;
}

const GearView* choose_victim(const std::vector<GearView>& gears, const std::vector<std::string>& already, const std::string& replaced_by) {
  const auto rank = [&](const GearView& view) {
    const bool is_new = !replaced_by.empty() && view.gear->template_name == replaced_by;
    return std::tuple(is_new, view.scur, view.stot_last_minute, -view.gear->created_ms);
  };
  const GearView* best = nullptr;
  for (const auto& view : gears) {
    if (view.gear->state != GearState::serving || view.gear->pinned || contains(already, view.gear->id)) continue;
    if (view.server != ServerState::up || !view.gear->replaces.empty()) continue;  // not counted as serving
    if (best == nullptr || rank(view) < rank(*best)) best = &view;
  }
  return best;
}

bool fits(const Gear& gear, const std::string& template_name) { return gear.template_name.empty() || gear.template_name == template_name; }

std::optional<std::uint32_t> pick_address(const AddressPool& pool, const std::vector<std::uint32_t>& taken) {
  std::vector<std::uint32_t> used;
  for (const auto address : taken) {
    if (address >= pool.first && address <= pool.last) used.push_back(address);
  }
  std::sort(used.begin(), used.end());
  std::uint32_t candidate = pool.first;
  for (const auto address : used) {
    if (address == candidate) ++candidate;
    if (address > candidate) break;
  }
  return candidate <= pool.last && candidate >= pool.first ? std::optional(candidate) : std::nullopt;
}

}  // namespace gearscale::core
