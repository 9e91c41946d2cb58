// SPDX-License-Identifier: Apache-2.0
// The two loops around a tick: the controller's own, and that of a tool that follows the gears it asked for. They wait; a tick never does.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "gearscale/app/controller.hpp"
#include "gearscale/app/manual.hpp"

namespace gearscale::app {

struct Intervals {
  core::Millis check{3'000};  // between two checks
  core::Millis sample{100};   // between two fast samples
};

// What the loops need of the process around them.
struct LoopHooks {
  std::function<bool()> may_drive;                  // takes or keeps the driver's lock; exactly one process has it
  std::function<void()> stop_driving;               // gives the lock back (tools, when a daemon is there)
  std::function<bool()> daemon_runs;                // a controller is there that will carry transitions on (tools)
  std::function<TickInput()> read_inputs;           // limits and marker as they are now
  std::function<std::optional<int>()> next_signal;  // a pending signal's number
  std::function<void()> registry_touched;           // empties registry_fd
  int signal_fd = -1;
  int registry_fd = -1;  // readable when somebody replaced the registry; -1: none
};

// Runs until TERM, INT or HUP and returns which; gears in transition stay as they are for the next run. Returns when the tick under way is
// done, usually within a second of the signal.
int run_loop(Controller& controller, const Ports& ports, const std::function<Intervals()>& intervals, const LoopHooks& hooks);

struct Followed {
  std::vector<std::string> arrived;
  std::vector<std::string> failed;
  bool interrupted = false;  // by a signal; what is left is carried on by a daemon or by the next start
  std::string file_error;    // why haproxy.cfg could not be brought up to date; empty when it is
};

// Waits until `watch` says that nothing is left to wait for. Without a daemon it drives the transitions itself; with one it only watches, and
// it takes over when that one dies. True: interrupted by a signal.
struct Scenery {  // what a watcher sees each round
  const core::Registry& registry;
  const Inventory& inventory;
  bool drives;  // it is this process that carries gears on
};
Result<bool> follow_until(Controller& controller, const Ports& ports, const LoopHooks& hooks,
                          const std::function<Result<bool>(const Scenery&)>& watch);

// Is it past its deadline for longer than any job takes, so that waiting for it is in vain (a container that cannot be destroyed, say)?
bool is_overdue(const core::Gear& gear, core::Time now);

// Waits until each gear is where the command wanted it, and haproxy.cfg too. `progress` is called when something changed and at least each 500 ms.
Result<Followed> follow(Controller& controller, const Ports& ports, const LoopHooks& hooks, ManualRequest::Kind kind,
                        std::vector<std::string> ids, const std::function<void(const Scenery&, const Followed&)>& progress);

}  // namespace gearscale::app
