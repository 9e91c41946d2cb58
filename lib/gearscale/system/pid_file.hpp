// SPDX-License-Identifier: Apache-2.0
// PidFile: says which process is the one controller. The lock on the file counts, never the number in it nor a process's name.
#pragma once

#include <string>

#include "gearscale/system/file_lock.hpp"

namespace gearscale::system {

struct PidStatus {
  enum class State {
    running,         // somebody holds the lock
    dead_with_file,  // the file is there, nobody holds it; whatever process has its number now is a stranger
    not_running,     // no file
  };
  State state = State::not_running;
  pid_t pid = 0;  // of the holder while running
};

// Take it in the process that is to be the controller: a lock does not survive a fork. FileLock's trap holds here too: while a PidFile
// lives, its process must not open that file (status included).
class PidFile {
 public:
  // Locks the file and writes "PID\n" into it. Errc::unavailable, naming the holder's pid, when another process has it for longer than
  // `patience`; Errc::failed when it cannot be opened or written.
  static Result<PidFile> acquire(const std::string& path, core::Millis patience = core::Millis(0));

  // Does not wait.
  static Result<PidStatus> status(const std::string& path);

  PidFile(PidFile&&) = default;
  PidFile& operator=(PidFile&&) = delete;
  // Removes the file if it is still the one that was locked: a dying instance must not delete its successor's. Nothing in a forked child.
  ~PidFile();

 private:
  PidFile(FileLock lock, std::string path);
  FileLock lock_;
  std::string path_;
  pid_t owner_;
};

}  // namespace gearscale::system
