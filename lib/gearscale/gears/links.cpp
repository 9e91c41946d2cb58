// SPDX-License-Identifier: Apache-2.0
// A request is one message, its answer one acknowledgement; that a device has changed the kernel tells those who listen.
#include "gearscale/gears/links.hpp"

#include <linux/rtnetlink.h>
#include <net/if.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>

#include "gearscale/gears/netlink.hpp"
#include "gearscale/system/errors.hpp"

namespace gearscale::gears {

namespace {

constexpr int kLongestWait = 20;  // milliseconds, should a notice be lost

bool is_up(const Fd& socket, const std::string& device) {
  ifreq request{};
  device.copy(request.ifr_name, sizeof request.ifr_name - 1);
  return ::ioctl(socket.get(), SIOCGIFFLAGS, &request) == 0 && (request.ifr_flags & IFF_UP) != 0;
}

}  // namespace

Result<void> delete_link(const std::string& device) {
  const auto index = ::if_nametoindex(device.c_str());
  if (index == 0) return {};
  ifinfomsg link{};
  link.ifi_index = static_cast<int>(index);
  const int failed = Netlink().ask(NetlinkMessage(RTM_DELLINK, NLM_F_REQUEST | NLM_F_ACK, link));
  if (failed == 0 || failed == ENODEV) return {};
  return system::fail_errno(Errc::failed, "cannot delete the network device " + device, failed);
}

bool await_up(const std::string& device, const system::Deadline& deadline) {
  const Fd notices(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
  const Fd questions(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_nl links{};
  links.nl_family = AF_NETLINK;
  links.nl_groups = RTMGRP_LINK;
  // Without them it is looked at each 20 ms.
  static_cast<void>(::bind(notices.get(), reinterpret_cast<const sockaddr*>(&links), sizeof links));
  while (!is_up(questions, device)) {
    if (deadline.is_over()) return false;
    pollfd told{notices.get(), POLLIN, 0};
    ::poll(&told, 1, std::min(deadline.poll_timeout(), kLongestWait));
    // Whatever it says, of whichever device: what counts is what is now.
    char buffer[16 * 1024];
    while (::recv(notices.get(), buffer, sizeof buffer, 0) > 0) {
    }
  }
  return true;
}

}  // namespace gearscale::gears
