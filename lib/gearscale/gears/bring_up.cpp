// SPDX-License-Identifier: Apache-2.0
// Clone, start, probe, each only if it is needed.
#include "gearscale/gears/bring_up.hpp"

namespace gearscale::gears {

Result<std::string> bring_up(Job& job) {
  auto note = WorkNote::take(job.place, job.deadline);
  if (!note) return fail(note.error());
  if (auto whole = ensure_whole(job, *note); !whole) return fail(whole.error());
  if (auto answers = ensure_answer(job, "starting", Tries::many); !answers) return fail(answers.error());
  return job.phases.text("ready");
}

}  // namespace gearscale::gears
