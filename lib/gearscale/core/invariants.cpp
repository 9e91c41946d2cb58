// SPDX-License-Identifier: Apache-2.0
// One rule after the other. Pure.
#include "gearscale/core/invariants.hpp"

#include <algorithm>
#include <set>
#include <unordered_map>

#include "gearscale/base/text.hpp"

namespace gearscale::core {

namespace {

enum class Expectation { yes, no, either };

struct Expected {
  Expectation container, server;
};

// What a gear in this state has to have.
Expected expected_of(GearState state) {
  using enum Expectation;
  switch (state) {
    case GearState::serving:
    case GearState::draining: return {yes, yes};
    case GearState::standby: return {yes, no};
    case GearState::preparing: return {either, no};
    case GearState::starting:
    case GearState::removing:
    case GearState::failed: return {either, either};
  }
  return {either, either};
}

bool is_settled(GearState state) { return state == GearState::serving || state == GearState::standby; }

template <class Fact>
std::unordered_map<std::string, const Fact*> by_id(const std::vector<Fact>& facts) {
  std::unordered_map<std::string, const Fact*> found;
  for (const auto& fact : facts) found.emplace(fact.id, &fact);
  return found;
}

class Judge {
 public:
  Judge(const Everything& seen, Millis grace, Time now)
      : seen_(seen), grace_(grace), now_(now), containers_(by_id(seen.containers)), servers_(by_id(seen.servers)) {}

  void look_at(const Gear& gear) {
    const auto name = "gear " + gear.id + " (" + std::string(to_string(gear.state)) + ")";
    const auto want = expected_of(gear.state);
    const auto container = containers_.find(gear.id);
    const bool there = container != containers_.end() && container->second->state != ContainerState::absent;
    const auto state = there ? container->second->state : ContainerState::absent;
    if (want.container == Expectation::yes && !there) say(name + " has no container");
    const bool runs = state == ContainerState::running || state == ContainerState::unknown;
    if (want.server == Expectation::yes && there && !runs) say(name + " has a container that is " + std::string(to_string(state)));
    if (there && container->second->address != 0 && gear.address != 0 && container->second->address != gear.address)
      say(name + " is at " + format_ipv4(gear.address) + ", its container at " + format_ipv4(container->second->address));
    const auto server = servers_.find(gear.id);
    const bool has_server = server != servers_.end();
    if (want.server == Expectation::yes && !has_server) say(name + " has no server in HAProxy");
    if (want.server == Expectation::no && has_server) say(name + " has a server in HAProxy");
    if (!is_settled(gear.state) && now_ > end_of(gear) + grace_) say(name + " is past its deadline");
    if (gear.address != 0 && !addresses_.insert(gear.address).second) say("the address " + format_ipv4(gear.address) + " is used twice");
    // What an operator holds in MAINT or DRAIN is not counted by the decision either.
    const bool held = has_server && (server->second->state == ServerState::maint || server->second->state == ServerState::drain);
    const bool counts = gear.state == GearState::starting || (gear.state == GearState::serving && !held);
    if (counts && gear.replaces.empty()) ++counted_;
    if (counts && gear.replaces.empty() && has_server && server->second->state == ServerState::down) ++down_;
  }

  std::vector<std::string> verdict() {
    const auto& registry = *seen_.registry;
    for (const auto& gear : registry.gears) look_at(gear);
    for (const auto& container : seen_.containers) {
      if (!container.trouble.empty()) {
        say(container.trouble);
      } else if (find_gear(registry, container.id) == nullptr)
        say("the container of gear " + container.id + " has no entry in the registry");
    }
    for (const auto& server : seen_.servers) {
      if (find_gear(registry, server.id) == nullptr) say("the server of gear " + server.id + " has no entry in the registry");
    }
    if (!seen_.file_agrees) say("haproxy.cfg does not hold exactly the gears that serve or drain");
    // Beside gears that are all DOWN a fresh one may start, and it serves before the first of them is given up.
    const int fresh = down_ > 0 && counted_ - down_ <= 1 ? 1 : 0;
    if (seen_.limits.max != Limits::kNoLimit && counted_ > seen_.limits.max + fresh)
      say(std::to_string(counted_) + " gears serve or start, scale_max is " + std::to_string(seen_.limits.max));
    for (const auto& fault : seen_.faults) say(fault);
    for (const auto& leftover : seen_.leftovers) say("left over: " + leftover);
    return std::move(broken_);
  }

 private:
  // A gear that is to boot may wait for its turn: its time begins when its job does, so it is not late while the farm moves on.
  Time end_of(const Gear& gear) const {
    if (gear.state != GearState::starting && gear.state != GearState::preparing) return gear.deadline;
    Time last_move{};
    for (const auto& other : seen_.registry->gears) last_move = std::max(last_move, other.since);
    return std::max(gear.deadline, last_move + (gear.deadline - gear.since));
  }

  void say(std::string sentence) { broken_.push_back(std::move(sentence)); }

  const Everything& seen_;
  Millis grace_;
  Time now_;
  std::unordered_map<std::string, const ContainerFact*> containers_;
  std::unordered_map<std::string, const ServerFact*> servers_;
  std::set<std::uint32_t> addresses_;
  int counted_ = 0;
  int down_ = 0;  // of them
  std::vector<std::string> broken_;
};

}  // namespace

std::vector<std::string> broken_invariants(const Everything& seen, Millis grace, Time now) { return Judge(seen, grace, now).verdict(); }

bool is_at_rest(const Registry& registry) {
  return std::all_of(registry.gears.begin(), registry.gears.end(), [](const Gear& gear) { return is_settled(gear.state); });
}

}  // namespace gearscale::core
