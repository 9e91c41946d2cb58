// SPDX-License-Identifier: Apache-2.0
// What may go wrong in a simulated world, and how often. Nothing does by default. Passive data.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace gearscale::sim {

// Probabilities of a call of a port.
struct CallFaults {
  double fails = 0;   // nothing was done
  double hangs = 0;   // until its deadline; then it was done or not, and a failure is reported
  double lies = 0;    // it was done, and a failure is reported
  double halves = 0;  // half of it was done, where it has halves, and a failure is reported
};

// What befalls the world from outside, each so many times an hour. The last ones are for whoever runs the processes.
enum class Calamity {
  gear_dies,
  gear_hangs,    // the container runs, and nothing answers, for a while or for ever
  gear_freezes,  // somebody freezes a container, or thaws a frozen one
  boots_break,   // gears do not come up for a while; perhaps those of one template only
  boots_slow,
  template_gone,
  proxy_restarts,  // what is not in haproxy.cfg is lost
  proxy_reloads,   // the same, and the old process keeps its sessions for a while
  proxy_away,
  server_lost,   // somebody removed a server
  server_stray,  // or left one of ours behind that nobody knows
  file_edited,
  lock_held,
  disk_full,
  registry_lost,
  registry_corrupt,
  stranger,  // a container of ours that nobody knows
  leap,      // the clock leaps, as after a suspend
  reboot,    // of the machine
  process_killed,
  tool_drives,  // the controller stops for a while, a tool carries gears on
  command,      // by hand
  limits,
  marker,
  replacement,
};
inline constexpr std::size_t kCalamities = static_cast<std::size_t>(Calamity::replacement) + 1;

std::string_view to_string(Calamity calamity);

struct Faults {
  CallFaults balancer, host, store;
  CallFaults job;                              // of a job that was begun, not of its beginning
  double killed_before = 0, killed_after = 0;  // the process, at a call of a port: before and after its effect
  double outlived = 0;                         // a job by its process, when that is killed
  double file_fails = 0, file_lies = 0, file_hangs = 0;
  std::array<double, kCalamities> an_hour{};

  double& rate(Calamity calamity) { return an_hour[static_cast<std::size_t>(calamity)]; }
};

}  // namespace gearscale::sim
