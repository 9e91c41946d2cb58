// SPDX-License-Identifier: Apache-2.0
// Clone, start, probe, each only if it is needed; or clone, stop.
#include "gearscale/gears/stand_by.hpp"

#include "gearscale/gears/cgroups.hpp"

namespace gearscale::gears {

namespace {

constexpr core::Millis kCgroupPatience{1'000};

Result<void> rest_stopped(Job& job, const Container& container) {
  if (container.state_name() == "STOPPED") return {};
  if (auto stopped = stop(job); !stopped) return stopped;
  job.phases.done("stop");
  remove_empty_cgroups(job.place, kCgroupPatience);  // liblxc leaves its monitor's behind after each run
  return {};
}

}  // namespace

Result<std::string> stand_by(Job& job) {
  auto note = WorkNote::take(job.place, job.deadline);
  if (!note) return fail(note.error());
  if (auto whole = ensure_whole(job, *note); !whole) return fail(whole.error());
  auto container = job.open();
  if (!container) return fail(container.error());
  if (job.options.standby_state == core::StandbyPolicy::State::stopped) {
    if (auto rests = rest_stopped(job, *container); !rests) return fail(rests.error());
  } else if (!rests_frozen(job, *container)) {
    if (auto answers = ensure_answer(job, "preparing", Tries::one_if_it_runs); !answers) return fail(answers.error());
    // Else its boot is waited for first.
    const bool at_once = job.options.standby_settle == core::Millis(0);
    if (auto frozen = at_once ? freeze(job) : Result<void>(); !frozen) return fail(frozen.error());
  }
  return job.phases.text("standby");
}

}  // namespace gearscale::gears
