// SPDX-License-Identifier: Apache-2.0
// What the HAProxy room has to know; filled from the settings (docs/configuration.md). Passive data.
#pragma once

#include <string>

#include "gearscale/core/names.hpp"
#include "gearscale/core/types.hpp"

namespace gearscale::haproxy {

struct Options {
  core::Application application;
  std::string backend = "express";
  std::string stats_socket;            // the Runtime API's unix socket, level admin
  std::string config_file;             // haproxy.cfg with our markers
  std::string processes_file;          // where earlier processes of HAProxy are remembered; empty: nowhere
  std::string binary = "haproxy";      // for `-c`; looked up in PATH unless it has a slash
  int gear_port = 8080;
  std::string check;                   // server arguments of the health check; empty: none
  int gear_maxconn = 0;                // 0: none
  core::Millis deadline{1'000};        // of one exchange
  std::string log_ring = "requests";   // the ring with the log of requests; empty: log_file
  std::string log_file;
};

}  // namespace gearscale::haproxy
