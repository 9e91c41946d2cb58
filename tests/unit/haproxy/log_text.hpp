// SPDX-License-Identifier: Apache-2.0
// Lines as HAProxy logs them, for tests of the log's readers.
#pragma once

#include <string>

namespace gearscale::test {

inline std::string log_line(int total_ms, const std::string& backend = "express") {
  const auto timers = "0/0/0/" + std::to_string(total_ms) + "/" + std::to_string(total_ms);
  return "<134>Nov 22 10:53:16 localhost haproxy[123]: 10.0.0.1:51234 [22/Nov/2026:10:53:16.123] in " + backend + "/gear-1f3a9c02-ns " +
         timers + " 200 1234 - - --NI 1/1/0/0/0 0/0 {shop.example.com|curl/7.88.1} \"GET /index.html HTTP/1.1\"\n";
}

}  // namespace gearscale::test
