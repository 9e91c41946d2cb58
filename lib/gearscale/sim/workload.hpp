// SPDX-License-Identifier: Apache-2.0
// Seeded workloads: how many sessions there are at a time. The same seed gives the same load on any machine.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include "gearscale/core/types.hpp"

namespace gearscale::sim {

// Uniform in (0, 1] from the generator's own bits: std:: distributions differ between libraries.
double uniform(std::mt19937_64& random);

// A steady noisy load: sessions arrive by a Poisson process and stay for an exponential time, as many as come (M/M/infinity). The number
// present is then Poisson-distributed with the given mean.
class PoissonLoad {
 public:
  struct Shape {
    double mean_sessions = 0;       // above 0
    core::Millis mean_stay{5'000};  // of one session
  };
  PoissonLoad(const Shape& shape, std::uint64_t seed);

  // Sessions present at `now`; times must not go back. Starts in the steady state.
  int at(core::Time now);

 private:
  core::Millis draw(double mean_ms);

  Shape shape_;
  std::mt19937_64 random_;
  core::Time next_arrival_{};
  std::vector<core::Time> ends_;  // of the sessions present, a min-heap
  bool started_ = false;
};

}  // namespace gearscale::sim
