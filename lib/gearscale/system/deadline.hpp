// SPDX-License-Identifier: Apache-2.0
// Deadline: a moment on the steady clock that a waiting call must not pass, as poll(2) wants it. Nothing else.
#pragma once

#include <algorithm>
#include <chrono>

#include "gearscale/core/types.hpp"

namespace gearscale::system {

class Deadline {
 public:
  // `patience` from now; a negative one is over at once, more than a day is a day.
  explicit Deadline(core::Millis patience)
      : end_(std::chrono::steady_clock::now() + std::clamp(patience, core::Millis(0), core::Millis(std::chrono::hours(24)))) {}

  // Rounded up, so that a wait of what is left does not end before the deadline and spin; 0 when it is over.
  core::Millis left() const {
    return std::max(std::chrono::ceil<core::Millis>(end_ - std::chrono::steady_clock::now()), core::Millis(0));
  }
  bool is_over() const { return left() == core::Millis(0); }
  int poll_timeout() const { return static_cast<int>(left().count()); }

 private:
  std::chrono::steady_clock::time_point end_;
};

}  // namespace gearscale::system
