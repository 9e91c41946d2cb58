// SPDX-License-Identifier: Apache-2.0
// Gathers the status from the ports.
#include "gearscale/app/status.hpp"

#include "gearscale/core/capacity.hpp"

namespace gearscale::app {

Result<codec::StatusReport> status(const ControlSettings& settings, const Ports& ports, const core::Limits& limits,
                                   std::optional<pid_t> controller_pid) {
  const auto loaded = ports.store.load();
  if (!loaded) return fail(loaded.error());
  const auto& registry = *loaded->registry;
  codec::StatusReport report;
  report.limits = limits;
  report.policy = settings.policy;
  report.template_name = core::template_in_force(registry, settings.template_name);
  report.controller_pid = controller_pid ? std::optional<int>(*controller_pid) : std::nullopt;
  report.breaker = registry.breaker;
  const auto open = std::chrono::ceil<std::chrono::seconds>(registry.breaker.open_until - ports.clock.now());
  report.breaker_seconds = core::is_open(registry.breaker) ? std::max<std::int64_t>(0, open.count()) : 0;
  Inventory inventory;
  const auto seen = ports.balancer.observe();
  if (seen) {
    inventory.see(**seen, registry, ports.clock.now());
    const auto counts = inventory.observation(registry, (*seen)->sessions);
    report.sessions = counts.sessions;
    report.serving = counts.serving;
    report.coming = counts.coming;
    report.down = counts.down;
    report.draining = counts.draining;
    report.standby = counts.standby;
    report.capacity_pct = core::capacity_pct({counts.sessions, counts.serving, settings.policy.sessions_per_gear});
  } else {
    report.error = seen.error().message;
    report.error_code = seen.error().code;
  }
  const auto& application = settings.application;
  for (const auto& gear : registry.gears) {
    const auto& sight = inventory.of(gear.id);
    codec::StatusGear line;
    line.name = core::gear_name(application, gear.id);
    line.server = core::server_name(application, gear.id);
    line.container = core::container_name(application, gear.id);
    line.address = gear.address;
    line.state = gear.state;
    line.server_state = sight.server;
    line.sessions = sight.scur;
    line.pinned = gear.pinned;
    line.seconds_in_state = std::max<std::int64_t>(0, (ports.clock.now() - gear.since).count() / 1'000);
    line.template_name = gear.template_name;
    line.note = gear.note;
    report.gears.push_back(std::move(line));
  }
  return report;
}

}  // namespace gearscale::app
