// SPDX-License-Identifier: Apache-2.0
// Words that every room uses: time, limits, the policy's settings. Pure data; no logic.
#pragma once

#include <chrono>

namespace gearscale::core {

using Millis = std::chrono::milliseconds;

// A point on the steady clock (CLOCK_MONOTONIC, the same for all processes since boot). Always an argument, never asked for here.
using Time = std::chrono::time_point<std::chrono::steady_clock, Millis>;

// How many gears an application may have. Both count serving, starting and DOWN gears; standbys and draining ones apart.
struct Limits {
  int min = 1;         // at least 1
  int max = kNoLimit;  // at least min, or kNoLimit
  static constexpr int kNoLimit = -1;
  friend bool operator==(const Limits&, const Limits&) = default;
};

// The `sessions` policy. Defaults are those of the cartridge's README.
struct Policy {
  double up_pct = 90.0;             // add at or above this capacity, in %
  double remove_pct = 49.9;         // a check below this capacity is a low check, in %
  double sessions_per_gear = 10.0;  // sessions that make 100% of one gear
  int remove_checks = 3;            // consecutive low checks before a removal
  Millis flap_protection{120'000};  // no removal for this long after an addition
  bool peak_guard = true;           // low checks also look at the highest load of the last flap_protection
};

}  // namespace gearscale::core
