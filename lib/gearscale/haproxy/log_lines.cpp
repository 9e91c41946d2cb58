// SPDX-License-Identifier: Apache-2.0
// Lines are looked at where read(2) put them; only a line that is cut by the end of the buffer is moved.
#include "gearscale/haproxy/log_lines.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include "gearscale/codec/httplog.hpp"

namespace gearscale::haproxy {

namespace {

constexpr std::size_t kBuffer = 128 * 1024;
constexpr std::size_t kShare = 16 * 1024 * 1024;

}  // namespace

LogLines::LogLines(std::string backend) : backend_(std::move(backend)), buffer_(std::make_unique_for_overwrite<char[]>(kBuffer)) {}

void LogLines::start_over(bool within_line) {
  kept_ = 0;
  dropping_ = within_line;
}

LogLines::Progress LogLines::read_from(int fd, core::ResponseWindow& window, core::Time now) {
  Progress progress;
  while (progress.bytes < kShare) {
    const auto got = ::read(fd, buffer_.get() + kept_, kBuffer - kept_);
    if (got > 0) {
      take(static_cast<std::size_t>(got), window, now);
      progress.bytes += static_cast<std::size_t>(got);
    } else if (got == 0) {
      progress.end = End::closed;
      return progress;
    } else if (errno != EINTR) {
      progress.end = errno == EAGAIN ? End::dry : End::failed;
      return progress;
    }
  }
  progress.end = End::more;
  return progress;
}

void LogLines::take(std::size_t bytes, core::ResponseWindow& window, core::Time now) {
  const char* const end = buffer_.get() + kept_ + bytes;
  const char* line = buffer_.get();
  const char* search = line + kept_;  // what was kept has no line end
  while (const void* found = std::memchr(search, '\n', static_cast<std::size_t>(end - search))) {
    const auto* line_end = static_cast<const char*>(found);
    if (!std::exchange(dropping_, false)) {
      const auto request = codec::parse_httplog({line, static_cast<std::size_t>(line_end - line)});
      if (request && request->backend == backend_) window.add(now, request->total_ms);
    }
    line = search = line_end + 1;
    if (line == end) break;
  }
  kept_ = static_cast<std::size_t>(end - line);
  if (kept_ == kBuffer) dropping_ = true;
  if (dropping_) kept_ = 0;
  if (kept_ > 0 && line != buffer_.get()) std::memmove(buffer_.get(), line, kept_);
}

}  // namespace gearscale::haproxy
