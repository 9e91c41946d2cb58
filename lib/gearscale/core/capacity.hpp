// SPDX-License-Identifier: Apache-2.0
// The capacity formula of the `sessions` policy, in one place.
#pragma once

namespace gearscale::core {

struct CapacityInput {
  double sessions = 0;           // BACKEND scur (queued ones included), 0 or more
  int gears = 0;                 // gears that share them
  double sessions_per_gear = 0;  // above 0
};

// 100 * sessions / (gears * sessions_per_gear), in %, real division (the original of 2012 floored sessions / gears: 17 on 2 read 80%).
// Without a gear: 0 when there are no sessions, else infinity (any load is too much for no gear).
double capacity_pct(const CapacityInput& input);

}  // namespace gearscale::core
