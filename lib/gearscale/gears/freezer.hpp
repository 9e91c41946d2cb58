// SPDX-License-Identifier: Apache-2.0
// The file by which the kernel freezes and thaws a container: v1 freezer.state, v2 cgroup.freeze. It is the same one that liblxc uses, but
// without its waits, and it tells the truth where a container's monitor only knows what it was told.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gearscale/base/result.hpp"
#include "gearscale/gears/cgroups.hpp"
#include "gearscale/system/deadline.hpp"

namespace gearscale::gears {

// The hierarchies that can freeze, v1 ones first, because liblxc prefers them.
std::vector<CgroupMount> freezer_mounts(std::string_view mountinfo);
std::vector<CgroupMount> freezer_mounts();

// The payload cgroup of one container.
class Freezer {
 public:
  // See payload_cgroup.
  static std::optional<Freezer> find(const std::vector<CgroupMount>& mounts, std::string_view proc_cgroup, std::string_view container);
  // The same for the process; nothing also when it has ended.
  static std::optional<Freezer> of(const std::vector<CgroupMount>& mounts, int pid, std::string_view container);

  const std::string& file() const { return file_; }  // what is written to it thaws or freezes
  const char* thaw_text() const { return v2_ ? "0" : "THAWED"; }
  bool is_frozen() const;
  // Waits until all of its processes are frozen. Errc::failed with the reason; it is thawed again then.
  Result<void> freeze(const system::Deadline& deadline) const;
  Result<void> thaw() const;

 private:
  Freezer(std::string file, bool v2) : file_(std::move(file)), v2_(v2) {}
  std::string file_;
  bool v2_;
};

// False when there is no such process, or SIGKILL waits for it: under v1 a frozen process dies of that only when it is thawed.
bool is_alive(int pid);

}  // namespace gearscale::gears
