// SPDX-License-Identifier: Apache-2.0
// The circuit breaker of a template: one whose gears keep failing is not cloned for a growing time. And the flap budget: how many cold starts
// and destroys an hour are borne before removals stop. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "gearscale/core/types.hpp"

namespace gearscale::core {

struct Registry;
struct Gear;

// Kept in the registry, so that it survives the controller and everybody can see it.
struct Breaker {
  std::string template_name;  // of the gears that failed
  int failures = 0;           // in a row; 0: all is well
  bool served = false;        // the last one that failed had served before: only one that goes on serving proves the template sound
  Time last_failure{};
  Time open_until{};  // nothing is cloned before; Time{}: never opened
  std::string why;    // of the last failure
};

// Failures in a row that open it: for 10 s, doubled by each further failure up to 10 min.
inline constexpr int kBreakerFailures = 3;
// A gear that dies within this of beginning to serve counts as one that failed; one that serves for so long after a failure is a proof.
inline constexpr Millis kProbation{60'000};

// How many gears may be cloned from the template now: all that are wanted (-1), none while the breaker is open, and one at a time after that
// until one has proved itself. `on_the_way`: gears of that template that are being started at this moment.
int clones_allowed(const Breaker& breaker, const std::string& template_name, int on_the_way, Time now);

// A gear of the template did not become ready, or died in its probation. True when this opened the breaker, which is an event.
bool note_failure(Breaker& breaker, const Gear& gear, const std::string& why, Time now);

// A gear became ready (served or stands by): closes the breaker unless the last one that failed had served first. True when it was open.
bool note_ready(Breaker& breaker, const std::string& template_name);

// Closes the breaker when a gear of its template has served through its probation since the last failure. True when it did.
bool close_when_proved(Registry& registry, Time now);

// Events of the last hour, to a minute.
class HourCount {
 public:
  void add(Time now, int count = 1);
  int count(Time now) const;

 private:
  static constexpr std::int64_t kMinutes = 60;
  std::array<int, kMinutes> counts_{};
  std::array<std::int64_t, kMinutes> minutes_{};  // since the clock's epoch, plus one; 0: never
};

}  // namespace gearscale::core
