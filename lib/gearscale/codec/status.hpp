// SPDX-License-Identifier: Apache-2.0
// haproxy_ctld --status as a table for people and as JSON for programs. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "gearscale/base/result.hpp"
#include "gearscale/core/gear.hpp"
#include "gearscale/core/lifecycle.hpp"
#include "gearscale/core/types.hpp"

namespace gearscale::codec {

struct StatusGear {
  std::string name, server, container;
  std::uint32_t address = 0;
  core::GearState state = core::GearState::starting;
  core::ServerState server_state = core::ServerState::absent;
  int sessions = 0;
  bool pinned = false;
  std::int64_t seconds_in_state = 0;
  std::string template_name;
  std::string note;
};

struct StatusReport {
  double sessions = 0;
  double capacity_pct = 0;
  int serving = 0, coming = 0, down = 0, draining = 0, standby = 0;
  core::Limits limits;
  core::Policy policy;
  std::string template_name;          // in force
  std::optional<int> controller_pid;  // nothing: no controller runs
  core::Breaker breaker;              // of the template whose gears failed last
  std::int64_t breaker_seconds = 0;   // until it lets the next clone through; 0: it is not open
  std::string error;                  // why HAProxy could not be asked; empty when it could
  Errc error_code = Errc::unavailable;
  std::vector<StatusGear> gears;
};

// {"sessions","capacity_pct","serving","coming","down","draining","standby","template","limits":{"min","max"},"thresholds":{"up_pct","remove_pct"},
//  "controller":{"running","pid"},"breaker":{"template","failures","open_seconds","why"},"error"(only then),
//  "gears":[{"name","server","container","address","state","server_state","sessions","pinned","seconds","template","note"}]}
std::string status_json(const StatusReport& report);
std::string status_table(const StatusReport& report);

}  // namespace gearscale::codec
