// SPDX-License-Identifier: Apache-2.0
// bridge(8) and ip-neighbour(8) in messages: learning off, locked on, isolated on, flood off; `bridge fdb replace MAC dev PORT master static
// sticky`; `ip neighbour replace ADDRESS lladdr MAC dev BRIDGE nud permanent`.
#include "gearscale/gears/ties.hpp"

#include <net/if.h>  // first: the kernel's own header leaves out what is there

#include <arpa/inet.h>
#include <linux/if.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <string_view>
#include <utility>

#include "gearscale/gears/gear_config.hpp"
#include "gearscale/gears/netlink.hpp"
#include "gearscale/system/errors.hpp"

namespace gearscale::gears {

namespace {

constexpr std::uint16_t kAsk = NLM_F_REQUEST | NLM_F_ACK;
constexpr std::uint16_t kReplace = kAsk | NLM_F_CREATE | NLM_F_REPLACE;
constexpr std::uint16_t kDump = NLM_F_REQUEST | NLM_F_DUMP;
// A bridge has the lowest MAC of its ports for its own, and when that changes the kernel forgets all neighbours, permanent ones as well. So all
// gears' ports have this one, whoever comes and goes.
constexpr std::array<std::uint8_t, 6> kPortMac{0xfe, 0xff, 0xff, 0xff, 0xff, 0xff};
constexpr int kTries = 5;  // at tables that change while they are read

ifinfomsg about(unsigned device) {
  ifinfomsg link{};
  link.ifi_index = static_cast<int>(device);
  return link;
}

// RFC 2863's operational state, see Documentation/networking/operstates.rst of the kernel.
NetlinkMessage operation(unsigned device, std::uint8_t state, std::uint8_t mode) {
  NetlinkMessage message(RTM_SETLINK, kAsk, about(device));
  message.number(IFLA_OPERSTATE, state).number(IFLA_LINKMODE, mode);
  return message;
}

ndmsg entry(unsigned char family, unsigned device, std::uint16_t state) {
  ndmsg message{};
  message.ndm_family = family;
  message.ndm_ifindex = static_cast<int>(device);
  message.ndm_state = state;
  return message;
}

NetlinkMessage neighbour(std::uint16_t type, std::uint16_t flags, unsigned bridge, std::uint32_t address) {
  NetlinkMessage message(type, flags, entry(AF_INET, bridge, NUD_PERMANENT));
  message.number(NDA_DST, htonl(address));
  return message;
}

std::string mac_text(std::string_view bytes) {
  std::string text;
  for (const char byte : bytes) {
    char digits[4];
    std::snprintf(digits, sizeof digits, "%02x", static_cast<unsigned char>(byte));
    text += (text.empty() ? "" : ":") + std::string(digits);
  }
  return text;
}

// Three tables of the kernel: its bridge ports, what they forward, its neighbours.
class Reader {
 public:
  explicit Reader(unsigned bridge) : bridge_(bridge) {}

  int ports() {
    ifinfomsg all{};
    all.ifi_family = AF_BRIDGE;
    return kernel_.dump(NetlinkMessage(RTM_GETLINK, kDump, all), [this](std::string_view entry) { port(entry); });
  }
  int forwarding() {
    ifinfomsg all{};  // this dump has an ifinfomsg, see rtnl_fdb_dump; what it asks for is all of the bridge
    all.ifi_family = AF_BRIDGE;
    NetlinkMessage request(RTM_GETNEIGH, kDump, all);
    request.number(IFLA_MASTER, static_cast<std::uint32_t>(bridge_));
    return kernel_.dump(std::move(request), [this](std::string_view entry) { forwarded(entry); });
  }
  int neighbours() {
    return kernel_.dump(NetlinkMessage(RTM_GETNEIGH, kDump, entry(AF_INET, 0, 0)), [this](std::string_view entry) { neighbour(entry); });
  }

  BridgeState seen;

