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
  int max = kNoLimit;  // at least min, or kNoLimit; one more may start while every other one is DOWN
  static constexpr int kNoLimit = -1;
  friend bool operator==(const Limits&, const Limits&) = default;
};

enum class Percentile { p50, p90, p99 };

// The `response-time` policy: slow pages add a gear, fast ones let one go.
struct ResponsePolicy {
  Percentile percentile = Percentile::p90;
  Millis up{1'000};       // above this a gear is added
  Millis remove{200};     // a check below this agrees to a removal
  int min_requests = 20;  // with fewer in the window it has nothing to say
  Millis window{10'000};
};

// What scales the farm. Any signal in use may add; to remove, all that have something to say must agree. Defaults are those of the cartridge's
// README.
struct Policy {
  bool use_sessions = true;
  bool use_response = false;
  double up_pct = 90.0;             // add at or above this capacity, in %
  double remove_pct = 49.9;         // a check below this capacity is a low check, in %
  double sessions_per_gear = 10.0;  // sessions that make 100% of one gear
  int remove_checks = 3;            // consecutive low checks before a removal
  Millis flap_protection{120'000};  // no removal for this long after an addition
  bool peak_guard = true;           // low checks also look at the highest load of the last flap_protection
  Millis up_window{300};            // additions look at the mean of the samples of this time
  int flap_budget = 120;            // cold starts and destroys in an hour, after which nothing more is removed; 0: no such limit
  int max_step_up = 0;              // most gears that one decision adds; 0: the larger of 4 and the serving gears
  Millis down_timeout{30'000};      // all gears DOWN for this long: a fresh one is tried; 0: never
  ResponsePolicy response;
};

// Gears made in advance.
struct StandbyPolicy {
  enum class State { frozen, stopped };
  int count = 1;  // kept ready, as far as scale_max leaves use for them
  State state = State::frozen;
};

}  // namespace gearscale::core
