// SPDX-License-Identifier: Apache-2.0
// HeldGears: an open hand on each gear that runs or is frozen, so that it can be thawed by one write and its death is known at once. Makes
// no call of liblxc.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "gearscale/base/fd.hpp"
#include "gearscale/base/result.hpp"
#include "gearscale/gears/freezer.hpp"

namespace gearscale::gears {

class HeldGears {
 public:
  struct Gear {
    std::string id;
    std::string container;
    int init = 0;
    bool frozen = false;
  };

  // A system without epoll is a broken promise.
  HeldGears();
  HeldGears(const HeldGears&) = delete;
  HeldGears& operator=(const HeldGears&) = delete;

  // From now on a pidfd of its init is held, and for a frozen one the file that thaws it: two descriptors at most. A gear whose init is
  // gone, or not in a cgroup of that container, is not held.
  void hold(const Gear& gear);
  void release(std::string_view id);
  // Thaws it by one write; one that was not frozen when it was taken, too, because somebody may have frozen it since, but then the file has
  // to be found first. Errc::failed when it is not held, when its init has ended, or when the kernel refuses. May be called again. Under v1
  // a process that was killed while it was frozen ends only now: died() tells.
  Result<void> wake(std::string_view id);
  // The gears whose init ended since the last call; they are released. Never waits.
  std::vector<std::string> died();
  // Readable when died() has something.
  int ready_fd() const { return poll_.get(); }

 private:
  struct Held {
    std::string container;
    int init = 0;
    std::uint64_t number = 0;  // in the epoll set
    Fd pidfd;
    Fd thaw;  // not open: it was not frozen
    const char* thaw_text = "";
  };
  using Map = std::map<std::string, Held, std::less<>>;
  void release(Map::iterator gear);

  std::vector<CgroupMount> freezers_ = freezer_mounts();
  Map gears_;
  std::uint64_t last_number_ = 0;
  Fd poll_;  // epoll: the pidfds
};

}  // namespace gearscale::gears
