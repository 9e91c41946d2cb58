// SPDX-License-Identifier: Apache-2.0
// ShortMean as a short array in the order of time. Pure.
#include "gearscale/core/mean.hpp"

#include <algorithm>
#include <numeric>

namespace gearscale::core {

void ShortMean::add(Time now, Millis window, double value) {
  const auto held = samples_.begin() + static_cast<std::ptrdiff_t>(count_);
  const auto young = std::find_if(samples_.begin(), held, [&](const Sample& sample) { return now - sample.at < window; });
  count_ = static_cast<std::size_t>(std::move(young, held, samples_.begin()) - samples_.begin());
  const bool same = count_ > 0 && now - samples_[count_ - 1].at < std::max(window / 8, Millis{1});
  if (same) {
    samples_[count_ - 1].value = value;
  } else if (count_ < samples_.size()) {
    samples_[count_++] = Sample{now, value};
  }
}

double ShortMean::mean() const {
  if (count_ == 0) return 0;
  const auto held = samples_.begin() + static_cast<std::ptrdiff_t>(count_);
  const double sum = std::accumulate(samples_.begin(), held, 0.0, [](double all, const Sample& sample) { return all + sample.value; });
  return sum / static_cast<double>(count_);
}

double ShortMean::steady() const {
  if (count_ == 0) return 0;
  return count_ == 1 ? samples_[0].value : std::min(samples_[count_ - 1].value, samples_[count_ - 2].value);
}

}  // namespace gearscale::core
