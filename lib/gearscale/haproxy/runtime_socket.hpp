// SPDX-License-Identifier: Apache-2.0
// One exchange with HAProxy's Runtime API over its unix socket: connect, send, read to the end, each time anew.
// A kept-open connection would go on talking to the old process after a reload, and saves 0.04 ms only.
#pragma once

#include <string>
#include <string_view>

#include "gearscale/base/result.hpp"
#include "gearscale/core/types.hpp"

namespace gearscale::haproxy {

class RuntimeSocket {
 public:
  RuntimeSocket(std::string path, core::Millis deadline) : path_(std::move(path)), deadline_(deadline) {}

  // Sends one line of commands (without its line end) and returns the whole reply; it lives until the next call, in a buffer that is reused.
  // Blocks at most for the deadline, connect included. Errc::unavailable, saying what to look at: no socket, refused, not permitted,
  // deadline over, connection cut, more than 64 MiB.
  Result<std::string_view> exchange(std::string_view commands);
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  core::Millis deadline_;
  std::string reply_;
};

}  // namespace gearscale::haproxy
