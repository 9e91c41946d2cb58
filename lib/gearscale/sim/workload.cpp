// SPDX-License-Identifier: Apache-2.0
// The M/M/infinity queue, event by event.
#include "gearscale/sim/workload.hpp"

#include <algorithm>
#include <cmath>
#include <functional>

namespace gearscale::sim {

double uniform(std::mt19937_64& random) { return (static_cast<double>(random() >> 11) + 1.0) * 0x1.0p-53; }

PoissonLoad::PoissonLoad(const Shape& shape, std::uint64_t seed) : shape_(shape), random_(seed) {}

core::Millis PoissonLoad::draw(double mean_ms) {
  return core::Millis(std::max<long>(1, std::lround(-mean_ms * std::log(uniform(random_)))));
}

int PoissonLoad::at(core::Time now) {
  const auto stay = static_cast<double>(shape_.mean_stay.count());
  const double gap = stay / shape_.mean_sessions;
  if (!started_) {
    // Ten mean stays of history make the steady state, whatever the beginning was.
    started_ = true;
    next_arrival_ = now - 10 * shape_.mean_stay + draw(gap);
  }
  while (next_arrival_ <= now) {
    ends_.push_back(next_arrival_ + draw(stay));
    std::push_heap(ends_.begin(), ends_.end(), std::greater<>());
    next_arrival_ += draw(gap);
  }
  while (!ends_.empty() && ends_.front() <= now) {
    std::pop_heap(ends_.begin(), ends_.end(), std::greater<>());
    ends_.pop_back();
  }
  return static_cast<int>(ends_.size());
}

}  // namespace gearscale::sim
