// SPDX-License-Identifier: Apache-2.0
// Who is to be replaced, and how many at a time. Pure.
#include "gearscale/core/replacement.hpp"

#include <algorithm>

namespace gearscale::core {

namespace {

constexpr int kLeavingAtMost = 4;
constexpr Millis kProof{3'000};  // HAProxy's own check finds a gear that answered once and no more within a second
constexpr Millis kDownAtMost{10'000};

bool is_outdated(const Replacement& replacement, const Gear& gear) { return gear.template_name != replacement.template_name; }

bool has_successor(const std::vector<GearView>& gears, const std::string& id) {
  return std::any_of(gears.begin(), gears.end(), [&](const GearView& view) { return view.gear->replaces == id; });
}

bool starts(const std::vector<GearView>& gears, const std::string& id) {
  return std::any_of(gears.begin(), gears.end(),
                     [&](const GearView& view) { return view.gear->id == id && view.gear->state == GearState::starting; });
}

}  // namespace

ReplacementProgress progress_of(const Replacement& replacement, const std::vector<Gear>& gears) {
  ReplacementProgress progress;
  for (const auto& gear : gears) {
    const bool on_the_way = gear.state == GearState::starting || gear.state == GearState::serving;
    if (on_the_way && !gear.replaces.empty()) ++progress.on_the_way;
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

void reassign_successors(Registry& registry) {
  // One that starts again, after a reboot say, will wait once more.
  const auto waits = [&](const Gear& gear) {
    const bool serves = gear.state == GearState::serving || gear.state == GearState::starting;
    return registry.replacement.state == Replacement::State::running && serves && !gear.pinned && is_outdated(registry.replacement, gear);
  };
  const auto is_free = [&](const Gear& gear) {
    return waits(gear) && gear.state == GearState::serving &&
           std::none_of(registry.gears.begin(), registry.gears.end(), [&](const Gear& other) { return other.replaces == gear.id; });
  };
  for (auto& gear : registry.gears) {
    if (gear.replaces.empty()) continue;
    if (const auto* old = find_gear(registry, gear.replaces); old != nullptr && waits(*old)) continue;
    gear.replaces.clear();
    const auto other = std::find_if(registry.gears.begin(), registry.gears.end(), is_free);
    if (other != registry.gears.end()) gear.replaces = other->id;
  }
}

void put_in_force(Registry& registry, const std::string& configured) {
  const bool is_configured = registry.replacement.template_name == configured;
  registry.template_name = is_configured ? std::string() : registry.replacement.template_name;
  registry.instead_of = is_configured ? std::string() : configured;
}

const Gear* failed_replacement(const Replacement& replacement, const std::vector<GearView>& gears, Time now) {
  for (const auto& view : gears) {
    const auto& gear = *view.gear;
    if (is_outdated(replacement, gear)) continue;
    if (gear.state == GearState::failed && !gear.dismissed) return &gear;
    if (gear.state == GearState::serving && view.server == ServerState::down && now - gear.since >= kDownAtMost) return &gear;
  }
  return nullptr;
}

std::vector<Step> replacement_steps(const Replacement& replacement, const std::vector<GearView>& gears, Time now) {
  std::vector<Step> steps;
  int on_the_way = 0;
  int leaving = 0;
  for (const auto& view : gears) {
    const auto& gear = *view.gear;
    const bool successor = !gear.replaces.empty();
    if (successor && (gear.state == GearState::starting || gear.state == GearState::serving)) ++on_the_way;
    const bool proven = view.server == ServerState::up && now - gear.since >= kProof && view.container != ContainerState::stopped;
    if (successor && gear.state == GearState::serving && proven && !starts(gears, gear.replaces)) {
      steps.push_back(Step{StepKind::relieve, gear.id, 0, gear.replaces});
      ++leaving;
    }
    const bool leaves = gear.state == GearState::draining || (gear.state == GearState::removing && view.failures == 0);
    if (leaves && is_outdated(replacement, gear)) ++leaving;  // one that cannot be destroyed holds nothing up
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
