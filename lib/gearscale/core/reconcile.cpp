// SPDX-License-Identifier: Apache-2.0
// One rule for each difference between what was meant and what is. Pure.
#include "gearscale/core/reconcile.hpp"

#include <algorithm>
#include <unordered_map>

#include "gearscale/base/text.hpp"

namespace gearscale::core {

namespace {

template <class Fact>
const Fact* find_fact(const std::vector<Fact>& facts, const std::string& id) {
  const auto found = std::find_if(facts.begin(), facts.end(), [&id](const Fact& fact) { return fact.id == id; });
  return found == facts.end() ? nullptr : &*found;
}

class Reconciliation {
 public:
  Reconciliation(Registry& registry, const Facts& facts, const Timeouts& timeouts, Time now)
      : registry_(registry), facts_(facts), timeouts_(timeouts), now_(now) {}

  Reconciled run() {
    check_addresses();
    for (auto& gear : registry_.gears) check_state(gear);
    std::vector<const ContainerFact*> strangers;
    for (const auto& container : facts_.containers) {
      if (container.trouble.empty() && find_gear(registry_, container.id) == nullptr) strangers.push_back(&container);
    }
    // Of two with one address the older one stays.
    std::stable_sort(strangers.begin(), strangers.end(), [](auto* left, auto* right) { return left->created_ms < right->created_ms; });
    for (const auto* container : strangers) take_in(*container);
    for (const auto& server : facts_.servers) {
      if (find_gear(registry_, server.id) == nullptr) see_off(server);
    }
    return std::move(result_);
  }

 private:
  void say(std::string sentence) { result_.changes.push_back(std::move(sentence)); }

  void fail_gear(Gear& gear, const std::string& why) {
    if (gear.state == GearState::serving) ++result_.lost;
    gear.note = why;
    gear.dismissed = true;
    enter(gear, GearState::failed, timeouts_, now_);
    say("gear " + gear.id + ": " + why + ": it will be destroyed, another one is made");
  }

  void check_addresses() {
    std::unordered_map<std::uint32_t, Gear*> owners;
    for (auto& gear : registry_.gears) {
      if (gear.address == 0 || gear.state == GearState::removing || gear.state == GearState::failed) continue;
      if (const auto* fact = find_fact(facts_.containers, gear.id); fact != nullptr && fact->address != 0 && fact->address != gear.address) {
        fail_gear(gear, "its container has the address " + format_ipv4(fact->address) + " instead of " + format_ipv4(gear.address));
        continue;
      }
      const auto [owner, is_first] = owners.emplace(gear.address, &gear);
      if (is_first) continue;
      auto& newer = owner->second->created_ms > gear.created_ms ? *owner->second : gear;
      if (&newer != &gear) owner->second = &gear;
      fail_gear(newer, "its address " + format_ipv4(newer.address) + " is used twice");
      newer.address = 0;
    }
  }

  void check_state(Gear& gear) {
    const auto* container = find_fact(facts_.containers, gear.id);
    const auto state = container == nullptr ? ContainerState::absent : container->state;
    if (state == ContainerState::unknown) return;
    const std::string is = " but its container is " + std::string(to_string(state)) + ": ";
    if (facts_.at_start && gear.state == GearState::serving && state != ContainerState::running) {
      enter(gear, GearState::starting, timeouts_, now_);
      say("gear " + gear.id + " should serve" + is + "starting it again");
    }
    const bool frozen = facts_.standby_state == StandbyPolicy::State::frozen;
    // One that runs is ready to be woken, too, and is frozen when its boot has ended.
    const bool ready = frozen ? state == ContainerState::frozen || state == ContainerState::running : state == ContainerState::stopped;
    if (gear.state == GearState::standby && !ready && find_fact(facts_.servers, gear.id) == nullptr) {
      enter(gear, GearState::preparing, timeouts_, now_);
      say("gear " + gear.id + " should stand by" + is + "preparing it again");
    }
  }

  bool is_taken(std::uint32_t address) const {
    return std::any_of(registry_.gears.begin(), registry_.gears.end(), [address](const Gear& gear) { return gear.address == address; });
  }

  void take_in(const ContainerFact& container) {
    Gear gear;
    gear.id = container.id;
    gear.created_ms = container.created_ms;
    const bool free = container.address != 0 && !is_taken(container.address);
    const bool fits = free && container.address >= facts_.pool.first && container.address <= facts_.pool.last;
    const bool runs = container.state == ContainerState::running;
    const bool frozen = container.state == ContainerState::frozen;
    const auto* server = find_fact(facts_.servers, container.id);
    auto state = GearState::failed;
    if (free && runs && server != nullptr) {
      state = server->state == ServerState::drain  ? GearState::draining  // it was leaving
              : server->state == ServerState::maint ? GearState::removing
                                                    : GearState::serving;
    } else if (fits && (runs || (frozen && server != nullptr))) {  // one that HAProxy has is to serve, whoever froze it
      state = GearState::starting;
    } else if (fits && frozen) {
      state = GearState::preparing;
    }
    if (free) gear.address = container.address;
    if (state == GearState::failed) gear.note = "its container had no entry in the registry and could not be adopted";
    enter(gear, state, timeouts_, now_);
    registry_.gears.push_back(std::move(gear));
    const bool leaves = state == GearState::draining || state == GearState::removing;
    const std::string_view what = state == GearState::serving    ? "adopted"
                                  : leaves                       ? "adopted, and it goes on leaving"
                                  : state == GearState::failed   ? "it will be destroyed"
                                  : state == GearState::starting ? "adopted if it answers"
                                                                 : "adopted as a standby if it answers";
    say("container of gear " + container.id + " had no entry in the registry: " + std::string(what));
  }

  void see_off(const ServerFact& server) {
    Gear gear;
    gear.id = server.id;
    if (!is_taken(server.address)) gear.address = server.address;
    enter(gear, GearState::removing, timeouts_, now_);
    gear.dismissed = true;
    registry_.gears.push_back(std::move(gear));
    say("server of gear " + server.id + " had neither an entry in the registry nor a container: it will leave HAProxy");
  }

  Registry& registry_;
  const Facts& facts_;
  const Timeouts& timeouts_;
  Time now_;
  Reconciled result_;
};

}  // namespace

Reconciled reconcile(Registry& registry, const Facts& facts, const Timeouts& timeouts, Time now) {
  return Reconciliation(registry, facts, timeouts, now).run();
}

}  // namespace gearscale::core
