// SPDX-License-Identifier: Apache-2.0
// Sessions live for half a minute on average; three of ten clients of a draining server come back to it.
#include "gearscale/sim/proxy.hpp"

#include <algorithm>
#include <cmath>

namespace gearscale::sim {

namespace {

using core::Millis;
using core::ServerState;
using core::Time;

constexpr double kMeanStayMs = 30'000;
constexpr double kReturns = 0.3;
constexpr Millis kCheckLag{1'500};  // until HAProxy's own checks believe what they see

}  // namespace

ServerState Proxy::state_of(const Server& server) const {
  if (server.admin == Admin::maint) return ServerState::maint;
  if (server.admin == Admin::drain) return ServerState::drain;
  return server.up ? ServerState::up : ServerState::down;
}

void Proxy::look() {
  bool changed = false;
  for (auto& [id, server] : servers) {
    const auto found = machine_.containers.find(id);
    const bool answers = found != machine_.containers.end() && found->second.address == server.address && machine_.answers(found->second);
    if (answers == server.up) continue;
    const auto since = found == machine_.containers.end() ? server.since : std::max(server.since, machine_.answer_changed(found->second));
    if (clock_.now() - since < kCheckLag) continue;
    server.up = answers;
    server.since = clock_.now();
    if (!answers) server.scur = 0;
    changed = true;
  }
  if (changed) spread();
}

void Proxy::spread() {
  int there = 0;
  for (const auto& [id, server] : servers) there += server.scur;
  for (; there < load_; ++there) {
    Server* least = nullptr;
    for (auto& [id, server] : servers) {
      if (state_of(server) == ServerState::up && (least == nullptr || server.scur < least->scur)) least = &server;
    }
    if (least == nullptr) return;  // they wait in the queue
    ++least->scur;
    ++least->stot;
  }
  for (auto server = servers.begin(); there > load_ && server != servers.end(); ++server) {
    const int leave = std::min(server->second.scur, there - load_);
    server->second.scur -= leave;
    there -= leave;
  }
}

void Proxy::set_load(int sessions) {
  load_ = sessions;
  spread();
}

void Proxy::churn(Millis passed) {
  look();
  const double ends = 1 - std::exp(-static_cast<double>(passed.count()) / kMeanStayMs);
  for (auto& [id, server] : servers) {
    int left = 0;
    for (int i = 0; i < server.scur; ++i) {
      if (!chance_.hit(ends)) {
        ++left;
      } else if (server.admin == Admin::drain && server.up && chance_.hit(kReturns)) {
        ++left;
        ++server.stot;
      }
    }
    server.scur = left;
  }
  spread();
}

bool Proxy::drains() const {
  return std::any_of(servers.begin(), servers.end(),
                     [](const auto& entry) { return entry.second.admin != Admin::ready && entry.second.scur > 0; });
}

bool Proxy::rotates(std::string_view id) const {
  const auto found = servers.find(id);
  return found != servers.end() && found->second.admin == Admin::ready;
}

void Proxy::restart(Time predecessor_until) {
  pid += chance_.between(1, 50);
  restarted = clock_.now();
  predecessor_until_ = predecessor_until;
  servers.clear();
  for (const auto& spec : file) servers[spec.id] = Server{.address = spec.address, .since = clock_.now()};
  spread();
}

}  // namespace gearscale::sim
