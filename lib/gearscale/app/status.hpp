// SPDX-License-Identifier: Apache-2.0
// What haproxy_ctld --status shows. Looks, changes nothing, and feeds no window: printing a status never samples.
#pragma once

#include <sys/types.h>

#include <optional>

#include "gearscale/app/controller.hpp"
#include "gearscale/codec/status.hpp"

namespace gearscale::app {

// `controller_pid`: the running controller, if any. Without HAProxy the status has its error and the registry's side. Errc::unavailable without a registry.
Result<codec::StatusReport> status(const ControlSettings& settings, const Ports& ports, const core::Limits& limits,
                                   std::optional<pid_t> controller_pid);

}  // namespace gearscale::app
