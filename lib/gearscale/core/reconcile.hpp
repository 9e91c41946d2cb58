// SPDX-License-Identifier: Apache-2.0
// Brings the registry (what was meant) together with what LXC and HAProxy show, when a controller starts or a registry was lost. Pure.
#pragma once

#include <string>
#include <vector>

#include "gearscale/core/lifecycle.hpp"

namespace gearscale::core {

// One container of ours (it carries our mark), as LXC shows it.
struct ContainerFact {
  std::string id;
  std::uint32_t address = 0;  // as configured; 0 when it has none
  ContainerState state = ContainerState::unknown;
  std::int64_t created_ms = 0;
};

// One server of ours, as HAProxy shows it.
struct ServerFact {
  std::string id;
  std::uint32_t address = 0;
  ServerState state = ServerState::absent;
};

// Changes the registry and returns one sentence for each change:
//   container runs, has a server, no entry    -> adopted as serving
//   container without an entry and a server   -> entry `failed`: it will be destroyed
//   server without an entry and a container   -> entry `removing`: it will leave HAProxy
//   entry serving, its container not running  -> starting again (frozen ones too: the gear is woken and probed)
//   entry standby, its container not so       -> preparing again, unless it has a server: then it was woken, and serves
//   entry of an earlier boot                  -> its times start now (the caller has set them to `now`)
std::vector<std::string> reconcile(Registry& registry, const std::vector<ContainerFact>& containers, const std::vector<ServerFact>& servers,
                                   StandbyPolicy::State standby_state, const Timeouts& timeouts, Time now);

}  // namespace gearscale::core
