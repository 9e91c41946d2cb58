// SPDX-License-Identifier: Apache-2.0
// HAProxy of a simulated machine: servers with health checks, sessions that stick to them, haproxy.cfg and the restarts that read it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "gearscale/ports.hpp"
#include "gearscale/sim/machine.hpp"

namespace gearscale::sim {

class Proxy {
 public:
  enum class Admin { ready, drain, maint };
  struct Server {
    std::uint32_t address = 0;
    Admin admin = Admin::ready;
    bool up = true;
    core::Time since{};  // when it was added or its health changed
    int scur = 0;
    std::uint64_t stot = 0;
  };

  Proxy(SimClock& clock, Chance& chance, const Machine& machine) : clock_(clock), chance_(chance), machine_(machine) {}

  // Sessions come and go; to be called now and then, sooner while gears drain.
  void churn(core::Millis passed);
  // So many sessions there are from now on.
  void set_load(int sessions);
  // Health checks up to now.
  void look();
  // Its servers are those of haproxy.cfg again. A reload leaves the old process behind until then.
  void restart(core::Time predecessor_until);

  bool is_away() const { return clock_.now() < away_until; }
  bool has_predecessor() const { return clock_.now() < predecessor_until_; }
  bool drains() const;
  // In rotation: it gets requests, or would if it were UP.
  bool rotates(std::string_view id) const;
  int load() const { return load_; }
  core::ServerState state_of(const Server& server) const;
  void spread();

  std::map<std::string, Server, std::less<>> servers;
  std::vector<ServerSpec> file;
  std::int64_t pid = 71;
  core::Time away_until{};
  core::Time restarted{};  // or a server was put back by somebody

 private:
  SimClock& clock_;
  Chance& chance_;
  const Machine& machine_;
  core::Time predecessor_until_{};
  int load_ = 0;
};

}  // namespace gearscale::sim
