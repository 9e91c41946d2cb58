// SPDX-License-Identifier: Apache-2.0
// The wiring of the real parts: what each program needs, made from the configuration, and nothing decided.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

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
#include "gearscale/system/open_files.hpp"
#include "gearscale/system/registry_store.hpp"
#include "gearscale/system/signals.hpp"

namespace gearscale::cli {

// The configuration of this process: command line, environment, files. Errc::config, too, when check_places objects; with `values`, which is
// filled for --print-config, that is left to the caller.
Result<Config> load_config(const CommonOptions& options, Values* values = nullptr);

// Could anybody but root, or ourselves, change what we are told to do: settings (conf file, ~/.env), registry, haproxy.cfg,
// haproxy_binary, or the directories that hold these, the locks, the logs and the containers? Errc::config, see system::check_trusted. Hooks are judged when
// they are run; scale_limits.txt and the markers are the application's to give.
Result<void> check_places(const CommonOptions& options, const Config& config, const Values& values);

// scale_limits.txt and the disable_auto_scaling marker as they are now. A malformed file keeps the last good limits and is said once, again
// when it changes, and so is that it is in order again.
class ControlFiles {
 public:
  explicit ControlFiles(const Config& config);
  // What scale_limits.txt says; nothing when there is none. Errc::config when it is malformed.
  Result<std::optional<core::Limits>> file_limits() const;
  // The limits that hold, or the errors of file_limits: for tools, which had better refuse than guess.
  Result<core::Limits> strict_limits() const;
  // One sentence, with what to do, for each file or directory by which everybody on this machine may set the limits or stop automatic scaling.
  std::vector<std::string> open_to_everybody() const;
  app::TickInput read(EventSink& events);
  // For a new life of the loop: while the file is malformed, the limits of the old life stay.
  const core::Limits& last_good() const { return last_good_; }
  void start_from(const core::Limits& limits) { last_good_ = limits; }

 private:
  LimitsSource source_;
  std::string limits_path_;
  std::string marker_path_;
  core::Limits last_good_;
  std::string last_text_;
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
  std::uint64_t open_files = system::raise_open_files();  // that this process may have: gears are held by two each
  system::SystemClock clock;
  system::EventLog events;
  system::RegistryStore store;
  haproxy::HaproxyBalancer balancer;
  gears::LxcGearHost host;
  ControlFiles files;
  DriverLock driver;
  std::unique_ptr<ResponseLog> response;  // only once open_response_log was called
  app::Ports ports{balancer, host, store, clock, events};

  // For the controller's loop: one look at the log would know no response time, so the others do without.
  void open_response_log();
  app::ControlSettings settings(const std::string& by) const;
};

// Errc::config when the application has no uuid, which is in the mark of its containers.
Result<void> require_uuid(const Config& config);

// Root, directories, uuid, settings of template, bridge and pool are there, the id range is resolved: all that scaling needs before it starts. That new
// gears can have the addresses is asked when gears are to be added; one that leaves needs no bridge. Errc::config otherwise.
enum class Purpose { add_gears, nothing_new };
Result<void> prepare_to_scale(Config& config, Purpose purpose = Purpose::add_gears);

// The hooks of a process that waits: signals, the registry's watch, the driver's lock.
app::LoopHooks make_hooks(RealParts& parts, system::SignalFd& signals, system::FileWatch* watch);

}  // namespace gearscale::cli
