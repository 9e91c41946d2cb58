// SPDX-License-Identifier: Apache-2.0
// `show stat` CSV -> rows of one backend, columns found by header name. Pure; no allocation per row beyond the reused vector.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "gearscale/base/result.hpp"
#include "gearscale/core/lifecycle.hpp"

namespace gearscale::codec {

struct StatServer {
  std::string_view name;        // points into the reply
  core::ServerState state = core::ServerState::absent;
  int scur = 0;
  std::uint64_t stot = 0;
  std::string_view address;     // "10.0.3.11:8080"; empty where HAProxy shows none
};

struct BackendStat {
  int scur = 0;                 // of the BACKEND row
  int qcur = 0;
  std::vector<StatServer> servers;  // in the order of the reply; FRONTEND and BACKEND rows are not servers
};

// Parses the whole reply to `show stat` (of any proxies) and keeps the rows whose pxname is `backend`. `out` is overwritten; its vector
// keeps its capacity. Status words: UP*, "no check" -> up; DOWN*, NOLB -> down; DRAIN* -> drain; MAINT* -> maint ("MAINT (resolution)"
// too). Errc::unavailable: empty, truncated (HAProxy ends the reply with an empty line), no header line, a needed column missing, a bad
// number, an unknown status, or a row with fewer fields than the header: the whole reply is refused. Errc::config: no BACKEND row of that
// name, or the "No such proxy." of `show stat NAME ...`. Listener rows (`option socket-stats`) are known by the column `type` and left out.
Result<void> parse_show_stat(std::string_view reply, std::string_view backend, BackendStat& out);

}  // namespace gearscale::codec
