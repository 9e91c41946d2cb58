// SPDX-License-Identifier: Apache-2.0
// One line of HAProxy's HTTP log (`option httplog`) -> what a response-time policy needs. Pure; nothing is copied or allocated.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace gearscale::codec {

struct LoggedRequest {
  std::string_view backend;    // all point into the line
  std::string_view server;     // "<NOSRV>" when none was chosen
  int status = 0;              // -1: the client went before there was one
  std::uint32_t total_ms = 0;  // Ta, or Tt where the format has it: the fifth timer
};

// The request of one line (without its line end), with whatever a syslog daemon or a ring put before it:
//   <134>Nov 22 10:53:16 haproxy[123]: 10.0.0.1:51234 [22/Nov/2026:10:53:16.123] in express/gear-1f3a9c02 0/0/0/1/1 200 ...
// Nothing for lines that are no request that says how long the farm takes: TCP log lines (three timers), server state lines, a total that
// is -1, a server that was never asked (a time in the queue, Tw > 0, counts as waiting for the farm), any garbage. "+1234" (option logasap)
// is taken as 1234.
std::optional<LoggedRequest> parse_httplog(std::string_view line);

}  // namespace gearscale::codec
