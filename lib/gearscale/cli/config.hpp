// SPDX-License-Identifier: Apache-2.0
// Config: the settings as the other rooms want them, typed and checked against each other. Made once, and again on HUP.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "gearscale/base/result.hpp"
#include "gearscale/cli/resolve.hpp"
#include "gearscale/cli/value_text.hpp"
#include "gearscale/core/lifecycle.hpp"
#include "gearscale/core/names.hpp"
#include "gearscale/core/types.hpp"
#include "gearscale/gears/options.hpp"
#include "gearscale/haproxy/options.hpp"

namespace gearscale::cli {

// The limits around scale_limits.txt: what is stronger than the file, and what holds where there is none.
struct LimitsSource {
  std::optional<int> min_override, max_override;  // command line, environment or ~/.env
  core::Limits fallback;                          // conf file or default
};

// The limits that hold now; `file` is what scale_limits.txt says, if it says something. Errc::config when together they make no sense.
Result<core::Limits> merge_limits(const LimitsSource& source, const std::optional<core::Limits>& file);

// Everything the programs read and write, absolute.
struct Paths {
  std::string haproxy_dir;
  std::string haproxy_cfg;
  std::string registry;        // conf/gear-registry.json
  std::string lock;            // run/gearscale.lock: the registry's
  std::string driver_lock;     // run/gearscale.driver: of the one process that carries transitions on
  std::string pid_file;        // run/haproxy_ctld.pid
  std::string output_file;     // run/haproxy_ctld.output
  std::string events_log;      // scale_events.log
  std::string events_json;     // scale_events.jsonl
  std::string scale_limits;    // scale_limits.txt
  std::string disable_marker;  // .openshift/markers/disable_auto_scaling
};

struct Config {
  core::Application application;  // its uuid may be missing: asked for by whatever works on containers
  core::Policy policy;
  LimitsSource limits;
  core::StandbyPolicy standby;
  int parallel_starts = 4;
  core::Timeouts timeouts;
  core::Millis check_interval{3'000};
  core::Millis sample_interval{100};
  haproxy::Options haproxy;
  gears::Options gears;  // template, bridge and pool may be missing: asked for when a gear is added. `idmap` is set for BASE:COUNT only
  IdMapChoice idmap;     // as chosen; the gear room resolves `auto`
  Paths paths;
  bool debug = false;
};

// Errc::config, or Errc::usage when a value at fault came from the command line: no application, unusable names, up_pct <= remove_pct,
// response_up <= response_remove, scale_min > scale_max, gateway outside the pool's network or inside the pool, a pool too small.
Result<Config> make_config(const Values& values);

// All that stop and status of the daemon need: found even while the conf file or another setting is wrong (resolve_haproxy_dir).
struct DaemonFiles {
  std::string pid_file, output_file;  // as in Paths
};
Result<DaemonFiles> find_daemon_files(const Sources& sources);

// Is `after` still the application and the farm of `before`? What makes it so cannot change while a controller runs: it would take the gears
// that are there for lost. Errc::config with the first setting that would, its two values, and what to do.
Result<void> check_same_farm(const Config& before, const Config& after);

// The pool holds at least scale_max + standby_count + 4 addresses where there is a scale_max (spare ones for gears that leave while others
// come). Errc::config otherwise; a pool that is not given (address 0) is no error.
Result<void> check_pool_size(const Config& config, const core::Limits& limits);

// `files` descriptors are enough for as many gears as there may be: two each (one tells of its end, one thaws it), and some more. Without a
// scale_max the pool tells how many that are. Errc::config otherwise.
Result<void> check_open_files(const Config& config, const core::Limits& limits, std::uint64_t files);

}  // namespace gearscale::cli
