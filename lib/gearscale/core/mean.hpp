// SPDX-License-Identifier: Apache-2.0
// ShortMean: the mean of the samples of a short time, for additions: they react fast, but not to one stray sample. Pure.
#pragma once

#include <array>
#include <cstddef>

#include "gearscale/core/types.hpp"

namespace gearscale::core {

// Samples closer together than an eighth of the window count as one, whose value is the latest: it never holds more than nine.
class ShortMean {
 public:
  // Takes one sample and forgets those that are `window` old or older. With a window of 0 only the last one counts. `now` must not go back.
  void add(Time now, Millis window, double value);
  // The mean of the samples held, 0 when there is none.
  double mean() const;
  // The lower of the last two samples (of one, that one; 0 when there is none): both have to be high, or the last was a stray.
  double steady() const;
  void clear() { count_ = 0; }

 private:
  struct Sample {
    Time at{};
    double value = 0;
  };
  std::array<Sample, 10> samples_{};
  std::size_t count_ = 0;
};

}  // namespace gearscale::core
