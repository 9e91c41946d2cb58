// SPDX-License-Identifier: Apache-2.0
// PeakWindow as a monotonic queue. Pure.
#include "gearscale/core/peak.hpp"

namespace gearscale::core {

void PeakWindow::add(Time now, Millis window, double value) {
  while (!steps_.empty() && now - steps_.front().at > window) steps_.pop_front();
  while (!steps_.empty() && steps_.back().value <= value) steps_.pop_back();
  if (!steps_.empty() && steps_.size() > 1 && now - steps_[steps_.size() - 2].at < window / 256) {
    steps_.back() = Step{now, steps_.back().value};
    return;
  }
  steps_.push_back(Step{now, value});
}

}  // namespace gearscale::core
