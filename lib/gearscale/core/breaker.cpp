// SPDX-License-Identifier: Apache-2.0
// Counting failures and starts. Pure.
#include "gearscale/core/breaker.hpp"

#include <algorithm>

#include "gearscale/core/gear.hpp"

namespace gearscale::core {

namespace {

constexpr Millis kFirstPause{10'000};
constexpr Millis kLongestPause{600'000};

Millis pause_after(int failures) {
  const int doublings = std::clamp(failures - kBreakerFailures, 0, 6);
  return std::min(kFirstPause * (1 << doublings), kLongestPause);
}

std::int64_t minute_of(Time now) { return std::chrono::duration_cast<std::chrono::minutes>(now.time_since_epoch()).count() + 1; }

}  // namespace

int clones_allowed(const Breaker& breaker, const std::string& template_name, int on_the_way, Time now) {
  if (breaker.failures < kBreakerFailures || breaker.template_name != template_name) return -1;
  return now >= breaker.open_until && on_the_way == 0 ? 1 : 0;
}

bool note_failure(Breaker& breaker, const Gear& gear, const std::string& why, Time now) {
  if (gear.template_name.empty()) return false;  // adopted: nobody knows what it was cloned from
  if (breaker.template_name != gear.template_name) breaker = Breaker{.template_name = gear.template_name};
  breaker.served = gear.state == GearState::serving;
  breaker.last_failure = now;
  breaker.why = why;
  // Several that were started together fail together: that makes the pause no longer.
  if (now < breaker.open_until) return false;
  if (++breaker.failures < kBreakerFailures) return false;
  breaker.open_until = now + pause_after(breaker.failures);
  return true;
}

bool note_ready(Breaker& breaker, const std::string& template_name) {
  if (breaker.failures == 0 || breaker.served || breaker.template_name != template_name) return false;
  const bool was_open = breaker.failures >= kBreakerFailures;
  breaker = Breaker{};
  return was_open;
}

bool close_when_proved(Registry& registry, Time now) {
  const auto& breaker = registry.breaker;
  if (breaker.failures == 0) return false;
  const bool proved = std::any_of(registry.gears.begin(), registry.gears.end(), [&](const Gear& gear) {
    return gear.state == GearState::serving && gear.template_name == breaker.template_name && gear.since >= breaker.last_failure &&
           now - gear.since >= kProbation;
  });
  if (proved) registry.breaker = Breaker{};
  return proved;
}

void HourCount::add(Time now, int count) {
  const auto minute = minute_of(now);
  const auto slot = static_cast<std::size_t>(minute % kMinutes);
  if (minutes_[slot] != minute) counts_[slot] = 0;
  minutes_[slot] = minute;
  counts_[slot] += count;
}

int HourCount::count(Time now) const {
  const auto minute = minute_of(now);
  int total = 0;
  for (std::size_t slot = 0; slot < counts_.size(); ++slot) {
    if (minutes_[slot] > minute - kMinutes && minutes_[slot] <= minute) total += counts_[slot];
  }
  return total;
}

}  // namespace gearscale::core
