// SPDX-License-Identifier: Apache-2.0
// Counting failures and starts. Pure.
#include "gearscale/core/breaker.hpp"

#include <algorithm>
#include <utility>

#include "gearscale/core/lifecycle.hpp"

namespace gearscale::core {

namespace {

constexpr Millis kFirstPause{10'000};
constexpr Millis kLongestPause{600'000};

Millis pause_number(int number) { return std::min(kFirstPause * (1 << std::clamp(number - 1, 0, 6)), kLongestPause); }

std::int64_t minute_of(Time now) { return std::chrono::duration_cast<std::chrono::minutes>(now.time_since_epoch()).count() + 1; }

}  // namespace

bool is_open(const Breaker& breaker) {
  const bool proven = !breaker.proven.empty() && breaker.proven == breaker.template_name;
  return breaker.failures - breaker.deaths >= kBreakerFailures || breaker.failures >= (proven ? kProvenFailures : kBreakerFailures);
}

int clones_allowed(const Breaker& breaker, const std::string& template_name, const CloneSituation& situation, Time now) {
  if (!is_open(breaker) || breaker.template_name != template_name) return -1;
  if (situation.starting > 0) return 0;
  const bool has_served = breaker.deaths > 0 || breaker.proven == template_name;
  const bool needed = situation.nothing_serves && has_served && now - situation.last_addition >= kOutagePause;
  return needed || (now >= breaker.open_until && situation.preparing == 0) ? 1 : 0;
}

bool note_failure(Breaker& breaker, const Gear& gear, const std::string& why, Time now) {
  if (gear.template_name.empty()) return false;  // adopted: nobody knows what it was cloned from
  if (breaker.template_name != gear.template_name) close_breaker(breaker);
  breaker.template_name = gear.template_name;
  breaker.served = gear.state == GearState::serving;
  breaker.last_failure = now;
  breaker.why = why;
  // Several that were started together fail together: that makes the pause no longer.
  if (now < breaker.open_until) return false;
  ++breaker.failures;
  if (breaker.served) ++breaker.deaths;
  if (!is_open(breaker)) return false;
  breaker.open_until = now + pause_number(++breaker.pauses);
  return true;
}

bool note_ready(Breaker& breaker, const std::string& template_name) {
  if (breaker.failures == 0 || breaker.served || breaker.template_name != template_name) return false;
  const bool was_open = is_open(breaker);
  close_breaker(breaker);
  return was_open;
}

void close_breaker(Breaker& breaker) {
  Breaker closed;
  closed.proven = std::move(breaker.proven);
  breaker = std::move(closed);
}

bool has_proof(const std::vector<GearView>& gears, const std::string& template_name, Time since, Time now) {
  return std::any_of(gears.begin(), gears.end(), [&](const GearView& view) {
    const auto& gear = *view.gear;
    return gear.state == GearState::serving && view.server == ServerState::up && gear.template_name == template_name &&
           gear.since >= since && now - gear.since >= kProbation;
  });
}

bool has_settled(const std::vector<GearView>& gears, const std::string& template_name, Time since) {
  return std::any_of(gears.begin(), gears.end(), [&](const GearView& view) {
    const auto& gear = *view.gear;
    return gear.state == GearState::standby && view.container != ContainerState::running && gear.template_name == template_name &&
           gear.since >= since;
  });
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
