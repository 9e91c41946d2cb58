// SPDX-License-Identifier: Apache-2.0
// One rule for each difference between what was meant and what is. Pure.
#include "gearscale/core/reconcile.hpp"

#include <algorithm>

namespace gearscale::core {

namespace {

template <class Fact>
const Fact* find_fact(const std::vector<Fact>& facts, const std::string& id) {
  const auto found = std::find_if(facts.begin(), facts.end(), [&id](const Fact& fact) { return fact.id == id; });
  return found == facts.end() ? nullptr : &*found;
}

Gear adopted(const ContainerFact& container, GearState state, const Timeouts& timeouts, Time now) {
  Gear gear;
  gear.id = container.id;
  gear.address = container.address;
  gear.created_ms = container.created_ms;
  enter(gear, state, timeouts, now);
  return gear;
}

}  // namespace

std::vector<std::string> reconcile(Registry& registry, const std::vector<ContainerFact>& containers, const std::vector<ServerFact>& servers,
                                   StandbyPolicy::State standby_state, const Timeouts& timeouts, Time now) {
  std::vector<std::string> changes;
  for (auto& gear : registry.gears) {
    const auto* container = find_fact(containers, gear.id);
    const auto state = container == nullptr ? ContainerState::absent : container->state;
    const std::string is = " but its container is " + std::string(to_string(state)) + ": ";
    if (gear.state == GearState::serving && state != ContainerState::running && state != ContainerState::unknown) {
      enter(gear, GearState::starting, timeouts, now);
      changes.push_back("gear " + gear.id + " should serve" + is + "starting it again");
    }
    const bool frozen = standby_state == StandbyPolicy::State::frozen;
    const bool ready = state == (frozen ? ContainerState::frozen : ContainerState::stopped) || state == ContainerState::unknown;
    if (gear.state == GearState::standby && !ready && find_fact(servers, gear.id) == nullptr) {
      enter(gear, GearState::preparing, timeouts, now);
      changes.push_back("gear " + gear.id + " should stand by" + is + "preparing it again");
    }
  }
  for (const auto& container : containers) {
    if (find_gear(registry, container.id) != nullptr) continue;
    const bool serves = container.state == ContainerState::running && container.address != 0 && find_fact(servers, container.id) != nullptr;
    registry.gears.push_back(adopted(container, serves ? GearState::serving : GearState::failed, timeouts, now));
    if (!serves) registry.gears.back().note = "its container had no entry in the registry and did not serve";
    changes.push_back("container of gear " + container.id +
                      " had no entry in the registry: " + (serves ? "adopted" : "it will be destroyed"));
  }
  for (const auto& server : servers) {
    if (find_gear(registry, server.id) != nullptr) continue;
    Gear gear;
    gear.id = server.id;
    gear.address = server.address;
    enter(gear, GearState::removing, timeouts, now);
    registry.gears.push_back(gear);
    changes.push_back("server of gear " + server.id + " had neither an entry in the registry nor a container: it will leave HAProxy");
  }
  return changes;
}

}  // namespace gearscale::core
