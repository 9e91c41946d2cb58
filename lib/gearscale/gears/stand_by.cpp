// SPDX-License-Identifier: Apache-2.0
// Clone, start, probe, freeze, each only if it is needed; or clone, stop.
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

// Does it stand by frozen already?
bool rests_frozen(Job& job, Container& container) {
  if (container.state_name() != "FROZEN") return false;
  const auto freezer = job.freezer_of(container);  // one that was woken by its cgroup only seems to be frozen
  job.init = container.init_pid();
  job.frozen = freezer && freezer->is_frozen() && is_alive(job.init);
  return job.frozen;
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
    if (auto frozen = freeze(job); !frozen) return fail(frozen.error());
  }
  return job.phases.text("standby");
}

}  // namespace gearscale::gears
