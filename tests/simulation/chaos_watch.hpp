// SPDX-License-Identifier: Apache-2.0
// Watches what controllers and commands do to the gears of a world with faults, and objects to what they must not do. Knows the machine
// itself, not only what the ports tell.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "gearscale/app/controller.hpp"
#include "gearscale/sim/chaos.hpp"

namespace gearscale::test {

class Watch {
 public:
  Watch(sim::ChaosWorld& world, const core::Timeouts& timeouts) : world_(world), timeouts_(timeouts) {}

  // What was asked for and may explain what happened.
  struct Cause {
    std::set<std::string> leaving;  // gears that a decision or a person chose
    bool by_name = false;           // a person said which, not the policy
    bool forced = false;            // --now: without a drain
    bool unknown = false;           // the process was killed before it could tell
    core::Limits limits;
  };
  void after(const Cause& cause);
  void after_tick(const app::TickReport& report, const core::Limits& limits);

  // Everything as it is, judged by core::broken_invariants.
  std::vector<std::string> broken(const core::Limits& limits, bool file_busy, core::Millis grace) const;

  int gears_seen = 0;  // that entered the registry

 private:
  void compare(const core::Gear& was, const core::Gear* is, const Cause& cause);
  void see_leaving(const core::Gear& was, const core::Gear& is, const Cause& cause);
  bool is_unwell(const std::string& id) const;
  bool has_sessions(const std::string& id) const;
  void see_addresses() const;
  void see_replacement(const Cause& cause);
  bool old_serves_beside(const std::string& id) const;

  sim::ChaosWorld& world_;
  core::Timeouts timeouts_;
  core::Registry before_;
  // Of the replacement that runs: old gears that it found, that came later or again (recalled); whom it made; and how many of these left, or
  // became ordinary ones beside their old gears, before they took their places.
  int old_ = 0, unplaced_ = 0;
  std::set<std::string> successors_;
  int counted_ = 0;
  unsigned tampered_ = 0;
  core::Time looked_{};
};

}  // namespace gearscale::test
