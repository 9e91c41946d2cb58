// SPDX-License-Identifier: Apache-2.0
// Which file the path names, and where in it to read.
#include "gearscale/haproxy/log_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "gearscale/system/errors.hpp"

namespace gearscale::haproxy {

namespace {

using system::fail_errno;

// A file that appears with more than this was there before, and only its directory was away.
constexpr off_t kNewFile = 64 * 1024 * 1024;

Unexpected cannot_read(const std::string& path, int error) {
  const auto what = "cannot read response_log " + path;
  if (error == ENOENT || error == ENOTDIR) {
    return fail_errno(Errc::unavailable, what + " (does the syslog daemon write HAProxy's log there?)", error);
  }
  const bool forbidden = error == EACCES || error == EPERM || error == ELOOP || error == ENAMETOOLONG;
  return fail_errno(forbidden ? Errc::config : Errc::unavailable, what, error);
}

bool same_file(const struct stat& one, const struct stat& other) { return one.st_dev == other.st_dev && one.st_ino == other.st_ino; }

}  // namespace

Result<void> LogFile::look_after(std::int64_t, core::Time) {
  auto result = attend();
  lost_ = result ? std::nullopt : std::optional(result.error());
  return result;
}

Result<void> LogFile::attend() {
  struct stat named {};
  if (::stat(path_.c_str(), &named) != 0) {
    const int error = errno;
    if (!fd_.is_open()) at_end_ = false;
    return cannot_read(path_, error);
  }
  if (fd_.is_open()) return {};
  if (named.st_size > kNewFile) at_end_ = true;
  if (auto opened = open(); !opened) return opened;
  if (at_end_) seek_end();
  return {};
}

Result<void> LogFile::open() {
  Fd fd(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd.is_open()) return cannot_read(path_, errno);
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return cannot_read(path_, errno);
  if (!S_ISREG(info.st_mode))
    return fail(Errc::config, "response_log " + path_ + " is not a regular file: name the file that the syslog daemon writes");
  fd_ = std::move(fd);
  lines_.start_over(false);
  return {};
}

void LogFile::seek_end() {
  const auto end = ::lseek(fd_.get(), 0, SEEK_END);
  char last = '\n';
  if (end > 0 && ::pread(fd_.get(), &last, 1, end - 1) == 1 && last != '\n') lines_.start_over(true);
}

Result<void> LogFile::read(core::ResponseWindow& window, core::Time now) {
  if (fd_.is_open()) {
    if (auto followed = follow(window, now); !followed) lost_ = followed.error();
  }
  if (lost_) return fail(*lost_);
  return {};
}

Result<void> LogFile::follow(core::ResponseWindow& window, core::Time now) {
  // First the name, then the old file to its end: what is written to the old one before the new one has its first bytes is not missed.
  struct stat named {};
  struct stat held {};
  const bool is_there = ::stat(path_.c_str(), &named) == 0;
  if (::fstat(fd_.get(), &held) == 0 && held.st_size < ::lseek(fd_.get(), 0, SEEK_CUR)) {
    // Truncated by a copying rotation. The writer goes on, perhaps in the middle of a line, so what is kept of that line stays.
    ::lseek(fd_.get(), 0, SEEK_SET);
  }
  const auto progress = lines_.read_from(fd_.get(), window, now);
  if (progress.end == LogLines::End::failed) {
    const int error = errno;
    fd_.reset();
    at_end_ = true;
    return cannot_read(path_, error);
  }
  if (progress.end != LogLines::End::closed || !is_there || named.st_size == 0 || same_file(named, held)) return {};
  if (auto opened = open(); !opened) return opened;
  static_cast<void>(lines_.read_from(fd_.get(), window, now));  // an error comes again at the next call
  return {};
}

}  // namespace gearscale::haproxy
