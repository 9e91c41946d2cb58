// SPDX-License-Identifier: Apache-2.0
// Has a gear's boot ended? Its init is asked where that is systemd; else a gear that hardly uses the processor has ended it.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "gearscale/gears/steps.hpp"

namespace gearscale::gears {

enum class BootState { goes_on, ended, unknown };

// What `systemctl is-system-running` printed (systemctl(1)). running, degraded (a unit failed) and maintenance (rescue or emergency mode): no
// job is under way. initializing, starting: there are jobs. stopping: it is about to end, and is not frozen for that. offline (init is no
// systemd), unknown and whatever else a gear may print say nothing.
BootState boot_state(std::string_view word);

// Under 2% of one processor for some time. Pure: time is an argument.
class Quiet {
 public:
  using Used = std::chrono::nanoseconds;  // processor time since the gear's start
  explicit Quiet(core::Millis time) : time_(time) {}
  // One look; nothing: it could not be measured, then time alone counts. True: it was quiet for the whole time until now.
  bool see(core::Time now, std::optional<Used> used);

 private:
  core::Millis time_;
  std::optional<core::Time> since_;
  Used used_before_{0};
};

struct BootEnd {
  bool has_ended = false;
  std::string why;  // for people: why it has not
};

// Waits until the boot of a running gear has ended, or until the job's deadline. Nothing that the gear says or does makes it wait longer, and
// all it can gain is to be frozen too early or not at all. Errc::failed when its init ends meanwhile.
Result<BootEnd> await_boot_end(Job& job, Container& container);

}  // namespace gearscale::gears
