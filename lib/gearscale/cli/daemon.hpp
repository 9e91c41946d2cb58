// SPDX-License-Identifier: Apache-2.0
// haproxy_ctld_daemon: starts the controller in the background and controls the one that runs. Whether one runs is told by the lock on its
// pid file alone, never by a number in a file or a process's name. What the controller does is not known here.
#pragma once

#include <functional>
#include <iosfwd>
#include <string>

#include "gearscale/base/result.hpp"
#include "gearscale/cli/options.hpp"
#include "gearscale/cli/ready_report.hpp"
#include "gearscale/core/types.hpp"

namespace gearscale::cli {

struct DaemonWaits {
  core::Millis lock{15'000};    // start: until the controller has its pid file
  core::Millis silence{6'000};  // start: from then on without a report; the controller itself gives HAProxy 5 s
  core::Millis stop{20'000};    // stop: from TERM until the lock is free, as the cartridge waits
  core::Millis poll{20};        // between two looks at the lock
};

struct Daemon {
  std::string pid_file;
  std::string output_file;  // gets stdout and stderr of the controller in the background; its directory must exist
  // The controller: validates its configuration, takes the pid file, contacts HAProxy, reports once, works until TERM, returns its exit
  // code. In the background it runs in a forked process with no descriptors but 0 to 2 and the report's, in directory /, with umask 027. So
  // open nothing and start no thread before.
  std::function<int(ReadyReport& ready)> controller;
  std::ostream* out = nullptr;  // of the commands; both must be set
  std::ostream* err = nullptr;
  DaemonWaits waits = {};
};

// Carries the command out and returns the exit code: that of the LSB for status (0 running, 1 dead with a pid file, 3 not running), the
// controller's for run and for a start that failed. Errc::failed: start or run of a running one, a start that failed silently, a stop that
// takes too long (nothing is ever killed), files or processes that cannot be made. Errc::config: start, stop or run by somebody who is not root.
// Errc::unavailable: a status that cannot be known. Blocks as DaemonWaits says, run as long as the controller runs.
Result<int> control_daemon(const Daemon& daemon, DaemonCommand command);

}  // namespace gearscale::cli
