// SPDX-License-Identifier: Apache-2.0
// What a serving gear that HAProxy has DOWN lacks: process, link, address, port or answer. Looks, changes nothing in the gear.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "gearscale/gears/options.hpp"
#include "gearscale/ports.hpp"
#include "gearscale/system/child.hpp"
#include "gearscale/system/deadline.hpp"

namespace gearscale::gears {

// The network of a gear, as seen from within.
struct GearNetwork {
  bool has_device = false;      // besides its loopback
  bool is_up = false;           // such a device is up and has a carrier, and so is the one that has the address
  bool has_address = false;     // one of its devices has the gear's address
  std::optional<bool> listens;  // on that address and gear_port; nothing: the table of its sockets is too long
};
// "no link: ..", "no address: .." or "no port: .."; empty when nothing of that is missing. Pure.
std::string missing_in(const GearNetwork& network, std::uint32_t address, int port);

// One for each gear, in their order, with the first that is missing. In a process of its own, for 3 s at most: what the gears do cannot hold it
// up. A gear that could not be looked at has that as its text.
std::vector<Diagnosis> diagnose(const Options& options, const std::vector<DownGear>& gears);

// The same without waiting.
class Diagnoser {
 public:
  // False while one is under way, and when no process can be had.
  bool begin(const Options& options, std::vector<DownGear> gears);
  // What the one that ended since the last call found; never waits.
  std::vector<Diagnosis> done();

 private:
  std::optional<system::Child> child_;
  std::vector<DownGear> gears_;
  system::Deadline deadline_{core::Millis(0)};
};

}  // namespace gearscale::gears
