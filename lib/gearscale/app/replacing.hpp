// SPDX-License-Identifier: Apache-2.0
// The command that begins a rolling replacement: an intent in the registry; whoever drives the gears carries it on.
#pragma once

#include <optional>
#include <string>

#include "gearscale/app/gear_driver.hpp"

namespace gearscale::app {

struct ReplaceRequest {
  std::optional<std::string> template_name;  // nothing: the template in force
  int step = 1;
};

// Begins, or goes on with, the replacement of every gear that was not cloned from the template. Once its first gear has proven itself, new
// gears are cloned from it, until the configuration names another one. The result is the registry's entry: `done` when there was nothing to
// do. Nothing is changed with settings.dry_run. Errors: Errc::config (no such template ...), Errc::limit (no room for a new gear),
// Errc::unavailable (lock, registry, another replacement runs).
Result<core::Registry> begin_replacement(const ControlSettings& settings, const Ports& ports, const ReplaceRequest& request);

}  // namespace gearscale::app
