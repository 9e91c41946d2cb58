// SPDX-License-Identifier: Apache-2.0
// Does a gear answer? One try; when to try again is the caller's business.
#pragma once

#include <cstdint>
#include <string_view>

#include "gearscale/base/result.hpp"
#include "gearscale/core/types.hpp"

namespace gearscale::system {

// GET `path` by HTTP/1.0; success is a status of 200 to 399. `address` is IPv4 in host byte order. Blocks until the status line is there,
// at most until the deadline. Errc::unavailable, saying what happened: refused, timed out, closed without an answer, not HTTP, status 503.
Result<void> probe_http(std::uint32_t address, int port, std::string_view path, core::Millis deadline);

// Only a connection. A frozen gear passes: the kernel accepts for it.
Result<void> probe_tcp(std::uint32_t address, int port, core::Millis deadline);

}  // namespace gearscale::system
