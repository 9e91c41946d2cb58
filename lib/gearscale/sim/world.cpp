// SPDX-License-Identifier: Apache-2.0
// The simulated parts behave as the real ones were seen to, in virtual time.
#include "gearscale/sim/world.hpp"

#include <algorithm>

#include "gearscale/core/invariants.hpp"

namespace gearscale::sim {

using core::ServerState;

Result<const BalancerView*> SimBalancer::observe() {
  if (down) return fail(*down);
  view_.sessions = load;
  view_.pid = pid;
  view_.has_predecessor = has_predecessor;
  view_.gears.clear();
  for (const auto& [id, server] : servers) view_.gears.push_back(ServerView{id, server.state, server.scur, server.stot, server.address});
  return &view_;
}

Result<void> SimBalancer::add(const ServerSpec& server) {
  if (down) return fail(*down);
  auto& entry = servers[server.id];
  entry.address = server.address;
  entry.state = half_add ? ServerState::maint : ServerState::up;
  return half_add ? Result<void>(fail(Errc::failed, "it is there, but not ready")) : Result<void>();
}

Result<void> SimBalancer::set_state(std::string_view id, ServerState state) {
  if (down) return fail(*down);
  const auto found = servers.find(id);
  if (found == servers.end()) return fail(Errc::failed, "No such server.");
  found->second.state = state;
  return {};
}

Result<void> SimBalancer::cut_sessions(std::string_view id) {
  if (down) return fail(*down);
  ++cuts;
  if (const auto found = servers.find(id); found != servers.end()) found->second.scur = 0;
  return {};
}

Result<bool> SimBalancer::remove(std::string_view id) {
  if (down) return fail(*down);
  const auto found = servers.find(id);
  if (found == servers.end()) return true;
  if (found->second.state != ServerState::maint) return fail(Errc::failed, "Only servers in maintenance mode can be deleted.");
  if (found->second.scur > 0) return false;
  servers.erase(found);
  return true;
}

Result<void> SimBalancer::begin_file(const std::vector<ServerSpec>& specs) {
  ++writings;
  if (file_failure) {
    written_ = fail(*file_failure);
    return {};
  }
  file.clear();
  for (const auto& spec : specs) file.push_back(spec.id);
  written_ = Result<void>();
  return {};
}

Result<bool> SimBalancer::file_holds(const std::vector<ServerSpec>& specs) {
  return std::equal(file.begin(), file.end(), specs.begin(), specs.end(),
                    [](const std::string& id, const ServerSpec& spec) { return id == spec.id; });
}

Result<std::vector<core::ContainerFact>> SimGearHost::list() {
  if (list_hangs) {
    clock_.advance(core::Millis{1'000});
    return fail(Errc::unavailable, "LXC does not answer");
  }
  std::vector<core::ContainerFact> facts;
  for (const auto& [id, container] : containers) {
    if (!container.former_mark) facts.push_back(core::ContainerFact{id, container.address, container.state, 0});
  }
  for (const auto& [id, why] : left_alone) {
    facts.push_back({.id = id, .address = 0, .state = core::ContainerState::unknown, .created_ms = 0, .trouble = why});
  }
  return facts;
}

Result<core::ContainerState> SimGearHost::inspect(std::string_view id) {
  const auto found = containers.find(id);
  return found == containers.end() || found->second.former_mark ? core::ContainerState::absent : found->second.state;
}

Result<void> SimGearHost::take_over(const std::vector<std::string>& ids) {
  if (no_take_over) return fail(*no_take_over);
  for (auto& [id, container] : containers) {
    if (std::find(ids.begin(), ids.end(), id) != ids.end()) container.former_mark = false;
  }
  return {};
}

Result<void> SimGearHost::check_room(int, const std::string&) { return no_room ? Result<void>(fail(*no_room)) : Result<void>(); }

Result<void> SimGearHost::begin(JobKind kind, const GearSpec& gear, core::Millis deadline) {
  if (jobs_.contains(gear.id)) return fail(Errc::failed, "a job of gear " + gear.id + " is running already");
  auto needs = tear_down;
  if (kind != JobKind::tear_down) {
    const auto found = containers.find(gear.id);
    const bool runs = found != containers.end() && found->second.state != core::ContainerState::stopped;
    needs = runs ? thawed_boot : boot;
    if (kind == JobKind::bring_up) ++begun;
    if (kind == JobKind::settle) needs = rest_of_boot.value_or(core::Millis{0}) + freeze;
    if (kind == JobKind::stand_by && !rest_of_boot) needs += freeze;
    if (!runs) containers[gear.id] = Container{gear.address, core::ContainerState::running, gear.template_name};
    if (kind == JobKind::bring_up) containers[gear.id].state = core::ContainerState::running;
  }
  jobs_[gear.id] = Job{kind, gear, clock_.now() + std::min(needs, deadline), needs > deadline};
  most_at_once = std::max(most_at_once, static_cast<int>(jobs_.size()));
  return {};
}

void SimGearHost::finish(const Job& job, JobResult& result) {
  if (job.kind == JobKind::tear_down) {
    if (job.gear.id == indestructible) {
      result.detail = fail(Errc::failed, "cannot remove its directory: Device or resource busy");
    } else {
      containers.erase(job.gear.id);
    }
    return;
  }
  auto& container = containers[job.gear.id];
  const bool broken = !broken_template.empty() && container.template_name == broken_template;
  if (boot_failure) result.detail = fail(*boot_failure);
  if (broken) result.detail = fail(Errc::failed, "gears of template " + broken_template + " do not answer");
  if (container.state == core::ContainerState::stopped) result.detail = fail(Errc::failed, "its container died");
  if (!result.detail || job.kind == JobKind::bring_up) return;
  const bool freezes = job.kind == JobKind::settle ? !job.late : !rest_of_boot;
  if (standby_state == core::StandbyPolicy::State::stopped) {
    container.state = core::ContainerState::stopped;
  } else if (freezes) {
    container.state = core::ContainerState::frozen;
  }
  result.container = container.state;
}

std::vector<JobResult> SimGearHost::finished() {
  std::vector<JobResult> results;
  for (auto job = jobs_.begin(); job != jobs_.end();) {
    if (job->second.end > clock_.now()) {
      ++job;
      continue;
    }
    JobResult result{job->first, job->second.kind, 4711, std::string("simulated"), {}};
    finish(job->second, result);
    if (job->second.late && job->second.kind != JobKind::settle) result.detail = fail(Errc::failed, "killed at its deadline");
    results.push_back(std::move(result));
    job = jobs_.erase(job);
  }
  return results;
}

Result<void> SimGearHost::wake(std::string_view id) {
  const auto found = containers.find(id);
  if (found == containers.end() || found->second.state == core::ContainerState::stopped) return fail(Errc::failed, "it is not frozen");
  if (const auto job = jobs_.find(id); job != jobs_.end() && job->second.kind == JobKind::settle) jobs_.erase(job);
  found->second.state = core::ContainerState::running;
  return {};
}

std::vector<Diagnosis> SimGearHost::diagnose(const std::vector<DownGear>& gears) {
  std::vector<Diagnosis> found;
  for (const auto& gear : gears) found.push_back({gear.id, lack});
  return found;
}

bool SimGearHost::begin_diagnosis(const std::vector<DownGear>& gears) {
  ++diagnoses_begun;
  diagnoses_ = diagnose(gears);
  return true;
}

void SimGearHost::kill(const std::string& id) {
  containers[id].state = core::ContainerState::stopped;
  died_.push_back(id);
}

Result<void> SimResponseLog::read(core::ResponseWindow& window, core::Time now) {
  if (lost) return fail(*lost);
  for (int i = 0; i < requests; ++i) window.add(now, each_ms);
  return {};
}

Result<std::unique_ptr<StoreLock>> SimStore::lock(core::Millis) { return std::make_unique<StoreLock>(); }

Result<void> SimStore::save(const core::Registry& changed) {
  if (save_failure) return fail(*save_failure);
  registry = changed;
  ++saves;
  return {};
}

int SimEvents::count(std::string_view part) const {
  return static_cast<int>(
      std::count_if(lines.begin(), lines.end(), [part](const auto& line) { return line.second.find(part) != std::string::npos; }));
}

std::vector<std::string> broken_invariants(SimStore& store, SimGearHost& host, SimBalancer& balancer) {
  core::Everything seen;
  seen.registry = &store.registry;
  seen.containers = *host.list();
  for (const auto& [id, server] : balancer.servers) seen.servers.push_back(core::ServerFact{id, server.address, server.state});
  std::vector<ServerSpec> specs;
  for (const auto& gear : store.registry.gears) {
    if (core::belongs_in_file(gear.state)) specs.push_back(ServerSpec{gear.id, gear.address});
  }
  seen.file_agrees = *balancer.file_holds(specs);
  auto broken = core::broken_invariants(seen, core::Millis{0}, core::Time{});
  for (const auto& gear : store.registry.gears) {
    if (gear.state != core::GearState::serving && gear.state != core::GearState::standby)
      broken.push_back("gear " + gear.id + " is " + std::string(core::to_string(gear.state)));
  }
  return broken;
}

}  // namespace gearscale::sim
