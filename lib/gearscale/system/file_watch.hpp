// SPDX-License-Identifier: Apache-2.0
// FileWatch: tells that a file was written, replaced or removed, without looking at it again and again. What is in it is not its business.
#pragma once

#include <string>

#include "gearscale/base/fd.hpp"
#include "gearscale/base/result.hpp"

namespace gearscale::system {

// Watches the directory, because a file that is replaced by rename is another file each time. A symbolic link's target elsewhere is not
// watched.
class FileWatch {
 public:
  // The file need not exist, its directory must. Errc::failed with the errno (ENOSPC, EMFILE: no inotify watches left; look at the file by
  // the clock then).
  static Result<FileWatch> open(const std::string& path);

  int fd() const { return fd_.get(); }  // readable when drain() has something

  // True when the file was touched since the last call, or may have been (the kernel lost events, the directory went away). Never blocks.
  // A directory that went away is watched again by the first call after it is back.
  bool drain();

 private:
  FileWatch(Fd fd, const std::string& path);
  bool watch();
  Fd fd_;
  std::string directory_;
  std::string name_;
  int watch_ = -1;
};

}  // namespace gearscale::system
