// SPDX-License-Identifier: Apache-2.0
// The wiring of the real parts: what each program needs, made from the configuration, and nothing decided.
#pragma once

#include <optional>
#include <string>

#include "gearscale/app/control_loop.hpp"
#include "gearscale/app/controller.hpp"
#include "gearscale/cli/config.hpp"
#include "gearscale/cli/options.hpp"
#include "gearscale/gears/lxc_gear_host.hpp"
#include "gearscale/haproxy/haproxy_balancer.hpp"
#include "gearscale/system/clock.hpp"
#include "gearscale/system/event_log.hpp"
#include "gearscale/system/file_lock.hpp"
#include "gearscale/system/file_watch.hpp"
#include "gearscale/system/registry_store.hpp"
#include "gearscale/system/signals.hpp"

namespace gearscale::cli {

// The configuration of this process: command line, environment, files. `values` is filled for --print-config when given.
Result<Config> load_config(const CommonOptions& options, Values* values = nullptr);

// scale_limits.txt and the disable_auto_scaling marker as they are now. A malformed file keeps the last good limits and is said once, and again
// when it changes.
class ControlFiles {
 public:
  explicit ControlFiles(const Config& config);
  // Errc::config when the file is malformed: for tools, which had better refuse than guess.
  Result<core::Limits> strict_limits();
  app::TickInput read(EventSink& events);

 private:
  LimitsSource source_;
  std::string limits_path_;
  std::string marker_path_;
  core::Limits last_good_;
  std::string last_text_;
  bool read_once_ = false;
};

// The lock of the one process that carries transitions on.
class DriverLock {
 public:
  explicit DriverLock(std::string path) : path_(std::move(path)) {}
  bool try_hold();
  void release() { lock_.reset(); }

 private:
  std::string path_;
  std::optional<system::FileLock> lock_;
};

enum class Mirror { none, to_stdout };

struct RealParts {
  // `config.gears.idmap` is resolved before.
  RealParts(const Config& config, Mirror mirror);

  Config config;
  system::SystemClock clock;
  system::EventLog events;
  system::RegistryStore store;
  haproxy::HaproxyBalancer balancer;
  gears::LxcGearHost host;
  ControlFiles files;
  DriverLock driver;
  app::Ports ports{balancer, host, store, clock, events};

  app::ControlSettings settings(const std::string& by) const;
};

// Root, directories, template, bridge and pool are there, the id range is resolved: all that scaling needs before it starts. Errc::config otherwise.
Result<void> prepare_to_scale(Config& config);

// The hooks of a process that waits: signals, the registry's watch, the driver's lock.
app::LoopHooks make_hooks(RealParts& parts, system::SignalFd& signals, system::FileWatch* watch);

}  // namespace gearscale::cli
