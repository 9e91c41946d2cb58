// SPDX-License-Identifier: Apache-2.0
// Gathers everything and lets core judge it.
#include "gearscale/app/check.hpp"

#include "gearscale/app/controller.hpp"
#include "gearscale/core/invariants.hpp"

namespace gearscale::app {

namespace {

// A gear that is to serve and gets no requests: not in order, whatever the reason.
std::vector<std::string> why_down(GearHost& host, const core::Registry& registry, const std::vector<core::ServerFact>& servers) {
  std::vector<DownGear> down;
  for (const auto& server : servers) {
    const auto* gear = core::find_gear(registry, server.id);
    const bool is_down = server.state == core::ServerState::down && gear != nullptr && gear->state == core::GearState::serving;
    if (is_down) down.push_back({.id = gear->id, .address = gear->address});
  }
  std::vector<std::string> sentences;
  if (down.empty()) return sentences;
  for (const auto& diagnosis : host.diagnose(down))
    sentences.push_back("gear " + diagnosis.id + " (serving) is DOWN in HAProxy: " + diagnosis.text);
  return sentences;
}

}  // namespace

Result<CheckReport> check(const Ports& ports, const core::Limits& limits, core::Millis grace,
                          std::vector<std::string> temp_files) {
  core::Everything seen;
  seen.limits = limits;
  seen.leftovers = std::move(temp_files);
  const auto loaded = ports.store.load();
  if (!loaded) return fail(loaded.error());
  const auto registry = *loaded->registry;
  if (registry.former_marks) {
    return fail(Errc::unavailable,
                "the registry is of a version whose containers had no uuid: the controller gives them one at its next start");
  }
  seen.registry = &registry;
  const auto view = ports.balancer.observe();
  if (!view) return fail(view.error());
  seen.servers = Inventory::servers(**view);
  auto containers = ports.host.list();
  if (!containers) return fail(containers.error());
  seen.containers = std::move(*containers);
  const auto agrees = ports.balancer.file_holds(servers_of_file(registry));
  if (!agrees) return fail(agrees.error());
  seen.file_agrees = *agrees || ports.balancer.file_busy();
  std::vector<std::string> known;
  for (const auto& gear : registry.gears) known.push_back(gear.id);
  auto leftovers = ports.host.leftovers(known);
  if (!leftovers) return fail(leftovers.error());
  seen.leftovers.insert(seen.leftovers.end(), leftovers->begin(), leftovers->end());
  auto untied = ports.host.untied(tied_gears(registry));
  if (!untied) return fail(untied.error());
  seen.faults = std::move(*untied);
  for (auto& sentence : why_down(ports.host, registry, seen.servers)) seen.faults.push_back(std::move(sentence));
  return CheckReport{static_cast<int>(registry.gears.size()), core::is_at_rest(registry),
                     core::broken_invariants(seen, grace, ports.clock.now())};
}

}  // namespace gearscale::app
