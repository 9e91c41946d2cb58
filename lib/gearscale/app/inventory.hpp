// SPDX-License-Identifier: Apache-2.0
// What is known of each gear besides its registry entry: its server in HAProxy, its container, its running job. Remembers; decides nothing.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "gearscale/core/decision.hpp"
#include "gearscale/core/lifecycle.hpp"
#include "gearscale/ports.hpp"

namespace gearscale::app {

struct Sight {
  core::ServerState server = core::ServerState::absent;
  bool was_there = false;  // had a server at the sample before
  int scur = 0;
  std::uint64_t stot = 0;
  core::Time idle_since = core::Time::max();  // max: in use
  core::Time down_since = core::Time::max();  // max: not DOWN
  bool asked_why = false;                     // since then, what it lacks
  std::string lack;                           // the answer
  // Two marks of stot, half a minute apart, for its growth in the last minute.
  struct Mark {
    core::Time at{};
    std::uint64_t stot = 0;
  };
  Mark newer, older;
  core::ContainerState container = core::ContainerState::unknown;
  bool died = false;           // its init has ended, whatever LXC says at this moment
  bool unconfirmed = false;    // woken or thawed, and not probed since
  bool answered = false;       // since then
  bool half_enrolled = false;  // the last try to enrol it failed
  bool settles = false;        // the job is a settle, which only a standby has
  bool said_boots = false;     // that its boot goes on is said once
  core::Time settle_from{};    // when to look at its boot again
  core::JobState job = core::JobState::none;
  std::string job_text;  // the detail of a job that succeeded, the reason of one that failed
  int job_pid = 0;
  core::Time retry_at{};  // after a failed step: no other step of this gear before
  int failures = 0;       // failed steps in a row
  std::string trouble;    // the error of the last one
};

class Inventory {
 public:
  // Servers as this sample shows them; gears without a row become `absent`. Sights of gears that left the registry are dropped.
  void see(const BalancerView& view, const core::Registry& registry, core::Time now);
  void job_ended(const JobResult& result);
  void container_died(std::string_view id) {
    of(id).died = true;
    deaths_ = true;
  }
  // Containers ended since the last call.
  bool take_deaths() { return std::exchange(deaths_, false); }
  Sight& of(std::string_view id);
  std::vector<core::GearView> views(const core::Registry& registry);
  // The counts of this moment; `sessions` as HAProxy has them.
  core::Observation observation(const core::Registry& registry, double sessions);
  // Servers of ours in the sample that no registry entry knows.
  static std::vector<core::ServerFact> servers(const BalancerView& view);
  // Waits after a failed step: 1 s, doubled by each further failure up to 30 s.
  void step_failed(std::string_view id, core::Time now, const std::string& why);
  void step_succeeded(std::string_view id);
  // Why a gear is given up: its job's error, else that of its last step, else its deadline.
  std::string why_given_up(std::string_view id);
  bool has_jobs() const;
  // Gears with a job that runs, or whose end was not yet followed by a step.
  std::vector<std::string> with_jobs() const;

 private:
  // Each tick looks up every gear a few times; the first eight characters are the whole id, and random.
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      std::uint64_t key = 0;
      std::memcpy(&key, text.data(), std::min(text.size(), sizeof key));
      key *= 0x9e3779b97f4a7c15U;  // Fibonacci hashing: hex digits differ in few bits
      return static_cast<std::size_t>(key ^ key >> 32);
    }
  };
  std::unordered_map<std::string, Sight, Hash, std::equal_to<>> sights_;
  bool deaths_ = false;
  bool has_predecessor_ = false;  // of HAProxy, at the last sample
};

}  // namespace gearscale::app
