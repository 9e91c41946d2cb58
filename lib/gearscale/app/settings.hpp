// SPDX-License-Identifier: Apache-2.0
// What a controller or a command works with: settings, the registry of one tick, where ids come from. Passive data.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "gearscale/core/names.hpp"
#include "gearscale/core/pool.hpp"

namespace gearscale::app {

struct ControlSettings {
  core::Application application;
  core::Policy policy;
  core::Timeouts timeouts;
  core::StandbyPolicy standby;
  int parallel_starts = 4;
  core::AddressPool pool;
  std::string template_name;        // as configured; the registry may have another one in force
  bool keeps_pool = false;          // fills the pool of standbys and wakes them at once: the daemon, not a tool
  std::string by = "haproxy_ctld";  // the program that acts, for the events
  int pid = 0;                      // its process
  bool dry_run = false;             // decide and record, change nothing
  bool one_shot = false;            // --once: low checks and the flap timer come from the registry instead of this process's life
};

// The registry of one tick: read-only until something changes.
struct Working {
  const core::Registry* now_on_disk;
  std::optional<core::Registry> draft;
  const core::Registry& read() const { return draft ? *draft : *now_on_disk; }
  core::Registry& edit() {
    if (!draft) draft = *now_on_disk;
    return *draft;
  }
};

using IdSource = std::function<std::string()>;

}  // namespace gearscale::app
