// SPDX-License-Identifier: Apache-2.0
// Who is to be replaced, and how many at a time. Pure.
#include "gearscale/core/replacement.hpp"

#include <algorithm>

namespace gearscale::core {

namespace {

constexpr int kLeavingAtMost = 4;

bool is_outdated(const Replacement& replacement, const Gear& gear) { return gear.template_name != replacement.template_name; }

bool has_successor(const std::vector<GearView>& gears, const std::string& id) {
  return std::any_of(gears.begin(), gears.end(), [&](const GearView& view) { return view.gear->replaces == id; });
}

}  // namespace

ReplacementProgress progress_of(const Replacement& replacement, const std::vector<Gear>& gears) {
  ReplacementProgress progress;
  for (const auto& gear : gears) {
    if (gear.state == GearState::starting && !gear.replaces.empty()) ++progress.on_the_way;
    if (!is_outdated(replacement, gear)) continue;
    switch (gear.state) {
      case GearState::serving:
      case GearState::starting: ++(gear.pinned ? progress.pinned : progress.outdated); break;
      case GearState::standby:
      case GearState::preparing: progress.standbys += fits(gear, replacement.template_name) ? 0 : 1; break;  // of an unknown one: kept
      case GearState::draining:
      case GearState::removing: ++progress.leaving; break;
      case GearState::failed: break;
    }
  }
  return progress;
}

void put_in_force(Registry& registry) {
  const auto& replacement = registry.replacement;
  const bool configured = replacement.template_name == replacement.instead_of;
  registry.template_name = configured ? std::string() : replacement.template_name;
  registry.instead_of = configured ? std::string() : replacement.instead_of;
}

const Gear* failed_replacement(const std::vector<Gear>& gears) {
  const auto found =
      std::find_if(gears.begin(), gears.end(), [](const Gear& gear) { return gear.state == GearState::failed && !gear.replaces.empty(); });
  return found == gears.end() ? nullptr : &*found;
}

std::vector<Step> replacement_steps(const Replacement& replacement, const std::vector<GearView>& gears) {
  std::vector<Step> steps;
  int on_the_way = 0;
  int leaving = 0;
  for (const auto& view : gears) {
    const auto& gear = *view.gear;
    if (gear.state == GearState::starting && !gear.replaces.empty()) ++on_the_way;
    if (gear.state == GearState::serving && view.server == ServerState::up && !gear.replaces.empty()) {
      steps.push_back(Step{StepKind::relieve, gear.id, 0, gear.replaces});
      ++leaving;
    }
    if ((gear.state == GearState::draining || gear.state == GearState::removing) && is_outdated(replacement, gear)) ++leaving;
  }
  if (replacement.state != Replacement::State::running) return steps;
  for (const auto& view : gears) {
    if (on_the_way >= replacement.step || leaving + on_the_way >= std::max(kLeavingAtMost, replacement.step)) break;
    const auto& gear = *view.gear;
    if (gear.state != GearState::serving || gear.pinned || !is_outdated(replacement, gear) || has_successor(gears, gear.id)) continue;
    steps.push_back(Step{StepKind::create, "", 0, gear.id});
    ++on_the_way;
  }
  return steps;
}

}  // namespace gearscale::core
