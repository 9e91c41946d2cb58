// SPDX-License-Identifier: Apache-2.0
// Time and misfortune.
#include "gearscale/sim/chaos.hpp"

#include <algorithm>
#include <cstdio>
#include <iterator>

namespace gearscale::sim {

namespace {

using core::ContainerState;
using core::Millis;
using core::Time;

constexpr Millis kFileDeadline{10'000};

bool same(const ServerSpec& a, const ServerSpec& b) { return a.id == b.id && a.address == b.address; }

}  // namespace

void ChaosWorld::object(std::string what) {
  note("BROKEN: " + what);
  if (objections.size() < 20) objections.push_back(std::move(what));
}

Time ChaosWorld::next_event() const {
  auto next = std::min(machine.next_event(), churned_ + churn_interval());
  for (const auto& writing : writings) {
    if (!writing.done) next = std::min(next, writing.due);
  }
  return next;
}

void ChaosWorld::advance_to(Time time) {
  do {
    const auto next = std::clamp(next_event(), clock.now(), std::max(time, clock.now()));
    clock.advance(next - clock.now());
    machine.run_due();
    end_writings();
    if (clock.now() - churned_ >= churn_interval()) {
      proxy.churn(clock.now() - churned_);
      churned_ = clock.now();
    }
  } while (clock.now() < time);
}

void ChaosWorld::begin_writing(int owner, const std::vector<ServerSpec>& servers) {
  Writing writing{.owner = owner, .servers = servers, .due = clock.now() + chance.time(Millis{5}, Millis{300})};
  if (file_is(servers)) {
    writing.due = clock.now() + Millis{1};
  } else if (chance.hit(faults.file_hangs)) {
    writing.due = clock.now() + kFileDeadline;
    writing.reported = Error{Errc::failed, "the writing was killed at its deadline"};
    writing.works = chance.hit(0.5);
  } else if (chance.hit(faults.file_fails)) {
    writing.reported = Error{Errc::config, "HAProxy refuses the file"};
    writing.works = false;
  } else if (chance.hit(faults.file_lies)) {
    writing.reported = Error{Errc::failed, "the file is not durable"};
  }
  writings.push_back(std::move(writing));
}

void ChaosWorld::end_writings() {
  for (auto& writing : writings) {
    if (writing.done || writing.due > clock.now()) continue;
    writing.done = true;
    ++machine.news;
    if (clock.now() < disk.full_until && !file_is(writing.servers)) {
      writing.works = false;
      writing.reported = Error{Errc::failed, "no space left on device"};
    }
    if (writing.works && !writing.reported && file_is(writing.servers)) continue;
    if (writing.works) proxy.file = writing.servers;
    note("haproxy.cfg " + std::string(writing.works ? "holds " + std::to_string(writing.servers.size()) + " gears" : "stays as it was") +
         (writing.reported ? ", reported: " + writing.reported->message : ""));
  }
}

bool ChaosWorld::file_is(const std::vector<ServerSpec>& servers) const {
  return std::equal(servers.begin(), servers.end(), proxy.file.begin(), proxy.file.end(), same);
}

void ChaosWorld::process_killed(int process) {
  machine.owner_killed(process);
  std::erase_if(writings, [&](const Writing& writing) { return writing.owner == process && (writing.done || chance.hit(0.5)); });
  for (auto& writing : writings) {
    if (writing.owner == process) writing.owner = 0;  // nobody collects it
  }
  std::erase_if(writings, [](const Writing& writing) { return writing.owner == 0 && writing.done; });
}

std::vector<core::ContainerFact> ChaosWorld::containers() const {
  std::vector<core::ContainerFact> facts;
  for (const auto& [id, container] : machine.containers) {
    if (!container.foreign) facts.push_back(core::ContainerFact{id, container.address, container.state, container.created_ms});
  }
  return facts;
}

std::string ChaosWorld::any_container(bool running) {
  std::vector<const std::string*> ids;
  for (const auto& [id, container] : machine.containers) {
    const bool fits = container.state == ContainerState::running || (!running && container.state == ContainerState::frozen);
    if (fits && !container.foreign) ids.push_back(&id);
  }
  return ids.empty() ? std::string() : *ids[static_cast<std::size_t>(chance.between(0, static_cast<int>(ids.size()) - 1))];
}

void ChaosWorld::strike_gear(Calamity calamity) {
  const auto now = clock.now();
  const auto id = any_container(calamity == Calamity::gear_hangs);
  if (id.empty()) return;
  auto& container = machine.containers[id];
  note(std::string(to_string(calamity)) + " " + id);
  if (calamity == Calamity::gear_dies) {
    machine.end(id);
  } else if (calamity == Calamity::gear_hangs) {
    const auto until = chance.hit(0.4) ? Time::max() : now + chance.time(Millis{2'000}, Millis{600'000});
    const bool all = chance.hit(0.1);  // one cause for all that run
    for (auto& [other_id, other] : machine.containers) {
      if (other.foreign || other.state != ContainerState::running || !(all || other_id == id)) continue;
      other.hangs_from = now;
      other.hangs_until = until;
    }
  } else {
    container.state == ContainerState::frozen ? machine.thaw(id) : machine.freeze(id);
  }
}

void ChaosWorld::stray_server() {
  char id[16];
  std::snprintf(id, sizeof id, "%08x", static_cast<unsigned>(chance.between(0, 0x7ffffffe)));
  const auto address = pool.first + static_cast<std::uint32_t>(chance.between(0, static_cast<int>(pool.size()) - 1));
  const auto admin = chance.hit(0.5) ? Proxy::Admin::ready : Proxy::Admin::maint;
  proxy.servers[id] = Proxy::Server{.address = address, .admin = admin, .up = false, .since = clock.now()};
  note(std::string("server_stray ") + id);
}

void ChaosWorld::stranger() {
  char id[16];
  std::snprintf(id, sizeof id, "%08x", static_cast<unsigned>(chance.between(0, 0x7ffffffe)));
  constexpr ContainerState kStates[] = {ContainerState::running, ContainerState::running, ContainerState::frozen, ContainerState::stopped};
  Machine::Container made{.state = kStates[chance.between(0, 3)], .template_name = "app-v1"};
  made.address = pool.first + static_cast<std::uint32_t>(chance.between(0, static_cast<int>(pool.size()) + 3));
  if (const auto other = any_container(false); !other.empty() && chance.hit(0.3)) made.address = machine.containers[other].address;
  made.created_ms = clock.system_micros() / 1'000;
  made.changed = made.answers_from = clock.now();
  if (made.state == ContainerState::stopped) made.half_made = chance.hit(0.5);
  if (made.state != ContainerState::stopped) made.init = chance.between(100'000'000, 200'000'000);
  if (chance.hit(0.2)) made.answers_from = Time::max();
  machine.containers[id] = made;
  note(std::string("stranger ") + id + " " + std::string(core::to_string(made.state)));
}

void ChaosWorld::strike_proxy(Calamity calamity) {
  const auto now = clock.now();
  note(std::string(to_string(calamity)));
  if (calamity == Calamity::proxy_away) {
    proxy.away_until = now + chance.time(Millis{1'000}, Millis{300'000});
  } else if (calamity == Calamity::proxy_restarts) {
    proxy.restart(now);
    proxy.away_until = now + chance.time(Millis{50}, Millis{30'000});
  } else if (calamity == Calamity::proxy_reloads) {
    proxy.restart(now + chance.time(Millis{1'000}, Millis{900'000}));
  } else if (calamity == Calamity::server_lost && !proxy.servers.empty()) {
    const auto which = std::next(proxy.servers.begin(), chance.between(0, static_cast<int>(proxy.servers.size()) - 1));
    note("  it was " + which->first);
    proxy.servers.erase(which);
    proxy.spread();
  } else if (calamity == Calamity::file_edited) {
    chance.hit(0.5) || proxy.file.empty() ? proxy.file.clear() : proxy.file.pop_back();
  }
}

void ChaosWorld::strike(Calamity calamity) {
  const auto now = clock.now();
  switch (calamity) {
    case Calamity::gear_dies:
    case Calamity::gear_hangs:
    case Calamity::gear_freezes: return strike_gear(calamity);
    case Calamity::proxy_restarts:
    case Calamity::proxy_reloads:
    case Calamity::proxy_away:
    case Calamity::server_lost:
    case Calamity::file_edited: return strike_proxy(calamity);
    case Calamity::server_stray: return stray_server();
    case Calamity::stranger: return stranger();
    default: break;
  }
  note(std::string(to_string(calamity)));
  switch (calamity) {
    case Calamity::boots_break:
      machine.boots_break_until = now + chance.time(Millis{10'000}, Millis{1'200'000});
      machine.broken_template = chance.hit(0.3) ? "" : chance.hit(0.5) ? "app-v1" : "app-v2";
      return;
    case Calamity::boots_slow: machine.boots_slow_until = now + chance.time(Millis{10'000}, Millis{1'200'000}); return;
    case Calamity::template_gone: machine.template_gone_until = now + chance.time(Millis{5'000}, Millis{600'000}); return;
    case Calamity::lock_held: disk.lock_held_until = now + chance.time(Millis{100}, Millis{60'000}); return;
    case Calamity::disk_full: disk.full_until = now + chance.time(Millis{1'000}, Millis{600'000}); return;
    case Calamity::registry_lost:
      disk.registry = {};
      ++disk.tampered;
      return;
    case Calamity::registry_corrupt:
      disk.corrupt = true;
      ++disk.tampered;
      return;
    case Calamity::leap: clock.advance(chance.time(Millis{2'000}, Millis{6 * 3'600'000})); return;
    case Calamity::reboot: return reboot();
    default: return;  // for processes
  }
}

void ChaosWorld::reboot() {
  const auto now = clock.now();
  machine.reboot();
  writings.clear();
  disk.lock_held_until = Time{};
  proxy.restart(now);
  proxy.away_until = now + chance.time(Millis{100}, Millis{20'000});
  for (auto& gear : disk.registry.gears) {  // times of another boot mean nothing
    if (gear.deadline != Time{}) gear.deadline = now + std::max(Millis{0}, gear.deadline - gear.since);
    gear.since = now;
  }
  core::close_breaker(disk.registry.breaker);
  disk.registry.last_addition = now;
  ++disk.tampered;
  rebooted = true;
}

void ChaosWorld::calm() {
  note("from here on nothing goes wrong");
  faults = Faults{};
  machine.boots_break_until = machine.boots_slow_until = machine.template_gone_until = Time{};
  disk.lock_held_until = disk.full_until = proxy.away_until = Time{};
  proxy.look();
}

}  // namespace gearscale::sim
