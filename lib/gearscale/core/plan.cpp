// SPDX-License-Identifier: Apache-2.0
// Planning: victims, names, addresses. Pure.
#include "gearscale/core/plan.hpp"

#include <algorithm>

#include "gearscale/base/text.hpp"

namespace gearscale::core {

namespace {

bool contains(const std::vector<std::string>& ids, const std::string& id) { return std::find(ids.begin(), ids.end(), id) != ids.end(); }

void plan_additions(const PlanInput& input, Plan& plan) {
  const int wanted = input.decision.target - input.decision.numbers.serving - input.decision.numbers.coming;
  std::vector<std::uint32_t> taken = input.taken;
  for (const auto& view : input.gears) taken.push_back(view.gear->address);
  std::vector<Step> created;
  for (int i = 0; i < wanted; ++i) {
    const auto address = pick_address(input.pool, taken);
    if (!address) {
      plan.refusal =
          Error{Errc::limit, "address pool " + format_ipv4(input.pool.first) + "-" + format_ipv4(input.pool.last) + " is exhausted (" +
                                 std::to_string(input.pool.size()) + " addresses, all in use): enlarge address_pool or remove gears"};
      return;
    }
    GEARSCALE_CHECK(static_cast<std::size_t>(i) < input.fresh_ids.size());
    taken.push_back(*address);
    created.push_back(Step{StepKind::create, input.fresh_ids[static_cast<std::size_t>(i)], *address});
  }
  plan.steps.insert(plan.steps.end(), created.begin(), created.end());
}

void plan_removals(const PlanInput& input, Plan& plan) {
  const int wanted = input.decision.numbers.serving + input.decision.numbers.coming - input.decision.target;
  std::vector<std::string> victims = input.chosen;
  while (static_cast<int>(victims.size()) < wanted) {
    const auto* victim = choose_victim(input.gears, victims);
    if (victim == nullptr) {
      plan.refusal =
          Error{Errc::limit, "no gear can be removed: every serving gear that is left is pinned; unpin one with remove-gear --unpin NAME"};
      return;
    }
    victims.push_back(victim->gear->id);
  }
  for (const auto& id : victims) plan.steps.push_back(Step{StepKind::begin_drain, id, 0});
}

}  // namespace

Plan make_plan(const PlanInput& input, Time now) {
  Plan plan;
  for (const auto& view : input.gears) {
    if (const auto kind = next_step(view, now)) plan.steps.push_back(Step{*kind, view.gear->id, 0});
  }
  if (input.decision.action == Action::up) plan_additions(input, plan);
  if (input.decision.action == Action::down) plan_removals(input, plan);
  return plan;
}

const GearView* choose_victim(const std::vector<GearView>& gears, const std::vector<std::string>& already) {
  const GearView* best = nullptr;
  for (const auto& view : gears) {
    if (view.gear->state != GearState::serving || view.gear->pinned || contains(already, view.gear->id)) continue;
    if (view.server != ServerState::up) continue;  // only gears in rotation are counted as serving
    if (best == nullptr || view.scur < best->scur || (view.scur == best->scur && view.gear->created_ms > best->gear->created_ms))
      best = &view;
  }
  return best;
}

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
