// SPDX-License-Identifier: Apache-2.0
// The controller's half of reconciliation: when all is looked at, and what follows from what is found. The rules are in core/reconcile.
#include <algorithm>
#include <utility>

#include "gearscale/app/controller.hpp"

namespace gearscale::app {

namespace {

using core::GearState;

constexpr int kInspectionsPerCheck = 8;
// All containers are looked at this often, but at most a thousandth of the time is spent on it.
constexpr core::Millis kReconcileInterval{30'000};
constexpr int kReconcileShare = 1'000;

// A registry of a version whose marks had no uuid: the containers of its entries, and no others, are this application's.
Result<void> take_over(const Ports& ports, const core::Registry& registry, Recorder& recorder) {
  std::vector<std::string> ids;
  for (const auto& gear : registry.gears) ids.push_back(gear.id);
  if (auto taken = ports.host.take_over(ids); !taken) return taken;
  recorder.notice(Severity::info, "The containers of " + std::to_string(ids.size()) + " gear(s) carry the application's uuid from now on");
  return {};
}

}  // namespace

std::vector<TiedGear> tied_gears(const core::Registry& registry) {
  std::vector<TiedGear> gears;
  for (const auto& gear : registry.gears) {
    const bool settled = gear.state == GearState::serving || gear.state == GearState::draining || gear.state == GearState::standby;
    gears.push_back({.id = gear.id, .address = gear.address, .settled = settled});
  }
  return gears;
}

Result<Together> bring_together(const Ports& ports, const core::Registry& registry, const BalancerView& view, const ControlSettings& settings,
                                Recorder& recorder, bool at_start) {
  Together together{registry, {}, 0};
  const bool taken_over = registry.former_marks;
  if (taken_over) {
    if (const auto taken = take_over(ports, registry, recorder); !taken) return fail(taken.error());
    together.registry.former_marks = false;
  }
  auto containers = ports.host.list();
  if (!containers) return fail(containers.error());
  core::Facts facts;
  facts.containers = std::move(*containers);
  facts.servers = Inventory::servers(view);
  facts.standby_state = settings.standby.state;
  facts.pool = settings.pool;
  facts.at_start = at_start;
  const auto done = core::reconcile(together.registry, facts, settings.timeouts, ports.clock.now());
  if (!done.changes.empty() || registry.generation == 0 || taken_over) {
    ++together.registry.generation;
    if (const auto saved = ports.store.save(together.registry); !saved) return fail(saved.error());
  }
  for (const auto& change : done.changes) recorder.notice(Severity::warn, change);
  together.containers = std::move(facts.containers);
  together.lost = done.lost;
  return together;
}

Result<void> Controller::reconcile(Working& working, const BalancerView& view, bool at_start, core::Time now) {
  const auto before = working.read();  // the loaded one lives until it is saved again
  auto together = bring_together(ports_, before, view, settings_, recorder_, at_start);
  // One that failed says nothing of how long a listing takes: a single call that hung would blind us for a quarter of an hour.
  next_reconciliation_ = now + (together ? std::max(kReconcileInterval, (ports_.clock.now() - now) * kReconcileShare) : kReconcileInterval);
  if (!together) return fail(together.error());
  name_troubles(together->containers);
  for (int i = 0; i < together->lost; ++i) core::settle(policy_state_, core::Outcome::lost, now);
  drop_jobs(before, together->registry);
  working.draft = std::move(together->registry);
  inventory_.see(view, working.read(), ports_.clock.now());
  if (at_start) {
    // A server that was added, but never made ready, is left from a crash half-way: nobody holds aside a gear that has never had a session.
    for (const auto& gear : working.read().gears) {
      auto& sight = inventory_.of(gear.id);
      sight.half_enrolled = sight.half_enrolled || (sight.server == core::ServerState::maint && sight.stot == 0);
    }
  }
  for (const auto& container : together->containers) {
    const auto* gear = core::find_gear(working.read(), container.id);
    const bool stands_by = gear != nullptr && gear->state == GearState::standby;
    const bool boots = stands_by && container.state == core::ContainerState::running;
    // One that is stopped on purpose is not a dead one.
    const bool rests = stands_by && container.state == core::ContainerState::stopped && settings_.standby.state == core::StandbyPolicy::State::stopped;
    if (!at_start || boots) inventory_.of(container.id).container = rests ? core::ContainerState::unknown : container.state;
  }
  driver_.executor().sync_file(working.read());
  ports_.host.begin_mending(tied_gears(working.read()));
  reconciled_ = true;
  return {};
}

void Controller::name_troubles(const std::vector<core::ContainerFact>& containers) {
  std::map<std::string, std::string> troubles;
  for (const auto& container : containers) {
    if (container.trouble.empty()) continue;
    const auto& why = troubles.emplace(container.id, container.trouble).first->second;
    const auto named = troubles_.find(container.id);
    if (named != troubles_.end() && named->second == why) continue;
    recorder_.notice(Severity::error, "the container of gear " + container.id + " is left alone: " + why);
  }
  troubles_ = std::move(troubles);
}

// The end of a job that was begun for an earlier state would be taken for the end of one that the new state waits for.
void Controller::drop_jobs(const core::Registry& before, const core::Registry& after) {
  for (const auto& id : inventory_.with_jobs()) {
    const auto* was = core::find_gear(before, id);
    const auto* is = core::find_gear(after, id);
    if (was != nullptr && is != nullptr && was->state == is->state) continue;
    ports_.host.cancel(id);
    inventory_.of(id).job = core::JobState::none;
  }
}

// Servers of ours that no entry knows: somebody else added them, or a crash came before anything was written down.
bool Controller::has_strangers(const BalancerView& view, const core::Registry& registry) {
  const auto known = std::count_if(registry.gears.begin(), registry.gears.end(),
                                   [&](const core::Gear& gear) { return inventory_.of(gear.id).server != core::ServerState::absent; });
  return static_cast<std::size_t>(known) < view.gears.size();
}

// Looking at a container costs a call, so only gears that HAProxy finds missing or DOWN are looked at, a few each check, in turn.
void Controller::inspect_suspicious(const core::Registry& registry) {
  const auto count = registry.gears.size();
  int left = kInspectionsPerCheck;
  for (std::size_t i = 0; i < count; ++i) {
    const auto& gear = registry.gears[(next_inspection_ + i) % count];
    auto& sight = inventory_.of(gear.id);
    const bool suspicious =
        gear.state == GearState::serving && (sight.server == core::ServerState::absent || sight.server == core::ServerState::down);
    if (!suspicious) {
      // HAProxy does not show of a draining gear whether it answers: what the last reconciliation saw of it counts. And of a standby that
      // runs it has to be known.
      const bool boots = (gear.state == GearState::preparing || gear.state == GearState::standby) &&
                         sight.container == core::ContainerState::running;
      if (gear.state != GearState::draining && !boots) sight.container = core::ContainerState::unknown;
      continue;
    }
    if (left == 0) continue;
    if (const auto state = ports_.host.inspect(gear.id)) sight.container = *state;
    if (--left == 0) next_inspection_ = (next_inspection_ + i + 1) % count;
  }
}

// Once each time that a gear becomes DOWN, and off the tick. What died is known without asking.
void Controller::ask_why_down(const core::Registry& registry) {
  if (settings_.one_shot) return;
  std::vector<DownGear> down;
  for (const auto& gear : registry.gears) {
    const auto& sight = inventory_.of(gear.id);
    const bool is_down = gear.state == GearState::serving && sight.server == core::ServerState::down && !sight.died;
    if (is_down && !sight.asked_why) down.push_back({.id = gear.id, .address = gear.address});
  }
  if (down.empty() || !ports_.host.begin_diagnosis(down)) return;
  for (const auto& gear : down) inventory_.of(gear.id).asked_why = true;
}

void Controller::tell_why_down() {
  for (const auto& diagnosis : ports_.host.diagnosed()) {
    inventory_.of(diagnosis.id).lack = diagnosis.text;
    recorder_.notice(Severity::warn, core::gear_name(settings_.application, diagnosis.id) + " is DOWN in HAProxy: " + diagnosis.text);
  }
}

}  // namespace gearscale::app
