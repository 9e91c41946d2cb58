// SPDX-License-Identifier: Apache-2.0
// FileLock: a whole-file fcntl(2) write lock. It is not inherited by fork, it tells its holder's pid, and it vanishes with the process.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "gearscale/base/fd.hpp"
#include "gearscale/base/result.hpp"
#include "gearscale/core/types.hpp"

namespace gearscale::system {

// The POSIX trap: when a process closes ANY descriptor of a file, it loses all its locks on that file. So, while a FileLock lives, its
// process must not open that file again in any way: no second acquire (which would also succeed: a process never excludes itself), no look,
// no holder, no read. Other processes may. A forked child holds nothing, and its copy of the FileLock releases nothing.
class FileLock {
 public:
  // Takes the lock, trying again for `patience` (0: one try) with sleeps of 1 to 20 ms. The file is made (0640) when it is missing;
  // nothing is written to it. A lock on a file that was meanwhile removed or replaced does not count. Errc::unavailable, naming the
  // holder's pid, when it cannot be had in time; Errc::failed when the file cannot be opened, is no regular file or a symbolic link.
  static Result<FileLock> acquire(const std::string& path, core::Millis patience);

  struct Look {
    bool file_exists = false;
    std::optional<pid_t> holder;  // 0: a process that our pid namespace does not show
  };
  // Who holds it now? Does not wait. Errc::failed as above. Not for the holder's own process.
  static Result<Look> look(const std::string& path);
  // The holder's pid; nothing when the file is missing or not locked.
  static Result<std::optional<pid_t>> holder(const std::string& path);

  bool is_held() const { return file_.is_open(); }
  int fd() const { return file_.get(); }
  // Is the locked file still the one of that name?
  bool is_at(const std::string& path) const;

 private:
  explicit FileLock(Fd file) : file_(std::move(file)) {}
  Fd file_;  // closing it releases the lock
};

}  // namespace gearscale::system
