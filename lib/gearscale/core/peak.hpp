// SPDX-License-Identifier: Apache-2.0
// PeakWindow: the highest value seen within a sliding time. Bounded memory whatever the sampling rate.
#pragma once

#include <deque>

#include "gearscale/core/types.hpp"

namespace gearscale::core {

// Keeps a falling staircase of (time, value): only samples that could still become the peak. Samples closer together than window/256
// share a step, so that it never holds more than 257 of them; such a step lives on from its latest sample, which can only keep a peak longer.
class PeakWindow {
 public:
  // Takes one sample and forgets what is older than `window` before `now`. `now` must not go back.
  void add(Time now, Millis window, double value);
  // The highest value of the window, 0 when nothing was added.
  double peak() const { return steps_.empty() ? 0 : steps_.front().value; }
  void clear() { steps_.clear(); }
  std::size_t size() const { return steps_.size(); }

 private:
  struct Step {
    Time at;
    double value;
  };
  std::deque<Step> steps_;
};

}  // namespace gearscale::core
