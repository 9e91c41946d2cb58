// SPDX-License-Identifier: Apache-2.0
// Capacity: the formula and its two edges. Pure.
#include "gearscale/core/capacity.hpp"

#include <limits>

namespace gearscale::core {

double capacity_pct(const CapacityInput& input) {
  if (input.sessions <= 0) return 0;
  if (input.gears <= 0) return std::numeric_limits<double>::infinity();
  return 100.0 * input.sessions / (static_cast<double>(input.gears) * input.sessions_per_gear);
}

}  // namespace gearscale::core
