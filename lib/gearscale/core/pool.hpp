// SPDX-License-Identifier: Apache-2.0
// What every gear does next by itself, where that depends on the others too: the pool of standbys, how many start at a time. Pure.
#pragma once

#include <string>
#include <vector>

#include "gearscale/core/plan.hpp"

namespace gearscale::core {

// What the next steps depend on besides the gears themselves.
struct Surroundings {
  Timeouts timeouts;
  StandbyPolicy standby;
  Limits limits;
  bool keeps_pool = false;    // this process fills and trims the pool of standbys
  Time refill_not_before{};   // hold-off after a standby that could not be made
  int clones_allowed = -1;    // by the template's breaker; -1: any number
  int lost = 0;               // gears that were given up and have no successor yet
  std::string template_name;  // in force
  int parallel_starts = 4;    // gears that are cloned and started at the same time
};

// How many standbys there should be: standby_count, but no more than could still serve under scale_max.
int standbys_wanted(const StandbyPolicy& policy, const Limits& limits, int counted);

// The next step of each gear (next_step), where there is room for it: at most parallel_starts bring_up jobs at a time, and none that prepares a
// standby while a gear starts that is needed; as many settle jobs, where the pool is kept. A gear that left HAProxy is parked when the pool has
// room for it and it fits. Then, one a call, what the pool needs: a standby that does not fit or is too many leaves, a missing one is created
// (step without id and address: the caller fills them in). And a gear that has been DOWN for timeouts.down while another one is UP is given up,
// when no other gear starts, waits for its successor or is seen off after it failed (one that cannot leave does not count), and there is
// something to replace it by: a standby, or a template that may be cloned. So is one while there are more than limits.max, whether another one
// is UP or not.
std::vector<Step> next_steps(const std::vector<GearView>& gears, const Surroundings& around, Time now);

// The gear that has been DOWN for the longest time, past timeouts.down, or nothing. Pinned ones do not count.
const GearView* longest_down(const std::vector<GearView>& gears, const Timeouts& timeouts, Time now);

}  // namespace gearscale::core
