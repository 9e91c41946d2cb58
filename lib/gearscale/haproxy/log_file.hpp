// SPDX-License-Identifier: Apache-2.0
// LogFile: HAProxy's log where a syslog daemon writes it. Looks at the path each time it reads, which costs a microsecond and misses
// nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "gearscale/base/fd.hpp"
#include "gearscale/haproxy/log_lines.hpp"
#include "gearscale/ports.hpp"

namespace gearscale::haproxy {

// What stands in the file at the first look is not read; a file that comes later is read from its beginning. A renamed one is read on until
// its successor has its first bytes: until then the writer may not know of the rotation. One that got shorter is read from its beginning.
class LogFile final : public ResponseLog {
 public:
  LogFile(std::string path, std::string backend) : path_(std::move(path)), lines_(std::move(backend)) {}

  // Errc::unavailable: there is no file, or it cannot be read; Errc::config: it may not be read, or is no file.
  Result<void> look_after(std::int64_t pid, core::Time now) override;
  Result<void> read(core::ResponseWindow& window, core::Time now) override;

 private:
  Result<void> attend();
  Result<void> open();
  Result<void> follow(core::ResponseWindow& window, core::Time now);
  void seek_end();

  std::string path_;
  LogLines lines_;
  Fd fd_;
  bool at_end_ = true;  // where to begin with the next file that is opened
  std::optional<Error> lost_ = Error{Errc::unavailable, "the log was not opened yet", 0};
};

}  // namespace gearscale::haproxy
