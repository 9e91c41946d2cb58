// SPDX-License-Identifier: Apache-2.0
// Commands typed by hand: the same road with a forced decision. They obey the limits, take the lock, and leave durable intents in the
// registry; whoever drives the transitions (the daemon, or the tool itself) carries them on.
#pragma once

#include <string>
#include <vector>

#include "gearscale/app/controller.hpp"

namespace gearscale::app {

struct ManualRequest {
  enum class Kind { add, remove, pin, unpin };
  Kind kind = Kind::add;
  int count = 1;                 // add, and remove without ids
  std::vector<std::string> ids;  // remove, pin, unpin: these gears
  bool now = false;              // remove: without a drain
};

struct ManualResult {
  core::Decision decision;
  std::vector<std::string> ids;  // gears woken, recalled, created, drained, pinned or unpinned; empty: nothing had to be done
};

// Errors: Errc::limit (scale_min, scale_max, pool, memory, pinned), Errc::unavailable (HAProxy, lock, registry), Errc::config (template, bridge ...),
// Errc::usage (no such gear). All or nothing: on an error, and with settings.dry_run, nothing was changed.
Result<ManualResult> command(const ControlSettings& settings, const Ports& ports, const IdSource& fresh_id, const core::Limits& limits,
                             const ManualRequest& request);

// How a gear that a tool waits for stands: still under way, arrived (serving; or gone, or kept as a standby), or failed (to serve; to leave,
// because load came back and it was recalled).
enum class Waiting { under_way, arrived, failed };
Waiting look_at(const core::Registry& registry, ManualRequest::Kind kind, const std::string& id);

}  // namespace gearscale::app
