// SPDX-License-Identifier: Apache-2.0
// A gear as the registry remembers it, and the registry itself: what was meant. Pure data; what is (HAProxy, LXC) is in plan.hpp.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "gearscale/core/breaker.hpp"
#include "gearscale/core/types.hpp"

namespace gearscale::core {

// The life of a gear; docs/architecture.md has the picture.
//   absent -> starting -> serving -> draining -> removing -> absent        any -> failed -> absent
//   absent -> preparing -> standby -> serving      draining -> serving (recalled)      removing -> preparing (kept as a standby)
enum class GearState {
  preparing,  // becomes a standby: cloned, started, probed
  standby,    // ready to be woken: frozen, or running until its boot has ended, or stopped; not in HAProxy
  starting,   // meant to serve: cloned, started and probed, not yet handed to HAProxy
  serving,    // handed to HAProxy
  draining,   // HAProxy sends it no new clients; it leaves when they are gone or at the deadline
  removing,   // leaves HAProxy, then stopped and destroyed, or kept as a standby; this intent is durable before the first step
  failed,     // like removing, because it did not become ready or its container died; `note` says why
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
  std::string template_name;    // what it was cloned from; empty when that is not known
  bool dismissed = false;       // a person named it for removal, or it was replaced: neither recalled nor kept as a standby
  std::string replaces;         // id of the gear that leaves when this one serves; empty: none
  bool unconfirmed = false;     // it serves since it was woken, and has not answered since
};

// A rolling replacement: every gear that was not cloned from `template_name` gives way to one that is.
struct Replacement {
  enum class State { none, running, stopped, done };
  State state = State::none;
  std::string template_name;
  int step = 1;      // gears at a time
  int replaced = 0;  // so far
  std::string note;  // why it stopped
};

std::string_view to_string(Replacement::State state);

struct Registry {
  std::uint64_t generation = 0;  // grows with every change
  Time last_addition{};          // the last addition by anyone; Time{} (the epoch) when there was none since boot
  int low_checks = 0;            // consecutive low checks, kept for `haproxy_ctld --once`
  bool former_marks = false;     // written by a version whose marks had no uuid: its gears' containers are to get ours, once
  // The template that new gears are cloned from since the first gear of a replacement served, as long as the configured one is still
  // `instead_of`; empty: the configured one.
  std::string template_name;
  std::string instead_of;
  Replacement replacement;
  Breaker breaker;
  std::vector<Gear> gears;  // in the order of creation
};

// The template in force: the registry's, unless the configuration was changed since.
const std::string& template_in_force(const Registry& registry, const std::string& configured);

Gear* find_gear(Registry& registry, std::string_view id);
const Gear* find_gear(const Registry& registry, std::string_view id);

// How many gears are in a state.
int count_state(const Registry& registry, GearState state);

}  // namespace gearscale::core
