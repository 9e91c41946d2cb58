// SPDX-License-Identifier: Apache-2.0
// The inventory's bookkeeping.
#include "gearscale/app/inventory.hpp"

#include <algorithm>

namespace gearscale::app {

namespace {

constexpr core::Millis kMarkInterval{30'000};

// Idle means no session now and none that came and went since the last look; and only from the first look that saw it so.
void see_sessions(Sight& sight, const ServerView& row, bool known, core::Time now) {
  const bool was_idle = known && sight.idle_since != core::Time::max();
  const bool quiet = row.scur == 0 && row.stot == sight.stot;
  if (!(was_idle && quiet)) sight.idle_since = row.scur == 0 ? now : core::Time::max();
  if (!known || row.stot < sight.stot) sight.newer = sight.older = Sight::Mark{now, row.stot};  // HAProxy counts from nothing again
  if (now - sight.newer.at >= kMarkInterval) {
    sight.older = sight.newer;
    sight.newer = Sight::Mark{now, row.stot};
  }
  sight.scur = row.scur;
  sight.stot = row.stot;
}

}  // namespace

void Inventory::see(const BalancerView& view, const core::Registry& registry, core::Time now) {
  has_predecessor_ = view.has_predecessor;
  sights_.reserve(view.gears.size());
  for (auto& [id, sight] : sights_) {
    sight.was_there = sight.server != core::ServerState::absent;
    sight.server = core::ServerState::absent;
    sight.scur = 0;
  }
  for (const auto& row : view.gears) {
    auto& sight = of(row.id);
    see_sessions(sight, row, sight.was_there, now);
    sight.server = row.state;
    if (row.state != core::ServerState::down) {
      sight.down_since = core::Time::max();
      sight.asked_why = false;
    } else if (sight.down_since == core::Time::max()) {
      sight.down_since = now;
      sight.lack.clear();
    }
  }
  if (sights_.size() > registry.gears.size() + view.gears.size()) {
    std::erase_if(sights_, [&](const auto& entry) {
      const auto& sight = entry.second;
      const bool runs = sight.job == core::JobState::running;  // even when its entry is lost
      return sight.server == core::ServerState::absent && !runs && core::find_gear(registry, entry.first) == nullptr;
    });
  }
}

void Inventory::job_ended(const JobResult& result) {
  auto& sight = of(result.id);
  sight.job = result.detail ? core::JobState::succeeded : core::JobState::failed;
  sight.job_text = result.detail ? *result.detail : result.detail.error().message;
  sight.job_pid = result.pid;
  if (!result.detail || result.kind == JobKind::tear_down) return;
  sight.container = result.container == core::ContainerState::running ? result.container : core::ContainerState::unknown;
  if (result.kind == JobKind::settle) {
    sight.job = core::JobState::none;
    return;
  }
  sight.died = false;  // of an earlier life
  if (!sight.unconfirmed) return;
  sight.unconfirmed = false;
  sight.answered = true;
  sight.job = core::JobState::none;
}

Sight& Inventory::of(std::string_view id) {
  const auto found = sights_.find(id);
  if (found != sights_.end()) return found->second;
  return sights_.emplace(std::string(id), Sight{}).first->second;
}

std::vector<core::GearView> Inventory::views(const core::Registry& registry) {
  std::vector<core::GearView> views;
  views.reserve(registry.gears.size());
  for (const auto& gear : registry.gears) {
    const auto& sight = of(gear.id);
    core::GearView view;
    view.gear = &gear;
    view.server = sight.server;
    view.scur = sight.scur;
    view.may_have_more = has_predecessor_;
    view.stot_last_minute = sight.stot - sight.older.stot;
    view.idle_since = sight.idle_since;
    view.down_since = sight.down_since;
    view.container = sight.died ? core::ContainerState::stopped : sight.container;
    view.settle_from = sight.settle_from;
    // Another process may have made something else of a standby that settles: the next job ends that one.
    view.job = sight.settles && gear.state != core::GearState::standby ? core::JobState::none : sight.job;
    view.unconfirmed = sight.unconfirmed || gear.unconfirmed;
    view.answered = sight.answered;
    view.half_enrolled = sight.half_enrolled;
    view.failures = sight.failures;
    view.not_before = sight.retry_at;
    views.push_back(view);
  }
  return views;
}

core::Observation Inventory::observation(const core::Registry& registry, double sessions) {
  core::Observation seen;
  seen.sessions = sessions;
  for (const auto& gear : registry.gears) {
    const auto& sight = of(gear.id);
    const auto server = sight.server;
    switch (gear.state) {
      case core::GearState::starting: seen.coming += gear.replaces.empty() ? 1 : 0; break;  // a replacement adds nothing
      case core::GearState::standby: ++seen.standby; break;
      case core::GearState::draining: ++seen.draining; break;
      case core::GearState::serving:
        if (sight.died) break;              // whatever HAProxy still thinks of it
        if (!gear.replaces.empty()) break;  // until the other one drains
        if (server == core::ServerState::up) ++seen.serving;
        if (server == core::ServerState::down) ++seen.down;
        // HAProxy forgot it; it is enrolled again at once.
        if (server == core::ServerState::absent || (server == core::ServerState::maint && sight.half_enrolled)) ++seen.coming;
        break;
      case core::GearState::preparing:
      case core::GearState::removing:
      case core::GearState::failed: break;
    }
  }
  return seen;
}

std::vector<core::ServerFact> Inventory::servers(const BalancerView& view) {
  std::vector<core::ServerFact> facts;
  facts.reserve(view.gears.size());
  for (const auto& row : view.gears) facts.push_back(core::ServerFact{std::string(row.id), row.address, row.state});
  return facts;
}

void Inventory::step_failed(std::string_view id, core::Time now, const std::string& why) {
  auto& sight = of(id);
  const core::Millis wait{1'000 << std::min(sight.failures, 5)};
  sight.retry_at = now + std::min(wait, core::Millis{30'000});
  ++sight.failures;
  sight.trouble = why;
}

std::string Inventory::why_given_up(std::string_view id) {
  const auto& sight = of(id);
  if (sight.job == core::JobState::failed) return sight.job_text;
  if (sight.died) return "its container ended";
  if (sight.down_since != core::Time::max())
    return "DOWN in HAProxy for too long: " + (sight.lack.empty() ? "its application hangs" : sight.lack);
  return sight.failures > 0 ? sight.trouble : "did not become ready in time, or its container died";
}

void Inventory::step_succeeded(std::string_view id) {
  auto& sight = of(id);
  sight.retry_at = core::Time{};
  sight.failures = 0;
}

bool Inventory::has_jobs() const {
  return std::any_of(sights_.begin(), sights_.end(), [](const auto& entry) { return entry.second.job == core::JobState::running; });
}

std::vector<std::string> Inventory::with_jobs() const {
  std::vector<std::string> ids;
  for (const auto& [id, sight] : sights_) {
    if (sight.job != core::JobState::none) ids.push_back(id);
  }
  std::sort(ids.begin(), ids.end());  // the same order on any machine
  return ids;
}

}  // namespace gearscale::app
