// SPDX-License-Identifier: Apache-2.0
// The inventory's bookkeeping.
#include "gearscale/app/inventory.hpp"

#include <algorithm>

namespace gearscale::app {

void Inventory::see(const BalancerView& view, const core::Registry& registry) {
  sights_.reserve(view.gears.size());
  for (auto& [id, sight] : sights_) {
    sight.server = core::ServerState::absent;
    sight.scur = 0;
  }
  for (const auto& row : view.gears) {
    auto& sight = of(row.id);
    sight.server = row.state;
    sight.scur = row.scur;
  }
  if (sights_.size() > registry.gears.size() + view.gears.size()) {
    std::erase_if(sights_, [&](const auto& entry) {
      return entry.second.server == core::ServerState::absent && core::find_gear(registry, entry.first) == nullptr;
    });
  }
}

void Inventory::job_ended(const JobResult& result) {
  auto& sight = of(result.id);
  sight.job = result.detail ? core::JobState::succeeded : core::JobState::failed;
  sight.job_text = result.detail ? *result.detail : result.detail.error().message;
  sight.job_pid = result.pid;
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
    views.push_back(core::GearView{&gear, sight.server, sight.scur, sight.container, sight.job, sight.failures});
  }
  return views;
}

core::Observation Inventory::observation(const core::Registry& registry, double sessions) {
  core::Observation seen;
  seen.sessions = sessions;
  for (const auto& gear : registry.gears) {
    const auto server = of(gear.id).server;
    switch (gear.state) {
      case core::GearState::starting: ++seen.coming; break;
      case core::GearState::draining: ++seen.draining; break;
      case core::GearState::serving:
        if (server == core::ServerState::up) ++seen.serving;
        if (server == core::ServerState::down) ++seen.down;
        if (server == core::ServerState::absent) ++seen.coming;  // HAProxy forgot it; it is enrolled again at once
        break;
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

}  // namespace gearscale::app