 private:
  void port(std::string_view text) {
    ifinfomsg link{};
    std::string_view rest;
    if (!take_body(text, link, rest)) return;
    const NetlinkAttributes attributes(rest);
    const auto flags = attributes.find(IFLA_PROTINFO);
    if (attributes.number(IFLA_MASTER, std::uint32_t{0}) != bridge_ || flags.empty()) return;
    const NetlinkAttributes of(flags);
    const auto on = [&](std::uint16_t type) { return of.number(type, std::uint8_t{0}) != 0; };
    PortState state{.learning = on(IFLA_BRPORT_LEARNING), .floods = on(IFLA_BRPORT_UNICAST_FLOOD), .isolated = on(IFLA_BRPORT_ISOLATED)};
    if (of.has(IFLA_BRPORT_LOCKED)) state.locked = on(IFLA_BRPORT_LOCKED);
    const auto name = attributes.text(IFLA_IFNAME);
    names_[link.ifi_index] = name;
    seen.ports[name] = std::move(state);
  }

  void forwarded(std::string_view text) {
    ndmsg message{};
    std::string_view rest;
    if (!take_body(text, message, rest) || (message.ndm_state & NUD_NOARP) == 0 || (message.ndm_flags & NTF_STICKY) == 0) return;
    const NetlinkAttributes attributes(rest);
    const auto port = names_.find(message.ndm_ifindex);
    if (port == names_.end() || attributes.has(NDA_VLAN)) return;
    seen.ports[port->second].sticky_macs.push_back(mac_text(attributes.find(NDA_LLADDR)));
  }

  void neighbour(std::string_view text) {
    ndmsg message{};
    std::string_view rest;
    if (!take_body(text, message, rest) || message.ndm_ifindex != static_cast<int>(bridge_) || (message.ndm_state & NUD_PERMANENT) == 0)
      return;
    const NetlinkAttributes attributes(rest);
    seen.neighbours.push_back({ntohl(attributes.number(NDA_DST, std::uint32_t{0})), mac_text(attributes.find(NDA_LLADDR))});
  }

