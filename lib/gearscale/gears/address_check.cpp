// SPDX-License-Identifier: Apache-2.0
// Arithmetic on IPv4 networks, and getifaddrs(3).
#include "gearscale/gears/address_check.hpp"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <memory>

#include "gearscale/base/text.hpp"
#include "gearscale/system/errors.hpp"

namespace gearscale::gears {

namespace {

constexpr std::size_t kMaxInterfaceName = 15;

std::uint32_t mask_of(int prefix) { return prefix <= 0 ? 0 : ~std::uint32_t{0} << (32 - prefix); }
bool same_network(std::uint32_t a, std::uint32_t b, int prefix) { return ((a ^ b) & mask_of(prefix)) == 0; }
bool holds(const core::AddressPool& pool, std::uint32_t address) { return address >= pool.first && address <= pool.last; }

std::string text_of(const core::AddressPool& pool) {
  return format_ipv4(pool.first) + "-" + format_ipv4(pool.last) + "/" + std::to_string(pool.prefix);
}

Unexpected refuse(const core::AddressPool& pool, const std::string& why) {
  return fail(Errc::config, "address_pool " + text_of(pool) + " " + why);
}

Result<void> check_shape(const PoolQuestion& question) {
  const auto& pool = question.pool;
  if (pool.prefix < 8 || pool.prefix > 30) return refuse(pool, "has a prefix length outside 8 to 30");
  if (pool.first > pool.last) return refuse(pool, "ends before it begins");
  if (!same_network(pool.first, pool.last, pool.prefix)) {
    return refuse(pool, "is not within one /" + std::to_string(pool.prefix) + " network");
  }
  const auto network = pool.first & mask_of(pool.prefix);
  const auto broadcast = network | ~mask_of(pool.prefix);
  if (pool.first == network) return refuse(pool, "begins with the network's own address: begin one later");
  if (pool.last == broadcast) return refuse(pool, "ends with the network's broadcast address: end one earlier");
  if (question.needed && pool.size() < *question.needed) {
    return refuse(pool, "has " + std::to_string(pool.size()) + " addresses, but " + std::to_string(*question.needed) +
                            " are needed: make it larger, or lower scale_max");
  }
  if (question.gateway == 0) return {};
  if (holds(pool, question.gateway)) return refuse(pool, "holds the gateway " + format_ipv4(question.gateway));
  if (same_network(pool.first, question.gateway, pool.prefix)) return {};
  return fail(Errc::config, "gateway " + format_ipv4(question.gateway) + " is not in the network of address_pool " + text_of(pool));
}

// The gears and the bridge have to see each other without a router, in both directions: each inside the other's network.
Result<void> check_bridge_network(const PoolQuestion& question, const std::vector<InterfaceAddress>& interfaces) {
  const auto& pool = question.pool;
  std::string has;
  for (const auto& interface : interfaces) {
    if (holds(pool, interface.address)) {
      return refuse(pool, "holds " + format_ipv4(interface.address) + ", this machine's own address on " + interface.device);
    }
  }
  for (const auto& interface : interfaces) {
    if (interface.device != question.bridge) continue;
    const bool pool_inside =
        same_network(pool.first, interface.address, interface.prefix) && same_network(pool.last, interface.address, interface.prefix);
    if (pool_inside && same_network(pool.first, interface.address, pool.prefix)) return {};
    has += (has.empty() ? "" : ", ") + format_ipv4(interface.address) + "/" + std::to_string(interface.prefix);
  }
  if (!has.empty()) return refuse(pool, "is not in the network of bridge " + question.bridge + ", which has " + has);
  const auto proposal = format_ipv4((pool.first & mask_of(pool.prefix)) + 1) + "/" + std::to_string(pool.prefix);
  return fail(Errc::config, "bridge " + question.bridge + " has no IPv4 address, so gears of address_pool " + text_of(pool) +
                                " could not be reached. For example: ip address add " + proposal + " dev " + question.bridge);
}

}  // namespace

Result<void> check_bridge(const std::string& bridge) {
  if (!is_safe_name(bridge, kMaxInterfaceName)) {
    return fail(Errc::config,
                "bridge: '" + printable(bridge) + "' is not the name of a network device (1 to 15 letters, digits, '-', '_', '.')");
  }
  if (::access(("/sys/class/net/" + bridge + "/bridge").c_str(), F_OK) == 0) return {};
  return fail(Errc::config, "there is no network bridge " + bridge + ". Make one without DHCP: ip link add " + bridge +
                                " type bridge; ip address add" + " ADDRESS/PREFIX dev " + bridge + "; ip link set " + bridge + " up");
}

Result<std::vector<InterfaceAddress>> interface_addresses() {
  ifaddrs* first = nullptr;
  if (::getifaddrs(&first) != 0) return system::fail_errno(Errc::failed, "cannot list the addresses of this machine", errno);
  const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> list(first, ::freeifaddrs);
  std::vector<InterfaceAddress> addresses;
  for (const auto* entry = first; entry != nullptr; entry = entry->ifa_next) {
    if (entry->ifa_addr == nullptr || entry->ifa_netmask == nullptr || entry->ifa_addr->sa_family != AF_INET) continue;
    const auto value = [](const sockaddr* address) { return ntohl(reinterpret_cast<const sockaddr_in*>(address)->sin_addr.s_addr); };
    addresses.push_back({.device = entry->ifa_name, .address = value(entry->ifa_addr), .prefix = std::popcount(value(entry->ifa_netmask))});
  }
  return addresses;
}

Result<void> check_pool(const PoolQuestion& question, const std::vector<InterfaceAddress>& interfaces, const std::vector<DhcpRange>& dhcp) {
  if (auto shape = check_shape(question); !shape) return shape;
  if (auto network = check_bridge_network(question, interfaces); !network) return network;
  for (const auto& range : dhcp) {
    if (range.last < question.pool.first || range.first > question.pool.last) continue;
    return refuse(question.pool, "shares addresses with what dnsmasq (pid " + std::to_string(range.pid) + ") hands out by DHCP, " +
                                     format_ipv4(range.first) + "-" + format_ipv4(range.last) +
                                     ": use other addresses, or a bridge of its own without DHCP");
  }
  return {};
}

Result<void> check_pool(const PoolQuestion& question) {
  if (auto bridge = check_bridge(question.bridge); !bridge) return bridge;
  const auto interfaces = interface_addresses();
  if (!interfaces) return fail(interfaces.error());
  return check_pool(question, *interfaces, dnsmasq_ranges());
}

}  // namespace gearscale::gears
