// SPDX-License-Identifier: Apache-2.0
// How many descriptors this process may have (getrlimit(2), RLIMIT_NOFILE). The soft limit is 1024 by custom, for the sake of select(2), which
// nothing here uses; two descriptors a gear are held, and more than that at times. What we start gets the limit that we were started with.
#pragma once

#include <cstdint>

namespace gearscale::system {

// Raises the soft limit to the hard one, 1,048,576 at most (what the kernel gives at most by default). Returns what holds then. May be
// called again.
std::uint64_t raise_open_files();

// In a child that was forked: the soft limit is again what it was when this program began. Safe after fork(2).
void lower_open_files_again();

// While it lives, what is started gets the limit that the program began with: posix_spawn(3) knows no limits. A lower limit closes nothing, but
// nothing may be opened meanwhile.
class LoweredOpenFiles {
 public:
  LoweredOpenFiles();
  LoweredOpenFiles(const LoweredOpenFiles&) = delete;
  LoweredOpenFiles& operator=(const LoweredOpenFiles&) = delete;
  ~LoweredOpenFiles();

 private:
  std::uint64_t before_;
};

}  // namespace gearscale::system
