// SPDX-License-Identifier: Apache-2.0
// Brings the registry (what was meant) together with what LXC and HAProxy show, when a controller starts or a registry was lost. Pure.
#pragma once

#include <string>
#include <vector>

#include "gearscale/core/plan.hpp"

namespace gearscale::core {

// One container of ours (it carries our mark), as LXC shows it.
struct ContainerFact {
  std::string id;
  std::uint32_t address = 0;  // as configured; 0 when it has none
  ContainerState state = ContainerState::unknown;
  std::int64_t created_ms = 0;
  // Why it is left alone: what is at its place cannot be read, or may be somebody else's work. Its state is unknown then, and so is whose it is.
  std::string trouble = {};
};

// One server of ours, as HAProxy shows it.
struct ServerFact {
  std::string id;
  std::uint32_t address = 0;
  ServerState state = ServerState::absent;
};

// What there is besides the registry, and what it is measured by.
struct Facts {
  std::vector<ContainerFact> containers;  // all with our mark
  std::vector<ServerFact> servers;        // all of ours in HAProxy
  StandbyPolicy::State standby_state = StandbyPolicy::State::frozen;
  AddressPool pool;
  bool at_start = true;  // nobody has watched until now: what died meanwhile is mended here, not by the gear's own next step
};

struct Reconciled {
  std::vector<std::string> changes;  // one sentence each; empty: the registry is as it was
  int lost = 0;                      // gears that served and will not: to be replaced
};

// Changes the registry so that every difference is on its way to be mended (docs/reliability.md has the table):
//   container runs, has a server, no entry     -> adopted as serving; as draining or removing where the server is in DRAIN or MAINT
//   container runs or is frozen, no entry, its address is one of the pool and nobody else's
//                                              -> starting (frozen ones without a server: preparing): adopted if it answers, else destroyed
//   any other container without an entry       -> entry `failed`: it will be destroyed
//   what is left alone (trouble)               -> nothing, with an entry or without
//   server without an entry and a container    -> entry `removing`: it will leave HAProxy
//   two entries with one address               -> the newer one `failed`, another is made
//   entry whose container has another address  -> `failed`, another is made
//   at a start, entry serving, its container not running  -> starting again (frozen ones too: woken and probed)
//   entry standby, its container not so        -> preparing again, unless it has a server: then it was woken, and serves; where standbys are
//                                              frozen one that runs stays: its boot has not ended, or somebody thawed it
//   entry of an earlier boot                   -> its times start now (the caller has set them to `now`)
Reconciled reconcile(Registry& registry, const Facts& facts, const Timeouts& timeouts, Time now);

}  // namespace gearscale::core
