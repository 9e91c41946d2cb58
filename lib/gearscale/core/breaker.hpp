// SPDX-License-Identifier: Apache-2.0
// The circuit breaker of a template: one whose gears keep failing is not cloned for a growing time. And the flap budget: how many cold starts
// and destroys an hour are borne before removals stop. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "gearscale/core/types.hpp"

namespace gearscale::core {

struct Gear;
struct GearView;

// Kept in the registry, so that it survives the controller and everybody can see it.
struct Breaker {
  std::string template_name;  // of the gears that failed
  int failures = 0;           // in a row; 0: all is well
  int deaths = 0;             // of them: gears that had served before they died
  int pauses = 0;             // so far, each twice as long as the one before
  bool served = false;        // the last one that failed had served before: only one that goes on serving proves the template sound
  Time last_failure{};
  Time open_until{};   // nothing is cloned before; Time{}: never opened
  std::string why;     // of the last failure
  std::string proven;  // a gear of this template has served through its probation; stays when the breaker closes
};

// Failures in a row that open it: for 10 s, doubled by each further failure up to 10 min.
inline constexpr int kBreakerFailures = 3;
// The same for a proven template when there are deaths among them: whoever kills gears says nothing about what they were cloned from.
inline constexpr int kProvenFailures = 10;
// While nothing serves, a gear of a template that has served at all is tried at this interval, whatever the pause.
inline constexpr Millis kOutagePause{3'000};
// A gear that dies within this of beginning to serve counts as one that failed; one that serves for so long after a failure is a proof.
inline constexpr Millis kProbation{60'000};

// Is the template held back? One at a time is cloned after its pauses. Ends also when the template becomes proven and its deaths are no longer enough.
bool is_open(const Breaker& breaker);

// What else matters to whether a gear may be cloned.
struct CloneSituation {
  int starting = 0;             // gears of the template on their way to serving
  int preparing = 0;            // those on their way to standing by
  bool nothing_serves = false;  // and the clone is to serve
  Time last_addition{};
};

// How many gears may be cloned from the template now: all that are wanted (-1), none while the breaker is open, and one at a time after that
// until one has proved itself. While nothing serves there is nothing to lose by trying: one at a time, each kOutagePause, in the pauses as well,
// if the template has ever served.
int clones_allowed(const Breaker& breaker, const std::string& template_name, const CloneSituation& situation, Time now);

// A gear of the template did not become ready, or died in its probation. True when this opened the breaker, which is an event.
bool note_failure(Breaker& breaker, const Gear& gear, const std::string& why, Time now);

// A gear became ready (served, or stands by and its boot has ended): closes the breaker unless the last one that failed had served first. True
// when it was open.
bool note_ready(Breaker& breaker, const std::string& template_name);

// Forgets the failures, not what was proven.
void close_breaker(Breaker& breaker);

// Is a gear of the template UP that began to serve at `since` or later and has served through its probation?
bool has_proof(const std::vector<GearView>& gears, const std::string& template_name, Time since, Time now);
// Does one stand by since `since` or later, whose boot has ended?
bool has_settled(const std::vector<GearView>& gears, const std::string& template_name, Time since);

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
