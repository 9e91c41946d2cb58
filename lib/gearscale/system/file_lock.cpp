// SPDX-License-Identifier: Apache-2.0
// Implementation of the whole-file lock.
#include "gearscale/system/file_lock.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <thread>

#include "gearscale/system/deadline.hpp"
#include "gearscale/system/errors.hpp"
#include "gearscale/system/files.hpp"

namespace gearscale::system {

namespace {

constexpr core::Millis kLongestSleep{20};

struct flock whole_file_write_lock() {
  struct flock wanted {};
  wanted.l_type = F_WRLCK;
  wanted.l_whence = SEEK_SET;  // with start and length 0: all of it, however long it becomes
  return wanted;
}

// Who is in the way of a write lock; nothing when nobody is (any more).
std::optional<pid_t> blocker(int fd) {
  auto wanted = whole_file_write_lock();
  if (::fcntl(fd, F_GETLK, &wanted) != 0 || wanted.l_type == F_UNLCK) return std::nullopt;
  return std::max(wanted.l_pid, 0);
}

Unexpected busy(const std::string& path, std::optional<pid_t> holder) {
  std::string who = "another process";
  if (holder && *holder > 0) who = "process " + std::to_string(*holder);
  return fail(Errc::unavailable, "cannot lock " + path + ": held by " + who + "; try again", EAGAIN);
}

}  // namespace

bool FileLock::is_at(const std::string& path) const {
  struct stat mine {}, there {};
  if (::fstat(file_.get(), &mine) != 0 || ::lstat(path.c_str(), &there) != 0) return false;
  return mine.st_dev == there.st_dev && mine.st_ino == there.st_ino;
}

Result<FileLock> FileLock::acquire(const std::string& path, core::Millis patience) {
  const Deadline deadline(patience);
  core::Millis sleep{1};
  for (int replaced = 0; replaced < 1000; ++replaced) {
    auto file = open_regular(path, {.flags = O_RDWR | O_CREAT | O_NOFOLLOW, .mode = 0640});
    if (!file) return fail(file.error());
    FileLock lock(std::move(*file));
    for (;;) {
      auto wanted = whole_file_write_lock();
      if (::fcntl(lock.fd(), F_SETLK, &wanted) == 0) break;
      if (errno != EAGAIN && errno != EACCES && errno != EINTR) return fail_errno(Errc::failed, "cannot lock " + path, errno);
      if (deadline.is_over()) return busy(path, blocker(lock.fd()));
      std::this_thread::sleep_for(std::min(sleep, deadline.left()));
      sleep = std::min(sleep * 2, kLongestSleep);
    }
    // Its holder may have removed the file between our open and our lock; then others lock another file of that name.
    if (lock.is_at(path)) return lock;
  }
  return fail(Errc::unavailable, "cannot lock " + path + ": it is replaced again and again; try again", EAGAIN);
}

Result<FileLock::Look> FileLock::look(const std::string& path) {
  auto file = open_regular(path, {.flags = O_RDONLY | O_NOFOLLOW});
  if (!file && file.error().sys_errno == ENOENT) return Look{};
  if (!file) return fail(file.error());
  return Look{.file_exists = true, .holder = blocker(file->get())};
}

Result<std::optional<pid_t>> FileLock::holder(const std::string& path) {
  auto seen = look(path);
  if (!seen) return fail(seen.error());
  return seen->holder;
}

}  // namespace gearscale::system
