// SPDX-License-Identifier: Apache-2.0
// One registry compared with the one before.
#include "simulation/chaos_watch.hpp"

#include <algorithm>

#include "gearscale/core/invariants.hpp"

namespace gearscale::test {

namespace {

using core::GearState;

// What the limits count: not what is dead, but also a standby that was woken when nothing could be written down.
int counted(const core::Registry& registry, const sim::ChaosWorld& world) {
  return static_cast<int>(std::count_if(registry.gears.begin(), registry.gears.end(), [&](const core::Gear& gear) {
    if (!gear.replaces.empty()) return false;
    const auto container = world.machine.containers.find(gear.id);
    const bool lives = container != world.machine.containers.end() && container->second.state != core::ContainerState::stopped;
    const bool serves = gear.state == GearState::serving || (gear.state == GearState::standby && world.proxy.servers.contains(gear.id));
    return gear.state == GearState::starting || (serves && lives);
  }));
}

// All that serve are DOWN, or one at most is not: a fresh gear may have come beside them.
bool may_have_fresh(const core::Registry& registry, const sim::ChaosWorld& world) {
  int down = 0, up = 0;
  for (const auto& gear : registry.gears) {
    const auto server = world.proxy.servers.find(gear.id);
    if (gear.state != GearState::serving || server == world.proxy.servers.end()) continue;
    const auto state = world.proxy.state_of(server->second);
    down += state == core::ServerState::down ? 1 : 0;
    up += state == core::ServerState::up ? 1 : 0;
  }
  return down > 0 && up <= 1;
}

// A controller that starts finds gears dead that were to serve, and starts them again.
bool was_revived(const core::Registry& before, const core::Registry& now) {
  return std::any_of(now.gears.begin(), now.gears.end(), [&](const core::Gear& gear) {
    const auto* was = core::find_gear(before, gear.id);
    return was != nullptr && was->state == GearState::serving && gear.state == GearState::starting;
  });
}

// Gears that a replacement began stay as additional ones when it stops.
bool was_replacement(const core::Registry& before, const core::Registry& now) {
  using State = core::Replacement::State;
  if (before.replacement.state != State::stopped && now.replacement.state == State::stopped) return true;
  return std::any_of(now.gears.begin(), now.gears.end(), [&](const core::Gear& gear) {
    const auto* was = core::find_gear(before, gear.id);
    return was != nullptr && !was->replaces.empty() && gear.replaces.empty();
  });
}

}  // namespace

void Watch::after_tick(const app::TickReport& report, const core::Limits& limits) {
  Cause cause;
  cause.limits = limits;
  cause.unknown = report.refusal.has_value();  // it may have been written all the same
  if (report.decision && report.decision->action == core::Action::down)
    cause.leaving.insert(report.acted_on.begin(), report.acted_on.end());
  if (report.decision && report.decision->action == core::Action::up && limits.max != core::Limits::kNoLimit) {
    const auto& numbers = report.decision->numbers;
    const int there = numbers.serving + numbers.coming + numbers.down + static_cast<int>(report.acted_on.size());
    const int fresh = report.decision->reason == core::Reason::all_hang ? 1 : 0;
    if (!report.acted_on.empty() && there > limits.max + fresh) {
      world_.object("a decision makes " + std::to_string(there) + " gears, scale_max is " + std::to_string(limits.max));
    }
  }
  after(cause);
}

void Watch::after(const Cause& cause) {
  const auto& now = world_.disk.registry;
  if (tampered_ == world_.disk.tampered && now.generation == before_.generation) {
    counted_ = counted(now, world_);
    looked_ = world_.clock.now();
    return;
  }
  if (tampered_ == world_.disk.tampered && before_.generation != 0) {
    for (const auto& gear : before_.gears) compare(gear, core::find_gear(now, gear.id), cause);
    const int count = counted(now, world_);
    const bool adopted = std::any_of(now.gears.begin(), now.gears.end(), [&](const core::Gear& gear) {
      return core::find_gear(before_, gear.id) == nullptr && gear.template_name.empty();
    });
    const int most = cause.limits.max + (may_have_fresh(now, world_) ? 1 : 0);
    if (cause.limits.max != core::Limits::kNoLimit && count > std::max(most, counted_) && !adopted && !was_replacement(before_, now) &&
        !was_revived(before_, now)) {
      world_.object(std::to_string(count) + " gears serve or start, scale_max is " + std::to_string(cause.limits.max));
    }
  }
  see_addresses();
  see_replacement(cause);
  for (const auto& gear : now.gears) {
    const auto* was = core::find_gear(before_, gear.id);
    if (was == nullptr) ++gears_seen;
    if (gear.state == GearState::serving && (was == nullptr || was->state != GearState::serving)) world_.suspects.erase(gear.id);
  }
  before_ = now;
  counted_ = counted(now, world_);
  tampered_ = world_.disk.tampered;
  looked_ = world_.clock.now();
}

void Watch::see_addresses() const {
  std::set<std::uint32_t> seen;
  for (const auto& gear : world_.disk.registry.gears) {
    if (gear.address != 0 && !seen.insert(gear.address).second) world_.object("the address of gear " + gear.id + " is used twice");
  }
}

// A replacement makes one gear for each old one, and one more only when a new one left, or lost its place, before it took that.
void Watch::see_replacement(const Cause& cause) {
  const auto& now = world_.disk.registry;
  const auto& replacement = now.replacement;
  const bool goes_on = before_.replacement.state == core::Replacement::State::running &&
                       before_.replacement.template_name == replacement.template_name && tampered_ == world_.disk.tampered;
  if (!goes_on) {
    old_ = unplaced_ = 0;
    successors_.clear();
  }
  if (replacement.state != core::Replacement::State::running) return;
  const auto serves = [](const core::Gear* gear) {
    return gear != nullptr && (gear->state == GearState::serving || gear->state == GearState::starting);
  };
  for (const auto& gear : now.gears) {
    const bool came = !goes_on || !serves(core::find_gear(before_, gear.id));
    if (serves(&gear) && came && gear.template_name != replacement.template_name) ++old_;
    if (!gear.replaces.empty()) successors_.insert(gear.id);
  }
  if (!goes_on) return;
  for (const auto& was : before_.gears) {
    if (was.replaces.empty()) continue;
    const auto* is = core::find_gear(now, was.id);
    const bool beside = is != nullptr && is->replaces.empty() && serves(core::find_gear(now, was.replaces));
    if (!serves(is) || beside) ++unplaced_;
  }
  if (static_cast<int>(successors_.size()) > old_ + unplaced_ && !cause.unknown) {
    world_.object(std::to_string(successors_.size()) + " gears were made in place of " + std::to_string(old_) + " old ones, " +
                  std::to_string(unplaced_) + " of them without taking one");
  }
}

// Is an old gear that is well and may be removed in rotation, that the policy should have taken instead of this new one?
bool Watch::old_serves_beside(const std::string& id) const {
  const auto& replacement = before_.replacement;
  const auto* gear = core::find_gear(before_, id);
  if (replacement.state != core::Replacement::State::running || gear == nullptr || gear->template_name != replacement.template_name)
    return false;
  return std::any_of(before_.gears.begin(), before_.gears.end(), [&](const core::Gear& other) {
    const auto* is = core::find_gear(world_.disk.registry, other.id);
    return other.state == GearState::serving && is != nullptr && is->state == GearState::serving && !other.pinned && !is_unwell(other.id) &&
           world_.proxy.rotates(other.id) && other.template_name != replacement.template_name;
  });
}

// Dead, frozen, hung, or reported to be so.
bool Watch::is_unwell(const std::string& id) const {
  if (world_.suspects.contains(id)) return true;
  const auto found = world_.machine.containers.find(id);
  if (found == world_.machine.containers.end()) return true;
  const auto& container = found->second;
  return !world_.machine.answers(container) || world_.machine.answer_changed(container) + core::Millis{5'000} >= looked_;
}

bool Watch::has_sessions(const std::string& id) const {
  const auto found = world_.proxy.servers.find(id);
  return found != world_.proxy.servers.end() && found->second.scur > 0;
}

void Watch::see_leaving(const core::Gear& was, const core::Gear& is, const Cause& cause) {
  const auto change = "gear " + was.id + ": " + std::string(core::to_string(was.state)) + " -> " + std::string(core::to_string(is.state));
  const bool chosen = cause.leaving.contains(was.id) || cause.unknown;
  if (was.state == GearState::serving && cause.leaving.contains(was.id) && !cause.by_name && !cause.unknown) {
    if (old_serves_beside(was.id)) world_.object(change + ", and an old gear serves that a replacement has not reached");
    if (!was.replaces.empty()) world_.object(change + ", and it was to take another one's place");
  }
  if (was.state == GearState::serving && is.state == GearState::draining) {
    const auto& replacement = world_.disk.registry.replacement;
    const bool replaced = is.dismissed && is.template_name != replacement.template_name;
    if (!chosen && !replaced) world_.object(change + ", and nobody decided it");
  } else if (was.state == GearState::serving && is.state == GearState::removing) {
    if (!(chosen && cause.forced) && !is_unwell(was.id)) world_.object(change + " without a drain");
  } else if (was.state == GearState::serving) {
    if (!is_unwell(was.id)) world_.object(change + ", and it was well (" + is.note + ")");
  } else if (was.state == GearState::draining && is.state != GearState::serving) {
    const bool over = is.since - was.since >= timeouts_.drain_soft;
    if (has_sessions(was.id) && !over && !is_unwell(was.id) && !(chosen && cause.forced) && world_.proxy.restarted < looked_) {
      world_.object(change + " with sessions, before drain_soft");
    }
  }
}

void Watch::compare(const core::Gear& was, const core::Gear* is, const Cause& cause) {
  if (is == nullptr) {
    const bool may_go = was.state == GearState::removing || was.state == GearState::failed || cause.unknown || cause.forced;
    if (!may_go && !is_unwell(was.id))
      world_.object("gear " + was.id + " was " + std::string(core::to_string(was.state)) + " and is forgotten");
    const auto found = world_.machine.containers.find(was.id);
    if (found != world_.machine.containers.end() && !found->second.foreign && !world_.machine.is_worked_on(was.id)) {
      world_.object("gear " + was.id + " is forgotten, and its container is there");
    }
    return;
  }
  if (was.state != is->state) see_leaving(was, *is, cause);
}

std::vector<std::string> Watch::broken(const core::Limits& limits, bool file_busy, core::Millis grace) const {
  core::Everything seen;
  const auto& registry = world_.disk.registry;
  seen.registry = &registry;
  seen.limits = limits;
  seen.containers = world_.containers();
  for (const auto& [id, server] : world_.proxy.servers) {
    seen.servers.push_back(core::ServerFact{id, server.address, world_.proxy.state_of(server)});
  }
  std::vector<ServerSpec> specs;
  for (const auto& gear : registry.gears) {
    if (core::belongs_in_file(gear.state)) specs.push_back(ServerSpec{gear.id, gear.address});
  }
  seen.file_agrees = file_busy || world_.file_is(specs);
  if (world_.disk.temp_files > 0) seen.leftovers.push_back("temp files beside the registry");
  return core::broken_invariants(seen, grace, world_.clock.now());
}

}  // namespace gearscale::test
