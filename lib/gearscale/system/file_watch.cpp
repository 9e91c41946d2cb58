// SPDX-License-Identifier: Apache-2.0
// inotify(7) on one directory for one name.
#include "gearscale/system/file_watch.hpp"

#include <sys/inotify.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

#include "gearscale/system/errors.hpp"
#include "gearscale/system/files.hpp"

namespace gearscale::system {

namespace {

constexpr std::uint32_t kTouched = IN_MOVED_TO | IN_MOVED_FROM | IN_CLOSE_WRITE | IN_DELETE | IN_CREATE;

}  // namespace

FileWatch::FileWatch(Fd fd, const std::string& path) : fd_(std::move(fd)), directory_(directory_of(path)), name_(name_of(path)) {}

bool FileWatch::watch() {
  watch_ = ::inotify_add_watch(fd_.get(), directory_.c_str(), kTouched | IN_MOVE_SELF | IN_ONLYDIR);
  return watch_ >= 0;
}

Result<FileWatch> FileWatch::open(const std::string& path) {
  Fd fd(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (!fd.is_open()) return fail_errno(Errc::failed, "cannot watch " + path, errno);
  FileWatch made(std::move(fd), path);
  if (!made.watch()) return fail_errno(Errc::failed, "cannot watch " + made.directory_, errno);
  return made;
}

bool FileWatch::drain() {
  bool touched = watch_ < 0 && watch();  // the directory is back, perhaps with the file
  alignas(inotify_event) char buffer[4096];
  for (;;) {
    const ssize_t got = ::read(fd_.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return touched;
    for (const char* at = buffer; at < buffer + got;) {
      inotify_event event{};
      std::memcpy(&event, at, sizeof event);
      const char* name = at + sizeof event;
      if ((event.mask & IN_Q_OVERFLOW) != 0 || (event.len > 0 && name_ == name)) touched = true;
      // Gone, or renamed: then this is not the directory of that name any more. (A removed watch ends in IN_IGNORED as well.)
      if ((event.mask & IN_MOVE_SELF) != 0 && event.wd == watch_) ::inotify_rm_watch(fd_.get(), watch_);
      if ((event.mask & IN_IGNORED) != 0 && event.wd == watch_) {
        touched = true;
        watch();
      }
      at += sizeof event + event.len;
    }
  }
}

}  // namespace gearscale::system
