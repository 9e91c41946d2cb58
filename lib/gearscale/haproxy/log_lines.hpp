// SPDX-License-Identifier: Apache-2.0
// LogLines: bytes of a log, as they come -> lines -> the response times of one backend. Knows neither files nor rings.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "gearscale/core/response_window.hpp"

namespace gearscale::haproxy {

class LogLines {
 public:
  explicit LogLines(std::string backend);

  enum class End {
    dry,     // nothing more for now
    more,    // the call's share is read, there may be more
    closed,  // end of file
    failed,  // errno says why
  };
  struct Progress {
    End end = End::dry;
    std::size_t bytes = 0;
  };
  // Reads what is there, 16 MiB at most (70,000 lines, 10 ms), and puts the backend's requests into the window. Never waits if `fd` does
  // not. A line whose end has not come yet is kept; one of 128 KiB or more is dropped whole. Allocates nothing.
  Progress read_from(int fd, core::ResponseWindow& window, core::Time now);

  // What comes next does not continue what was read. `within_line`: nor is its first line whole, and is dropped.
  void start_over(bool within_line);

 private:
  void take(std::size_t bytes, core::ResponseWindow& window, core::Time now);

  std::string backend_;
  std::unique_ptr<char[]> buffer_;
  std::size_t kept_ = 0;   // bytes of a line without an end at the beginning of the buffer
  bool dropping_ = false;  // up to the next line end
};

}  // namespace gearscale::haproxy
