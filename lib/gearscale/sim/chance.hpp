// SPDX-License-Identifier: Apache-2.0
// Dice and diary of a simulated world: the same seed gives the same draws on any machine, and what happened last can be told.
#pragma once

#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "gearscale/core/types.hpp"
#include "gearscale/sim/workload.hpp"

namespace gearscale::sim {

class Chance {
 public:
  explicit Chance(std::uint64_t seed) : random_(seed) {}
  bool hit(double probability) { return probability > 0 && uniform(random_) <= probability; }
  // Both ends included.
  int between(int first, int last) { return first + static_cast<int>(random_() % static_cast<std::uint64_t>(last - first + 1)); }
  // Short times as likely as long ones: the logarithm is uniform. Both above 0.
  core::Millis time(core::Millis shortest, core::Millis longest) {
    const auto least = static_cast<double>(shortest.count());
    return core::Millis(std::lround(least * std::pow(static_cast<double>(longest.count()) / least, uniform(random_))));
  }
  // Until the next event of those that come so many times an hour.
  core::Millis wait(double per_hour) { return core::Millis(std::lround(-3'600'000.0 / per_hour * std::log(uniform(random_)))); }

 private:
  std::mt19937_64 random_;
};

// The last things that happened.
class Journal {
 public:
  // `aloud`: also to stdout, as they happen.
  explicit Journal(bool aloud) : aloud_(aloud) {}
  void note(core::Time now, std::string text);
  // One line each, the oldest first.
  std::vector<std::string> last() const;

 private:
  static constexpr std::size_t kKept = 48;
  bool aloud_;
  std::vector<std::pair<core::Time, std::string>> ring_;
  std::size_t next_ = 0;
};

}  // namespace gearscale::sim
