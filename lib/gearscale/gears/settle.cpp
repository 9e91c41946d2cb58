// SPDX-License-Identifier: Apache-2.0
// Boot's end, probe, freeze.
#include "gearscale/gears/settle.hpp"

#include "gearscale/gears/boot_end.hpp"

namespace gearscale::gears {

Result<std::string> settle(Job& job) {
  auto note = WorkNote::take(job.place, job.deadline);
  if (!note) return fail(note.error());
  auto container = job.open();
  if (!container) return fail(container.error());
  if (rests_frozen(job, *container)) return job.phases.text("frozen");
  const auto state = container->state_name();
  if (state == "STOPPED") return fail(Errc::failed, "container " + job.place.name + " does not run: it is no standby");
  if (job.options.standby_settle > core::Millis(0)) {
    const auto boot = await_boot_end(job, *container);
    if (!boot) return fail(boot.error());
    if (!boot->has_ended) return boot->why;
    job.phases.done("boot");
  }
  if (auto answers = ensure_answer(job, "preparing", Tries::one_if_it_runs); !answers) return fail(answers.error());
  if (auto frozen = freeze(job); !frozen) return fail(frozen.error());
  return job.phases.text("frozen");
}

}  // namespace gearscale::gears
