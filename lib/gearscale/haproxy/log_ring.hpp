// SPDX-License-Identifier: Apache-2.0
// LogRing: HAProxy's log out of its own ring, streamed by the Runtime API (`show events NAME -w`). No syslog daemon, no file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gearscale/base/fd.hpp"
#include "gearscale/haproxy/log_lines.hpp"
#include "gearscale/haproxy/runtime_socket.hpp"
#include "gearscale/ports.hpp"

namespace gearscale::haproxy {

// Each stream belongs to one process of HAProxy and outlives a reload without a word. The first one begins with new lines; that of a
// process which was started later begins with all that its ring holds, so that nothing is missed between the reload and the look that
// notices it.
class LogRing final : public ResponseLog {
 public:
  LogRing(std::string stats_socket, std::string ring, std::string backend, core::Millis deadline)
      : path_(std::move(stats_socket)),
        ring_(std::move(ring)),
        backend_(std::move(backend)),
        deadline_(deadline),
        socket_(path_, deadline) {}

  // Errc::unavailable: no HAProxy, no answer in time, lines were dropped since the last call. Errc::config: no such ring.
  Result<void> look_after(std::int64_t pid, core::Time now) override;
  Result<void> read(core::ResponseWindow& window, core::Time now) override;

 private:
  // A connection whose next bytes are lines of the ring, and what HAProxy said before them.
  struct Opened {
    Fd fd;
    std::int64_t pid = 0;
    std::uint64_t dropped = 0;
  };
  struct Stream {
    Fd fd;
    LogLines lines;
    std::int64_t pid = 0;
    core::Time heard{};  // when it last said something, or was opened
  };
  struct Leaving {
    Stream stream;
    core::Time until{};
  };

  Result<void> attend(std::int64_t pid, core::Time now);
  Result<void> attach(std::int64_t pid, core::Time now);
  Result<void> renew(core::Time now);
  Result<Opened> open(bool with_past) const;
  Result<std::uint64_t> dropped_in(std::string_view list) const;
  Result<void> note_dropped(std::uint64_t dropped);

  std::string path_;
  std::string ring_;
  std::string backend_;
  core::Millis deadline_;
  RuntimeSocket socket_;
  std::optional<Stream> stream_;
  std::vector<Leaving> leaving_;
  std::int64_t last_pid_ = 0;  // of the newest stream, also when it is gone; 0: there was none
  std::uint64_t dropped_ = 0;  // as that process said last
  std::optional<Error> lost_ = Error{Errc::unavailable, "the ring was not opened yet", 0};
};

}  // namespace gearscale::haproxy
