// SPDX-License-Identifier: Apache-2.0
// pidfd_open(2), and a file of the cgroup opened beforehand. A pid alone may be another process's by now: the pidfd is opened first, then
// the process is asked for its cgroup, and only one that lives on after that is believed.
#include "gearscale/gears/held_gears.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "gearscale/system/errors.hpp"

namespace gearscale::gears {

namespace {

constexpr int kMostAtOnce = 64;

bool has_ended(const Fd& pidfd) {
  pollfd ended{pidfd.get(), POLLIN, 0};
  return ::poll(&ended, 1, 0) > 0;
}

}  // namespace

HeldGears::HeldGears() : poll_(::epoll_create1(EPOLL_CLOEXEC)) { GEARSCALE_CHECK(poll_.is_open()); }

void HeldGears::hold(const Gear& gear) {
  const auto there = gears_.find(gear.id);
  const bool same = there != gears_.end() && there->second.init == gear.init && !has_ended(there->second.pidfd);
  if (same && there->second.thaw.is_open() == gear.frozen) return;
  if (there != gears_.end()) release(there);
  if (gear.init <= 0) return;
  Held held{.container = gear.container,
            .init = gear.init,
            .number = ++last_number_,
            .pidfd = Fd(static_cast<int>(::syscall(SYS_pidfd_open, gear.init, 0)))};
  const auto freezer = Freezer::of(freezers_, gear.init, gear.container);
  if (!held.pidfd.is_open() || !freezer) return;
  if (gear.frozen) {
    held.thaw = Fd(::open(freezer->file().c_str(), O_WRONLY | O_CLOEXEC));
    held.thaw_text = freezer->thaw_text();
  }
  if (has_ended(held.pidfd)) return;
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = held.number;
  if (::epoll_ctl(poll_.get(), EPOLL_CTL_ADD, held.pidfd.get(), &event) == 0) gears_.emplace(gear.id, std::move(held));
}

void HeldGears::release(Map::iterator gear) {
  // Explicitly: a closed descriptor stays in the epoll set while a child, just forked, still has its copy.
  ::epoll_ctl(poll_.get(), EPOLL_CTL_DEL, gear->second.pidfd.get(), nullptr);
  gears_.erase(gear);
}

void HeldGears::release(std::string_view id) {
  if (const auto gear = gears_.find(id); gear != gears_.end()) release(gear);
}

Result<void> HeldGears::wake(std::string_view id) {
  const auto gear = gears_.find(id);
  if (gear == gears_.end()) return fail(Errc::failed, "gear " + std::string(id) + " is not held frozen by this process");
  const auto& held = gear->second;
  const bool was_frozen = held.thaw.is_open();
  const auto freezer = was_frozen ? std::nullopt : Freezer::of(freezers_, held.init, held.container);
  if (has_ended(held.pidfd) || (!was_frozen && !freezer)) {
    return fail(Errc::failed, "gear " + std::string(id) + " died while it " + (was_frozen ? "was frozen" : "stood by") + ": its init process ended");
  }
  if (freezer) return freezer->thaw();
  const auto size = std::strlen(held.thaw_text);
  if (::write(held.thaw.get(), held.thaw_text, size) == static_cast<ssize_t>(size)) return {};
  return system::fail_errno(Errc::failed, "cannot thaw gear " + std::string(id), errno);
}

std::vector<std::string> HeldGears::died() {
  std::vector<std::string> ids;
  for (int count = kMostAtOnce; count == kMostAtOnce;) {
    epoll_event events[kMostAtOnce];
    count = ::epoll_wait(poll_.get(), events, kMostAtOnce, 0);
    for (int i = 0; i < count; ++i) {
      const auto gear =
          std::find_if(gears_.begin(), gears_.end(), [&](const auto& each) { return each.second.number == events[i].data.u64; });
      if (gear == gears_.end()) continue;
      ids.push_back(gear->first);
      release(gear);
    }
  }
  return ids;
}

}  // namespace gearscale::gears
