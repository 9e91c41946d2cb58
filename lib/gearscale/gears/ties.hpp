// SPDX-License-Identifier: Apache-2.0
// What ties a gear to its address and its MAC on the bridge, so that no other gear gets its packets by claiming either (docs/security.md):
// flags of the bridge's port, an entry for the MAC in the bridge's forwarding table, an entry for the address among the host's neighbours.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "gearscale/base/result.hpp"

namespace gearscale::gears {

struct Tie {
  std::string device;  // the bridge's port, veth_of(id)
  std::string bridge;
  std::uint32_t address = 0;
  bool isolated = true;
};

// Ties it, whatever was there before. A device that is no port of the bridge yet becomes one, and passes nothing before it is tied. Errc::failed
// when the device is not there, or the bridge is none of Linux.
Result<void> tie(const Tie& wanted);
// A device that is there, but no port of any bridge.
bool is_loose(const std::string& device);
// The neighbour's entry; all else goes with the device. None is no error.
Result<void> untie_address(const std::string& bridge, std::uint32_t address);

// What is there.
struct PortState {
  bool learning = true, floods = true, isolated = false;
  std::optional<bool> locked;              // nothing: this kernel has no such flag (before 5.18)
  std::vector<std::string> sticky_macs{};  // as mac_of writes them
};
struct NeighbourState {
  std::uint32_t address = 0;
  std::string mac;
};
struct BridgeState {
  std::map<std::string, PortState> ports;  // by device
  std::vector<NeighbourState> neighbours;  // the permanent ones
};
Result<BridgeState> look_at_bridge(const std::string& bridge);

// What is missing, in words: "its port is not locked, no neighbour entry"; empty when it is tied, or its device is not there. Pure.
std::string missing(const Tie& wanted, const BridgeState& seen);
// The addresses from `first` to `last` that are tied, but none of `used` and to no port: of gears that are gone. Pure.
std::vector<std::uint32_t> strays(const BridgeState& seen, std::uint32_t first, std::uint32_t last, const std::vector<std::uint32_t>& used);

}  // namespace gearscale::gears
