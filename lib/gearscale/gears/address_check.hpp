// SPDX-License-Identifier: Apache-2.0
// Is the address pool one that gears can have? Asked once, when a controller or a tool starts.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "gearscale/base/result.hpp"
#include "gearscale/core/plan.hpp"
#include "gearscale/gears/dnsmasq.hpp"

namespace gearscale::gears {

// An IPv4 address that this machine has.
struct InterfaceAddress {
  std::string device;
  std::uint32_t address = 0;
  int prefix = 32;
};

struct PoolQuestion {
  core::AddressPool pool;
  std::uint32_t gateway = 0;           // 0: none
  std::optional<std::int64_t> needed;  // how many addresses there must be; nothing: no matter
  std::string bridge;
};

// Errc::config, with what to do, when this machine has no network bridge of this name.
Result<void> check_bridge(const std::string& bridge);

// Errc::failed when the kernel does not say.
Result<std::vector<InterfaceAddress>> interface_addresses();

// Pure. Errc::config, with the figures, when the pool
//   is not a range within one network, or holds that network's own or broadcast address;
//   has fewer addresses than needed;
//   is not in the network of the bridge, or holds an address of this machine or the gateway;
//   shares addresses with a DHCP range.
Result<void> check_pool(const PoolQuestion& question, const std::vector<InterfaceAddress>& interfaces, const std::vector<DhcpRange>& dhcp);

// The same, and check_bridge, against this machine as it is now.
Result<void> check_pool(const PoolQuestion& question);

}  // namespace gearscale::gears
