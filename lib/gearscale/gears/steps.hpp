// SPDX-License-Identifier: Apache-2.0
// The steps that jobs are made of. All run in a job's process and block, at most about until the job's deadline; each begins with a look at
// what is there, because the job before this one may have been killed at any point.
#pragma once

#include <chrono>
#include <string>

#include "gearscale/gears/container.hpp"
#include "gearscale/gears/freezer.hpp"
#include "gearscale/gears/options.hpp"
#include "gearscale/gears/outcome.hpp"
#include "gearscale/gears/ownership.hpp"
#include "gearscale/ports.hpp"
#include "gearscale/system/deadline.hpp"

namespace gearscale::gears {

// What took how long, for people.
class Phases {
 public:
  void done(const char* phase);
  void skipped() { last_ = Clock::now(); }
  // "ready in 31 ms (clone 6, start 17, probe 8)"
  std::string text(const char* what) const;

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point begin_ = Clock::now();
  Clock::time_point last_ = begin_;
  std::string text_;
};

// One job, and what comes of it beside its result.
struct Job {
  Job(const Options& its_options, const GearSpec& its_gear, core::Millis patience)
      : options(its_options), gear(its_gear), place(place_of(options.application, options.lxc_path, gear.id)), deadline(patience) {}

  const Options& options;
  const GearSpec& gear;
  const Place place;
  const system::Deadline deadline;
  const std::vector<CgroupMount> freezers = freezer_mounts();
  Phases phases;
  int init = 0;  // the container's init, once it is known to run
  bool frozen = false;
  bool tied = false;  // to its address and MAC, by this job
  std::vector<std::string> log;

  Result<Container> open() const { return Container::open(place.name, place.lxc_path); }
  std::optional<Freezer> freezer_of(Container& container) const { return Freezer::of(freezers, container.init_pid(), place.name); }
};

// Makes a whole container stand at its place, with the address of the gear. True: it was cloned now. Errc::config when a foreign one is
// there.
Result<bool> ensure_whole(Job& job, WorkNote& note);

enum class Tries {
  many,            // until the deadline
  one_if_it_runs,  // a gear that was running has to answer the first one
};
// Makes a whole container run and answer its probe, with the hooks around a start; `state` is what they are told. A start that a killed job
// began is remembered in the container's directory: the next job waits for its answer and runs post_start_gear.
Result<void> ensure_answer(Job& job, const char* state, Tries tries);

// Thaws it when it is frozen, and sees to it that liblxc knows. Errc::failed only when it stays frozen.
Result<void> thaw(Job& job, Container& container);
// Does it stand by frozen already? Then job.init and job.frozen say so.
bool rests_frozen(Job& job, Container& container);
// Freezes a running one. Errc::failed when it does not freeze; it runs again then.
Result<void> freeze(Job& job);
// Until liblxc calls it STOPPED: pre_stop_gear, the halt signal, a kill after stop_timeout. A hook that fails is a line of the log.
Result<void> stop(Job& job);

}  // namespace gearscale::gears
