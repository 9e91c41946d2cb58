// SPDX-License-Identifier: Apache-2.0
// A request is one message, its answer one acknowledgement.
#include "gearscale/gears/links.hpp"

#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdint>

#include "gearscale/base/fd.hpp"
#include "gearscale/system/errors.hpp"

namespace gearscale::gears {

namespace {

// A header with its message behind it; what it is about is filled in by the caller. Returns the errno that the kernel answers, 0 for done.
int ask_kernel(nlmsghdr& request, std::uint32_t length, std::uint16_t type) {
  const Fd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (!socket.is_open()) return errno;
  request.nlmsg_len = length;
  request.nlmsg_type = type;
  request.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
  if (::send(socket.get(), &request, length, 0) < 0) return errno;
  alignas(nlmsghdr) char reply[1024];
  const auto received = ::recv(socket.get(), reply, sizeof reply, 0);
  if (received < 0) return errno;
  if (received < static_cast<ssize_t>(NLMSG_LENGTH(sizeof(nlmsgerr)))) return EPROTO;
  return -static_cast<const nlmsgerr*>(NLMSG_DATA(reinterpret_cast<const nlmsghdr*>(reply)))->error;
}

}  // namespace

Result<void> delete_link(const std::string& device) {
  const auto index = ::if_nametoindex(device.c_str());
  if (index == 0) return {};
  struct {
    nlmsghdr header;
    ifinfomsg link;
  } request{};
  request.link.ifi_index = static_cast<int>(index);
  const int failed = ask_kernel(request.header, sizeof request, RTM_DELLINK);
  if (failed == 0 || failed == ENODEV) return {};
  return system::fail_errno(Errc::failed, "cannot delete the network device " + device, failed);
}

Result<void> isolate_port(const std::string& device) {
  // IFLA_PROTINFO { IFLA_BRPORT_ISOLATED = 1 }, see ip-link(8), `type bridge_slave isolated on`.
  struct {
    nlmsghdr header;
    ifinfomsg link;
    rtattr port;
    rtattr isolated;
    std::uint8_t value;
    std::uint8_t padding[RTA_ALIGN(1) - 1];
  } request{};
  request.link.ifi_family = AF_BRIDGE;
  request.link.ifi_index = static_cast<int>(::if_nametoindex(device.c_str()));
  request.port.rta_type = IFLA_PROTINFO | NLA_F_NESTED;
  request.port.rta_len = static_cast<std::uint16_t>(RTA_LENGTH(RTA_SPACE(sizeof request.value)));
  request.isolated.rta_type = IFLA_BRPORT_ISOLATED;
  request.isolated.rta_len = static_cast<std::uint16_t>(RTA_LENGTH(sizeof request.value));
  request.value = 1;
  const int failed = request.link.ifi_index == 0 ? ENODEV : ask_kernel(request.header, sizeof request, RTM_SETLINK);
  if (failed == 0) return {};
  return system::fail_errno(Errc::failed, "cannot isolate the bridge port " + device + " (isolate_gears = false does without)", failed);
}

}  // namespace gearscale::gears
