// SPDX-License-Identifier: Apache-2.0
// A gear as the registry remembers it, and the registry itself: what was meant. Pure data; what is (HAProxy, LXC) is in plan.hpp.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "gearscale/core/types.hpp"

namespace gearscale::core {

// The life of a gear; docs/architecture.md has the picture.
//   absent -> starting -> serving -> draining -> removing -> absent        any -> failed -> absent
enum class GearState {
  starting,  // meant to serve: cloned, started and probed, not yet handed to HAProxy
  serving,   // handed to HAProxy
  draining,  // HAProxy sends it no new clients; it leaves when they are gone or at the deadline
  removing,  // leaves HAProxy, then stopped and destroyed; this intent is durable before the first step
  failed,    // like removing, because it did not become ready or its container died; `note` says why
};

std::string_view to_string(GearState state);

struct Gear {
  std::string id;             // 8 lowercase hex digits
  std::uint32_t address = 0;  // IPv4, host byte order
  GearState state = GearState::starting;
  Time since{};                 // when it entered the state
  Time deadline{};              // when the state must have come to its end (serving: none)
  bool pinned = false;          // never chosen for removal
  std::int64_t created_ms = 0;  // system clock, ms since the epoch: the newest is removed first
  std::string note;             // why it failed; empty otherwise
};

struct Registry {
  std::uint64_t generation = 0;  // grows with every change
  Time last_addition{};          // the last addition by anyone; Time{} (the epoch) when there was none since boot
  int low_checks = 0;            // consecutive low checks, kept for `haproxy_ctld --once`
  std::vector<Gear> gears;       // in the order of creation
};

Gear* find_gear(Registry& registry, std::string_view id);
const Gear* find_gear(const Registry& registry, std::string_view id);

// How many gears are in a state.
int count_state(const Registry& registry, GearState state);

}  // namespace gearscale::core
