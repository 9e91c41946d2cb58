// SPDX-License-Identifier: Apache-2.0
// What the gear room has to know; filled from the settings (docs/configuration.md). Passive data.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "gearscale/core/names.hpp"
#include "gearscale/core/plan.hpp"
#include "gearscale/core/types.hpp"

namespace gearscale::gears {

enum class CloneMode { automatic, overlay, copy };  // automatic: overlay, a full copy where overlay is not possible
enum class ProbeKind { http, tcp };

// Ids of the host that a gear's ids 0..count-1 are mapped to.
struct IdMap {
  std::uint32_t base = 0;
  std::uint32_t count = 0;
};

struct Options {
  core::Application application;
  std::string lxc_path = "/var/lib/lxc";
  std::string template_name;
  std::string bridge;
  core::AddressPool pool;
  std::uint32_t gateway = 0;              // 0: none
  bool isolate_gears = true;              // gears reach the bridge, not each other
  int gear_port = 8080;
  ProbeKind probe = ProbeKind::http;
  std::string probe_path = "/";
  core::Millis probe_interval{5};         // between two tries
  CloneMode clone_mode = CloneMode::automatic;
  std::optional<IdMap> idmap;             // nothing: privileged gears
  std::int64_t gear_memory = 0;           // bytes; 0: no limit
  double gear_cpu = 0;                    // cores; 0: no limit
  int gear_pids = 0;                      // processes; 0: no limit
  std::int64_t memory_reserve = 0;        // bytes that stay free
  core::Millis stop_timeout{5'000};       // clean shutdown before a kill
  core::StandbyPolicy::State standby_state = core::StandbyPolicy::State::frozen;
  core::Millis standby_settle{1'000};     // quiet for so long before it is frozen; 0: frozen when it answers
  std::string hooks_dir;                  // with pre_start_gear, post_start_gear, pre_stop_gear; empty: none
  core::Millis hook_timeout{30'000};
};

}  // namespace gearscale::gears