  unsigned bridge_;
  Netlink kernel_;
  std::map<int, std::string> names_;
};

bool has_neighbour(const BridgeState& seen, std::uint32_t address) {
  return std::ranges::any_of(seen.neighbours, [&](const auto& each) { return each.address == address && each.mac == mac_of(address); });
}

bool forwards(const PortState& port, const std::string& mac) { return std::ranges::find(port.sticky_macs, mac) != port.sticky_macs.end(); }

}  // namespace

Result<void> tie(const Tie& wanted) {
  const auto what = "cannot tie the bridge port " + wanted.device + " to its address and MAC";
  const auto port = ::if_nametoindex(wanted.device.c_str());
  const auto bridge = ::if_nametoindex(wanted.bridge.c_str());
  if (port == 0 || bridge == 0) return system::fail_errno(Errc::failed, what, ENODEV);
  const auto mac = mac_bytes_of(wanted.address);
  auto link = about(port);
  link.ifi_family = AF_BRIDGE;
  NetlinkMessage flags(RTM_SETLINK, kAsk, link);
  flags.begin(IFLA_PROTINFO).number(IFLA_BRPORT_LEARNING, std::uint8_t{0}).number(IFLA_BRPORT_UNICAST_FLOOD, std::uint8_t{0});
  flags.number(IFLA_BRPORT_ISOLATED, static_cast<std::uint8_t>(wanted.isolated)).number(IFLA_BRPORT_LOCKED, std::uint8_t{1}).end();
  auto forwarding = entry(AF_BRIDGE, port, NUD_NOARP);
  // Sticky: a static entry alone moves to the port from which the MAC is heard last.
  forwarding.ndm_flags = NTF_MASTER | NTF_STICKY;
  std::vector<NetlinkMessage> messages;
  const bool loose = is_loose(wanted.device);
  if (loose) messages.push_back(operation(port, IF_OPER_DORMANT, IF_LINK_MODE_DORMANT));  // a dormant port is a disabled one
  auto& join = messages.emplace_back(RTM_SETLINK, kAsk, about(port)).bytes(IFLA_ADDRESS, kPortMac.data(), kPortMac.size());
  if (loose) join.number(IFLA_MASTER, static_cast<std::uint32_t>(bridge));
  messages.push_back(std::move(flags));
  messages.emplace_back(RTM_NEWNEIGH, kReplace, forwarding).bytes(NDA_LLADDR, mac.data(), mac.size());
  messages.push_back(neighbour(RTM_NEWNEIGH, kReplace, bridge, wanted.address).bytes(NDA_LLADDR, mac.data(), mac.size()));
  Netlink kernel;
  int failed = kernel.ask(messages);
  // Of one that is up this changes nothing.
  if (failed == 0) failed = kernel.ask(operation(port, IF_OPER_UP, IF_LINK_MODE_DEFAULT));
  if (failed == 0) return {};
  return system::fail_errno(Errc::failed, what, failed);
}

bool is_loose(const std::string& device) {
  const auto path = "/sys/class/net/" + device;
  return ::access(path.c_str(), F_OK) == 0 && ::access((path + "/master").c_str(), F_OK) != 0;
}

Result<void> untie_address(const std::string& bridge, std::uint32_t address) {
  const auto index = ::if_nametoindex(bridge.c_str());
  const int failed = index == 0 ? 0 : Netlink().ask(neighbour(RTM_DELNEIGH, kAsk, index, address));
  if (failed == 0 || failed == ENOENT) return {};
  // The kernel refuses before it looks: who may not remove entries has none to remove, if none is there.
  const auto seen = look_at_bridge(bridge);
  if (seen && std::ranges::none_of(seen->neighbours, [&](const auto& each) { return each.address == address; })) return {};
  return system::fail_errno(Errc::failed, "cannot remove the neighbour entry of a gear that is gone from bridge " + bridge, failed);
}

Result<BridgeState> look_at_bridge(const std::string& bridge) {
  const auto index = ::if_nametoindex(bridge.c_str());
  if (index == 0) return system::fail_errno(Errc::failed, "cannot look at bridge " + bridge, ENODEV);
  int failed = EAGAIN;
  for (int left = kTries; left > 0 && failed == EAGAIN; --left) {
    Reader reader(index);
    // Neighbours first: whoever ties or unties a gear meanwhile has the port tied before and after.
    failed = reader.neighbours();
    if (failed == 0) failed = reader.ports();
    if (failed == 0) failed = reader.forwarding();
    if (failed == 0) return std::move(reader.seen);
  }
  return system::fail_errno(Errc::failed, "cannot look at bridge " + bridge, failed);
}

std::string missing(const Tie& wanted, const BridgeState& seen) {
  const auto found = seen.ports.find(wanted.device);
  if (found == seen.ports.end()) return "";
  const auto& port = found->second;
  std::string text;
  const auto say = [&](bool wrong, const char* words) {
    if (wrong) text += (text.empty() ? "" : ", ") + std::string(words);
  };
  say(port.learning, "its port learns MACs");
  say(port.floods, "its port gets frames for unknown MACs");
  say(!port.locked.value_or(true), "its port is not locked");
  say(port.isolated != wanted.isolated, wanted.isolated ? "its port is not isolated" : "its port is isolated");
  say(!forwards(port, mac_of(wanted.address)), "the bridge does not hold its MAC to its port");
  say(!has_neighbour(seen, wanted.address), "the host does not hold its address to its MAC");
  return text;
}

std::vector<std::uint32_t> strays(const BridgeState& seen, std::uint32_t first, std::uint32_t last,
                                  const std::vector<std::uint32_t>& used) {
  std::vector<std::uint32_t> found;
  for (const auto& each : seen.neighbours) {
    if (each.address < first || each.address > last || each.mac != mac_of(each.address)) continue;
    const bool served = std::ranges::any_of(seen.ports, [&](const auto& port) { return forwards(port.second, each.mac); });
    if (!served && std::ranges::find(used, each.address) == used.end()) found.push_back(each.address);
  }
  return found;
}

}  // namespace gearscale::gears
