// SPDX-License-Identifier: Apache-2.0
// Stop, destroy, clean up.
#include "gearscale/gears/tear_down.hpp"

#include <unistd.h>

#include "gearscale/base/crash_point.hpp"
#include "gearscale/gears/cgroups.hpp"
#include "gearscale/gears/clone.hpp"
#include "gearscale/gears/leftovers.hpp"
#include "gearscale/gears/ties.hpp"

namespace gearscale::gears {

namespace {

constexpr core::Millis kCgroupPatience{1'000};  // a monitor leaves its cgroup a moment after its container has stopped
constexpr core::Millis kVethPatience{1'000};

// What is not in lxc_path. Only for a container that is gone.
Result<void> clean_up(const Options& options, const GearSpec& gear, const Place& place) {
  // First the address: an entry that is left would be taken for the next gear's.
  auto untied = untie_address(options.bridge, gear.address);
  crash_point("clean_up.untie", "after");
  auto veth = clear_veth(veth_of(gear.id), system::Deadline(kVethPatience));
  crash_point("clean_up.veth", "after");
  const int busy = remove_empty_cgroups(place, kCgroupPatience);
  crash_point("clean_up.cgroups", "after");
  remove_lxc_lock(place);
  ::unlink(place.log().c_str());
  if (!veth) return veth;
  if (!untied) return untied;
  if (busy > 0) {
    return fail(Errc::failed, "container " + place.name + " is gone, but " + std::to_string(busy) + " of its cgroups are still in use");
  }
  return {};
}

}  // namespace

Result<std::string> tear_down(Job& job) {
  const auto& place = job.place;
  auto note = WorkNote::take(place, job.deadline);
  if (!note) return fail(note.error());
  const auto presence = look(place);
  if (!presence) return fail(presence.error());
  if (*presence == Presence::foreign) {
    return "container " + place.name + " is not ours (its config has no lxc.group = " + place.mark + "): it is left alone";
  }
  std::string detail = "nothing was there";
  if (*presence != Presence::nothing) {
    if (*presence == Presence::whole) {
      const auto container = job.open();
      if (!container && container.error().code == Errc::config) return fail(container.error());  // it is not to be touched
      // One whose config is broken cannot be opened, so not be halted either: destroy_remains kills it.
      auto stopped = container ? stop(job) : Result<void>();
      if (!stopped) return fail(stopped.error());
    }
    job.phases.done("stop");
    if (auto announced = note->announce(); !announced) return fail(announced.error());
    if (auto gone = destroy_remains(place); !gone) return fail(gone.error());
    job.phases.done("destroy");
    detail = job.phases.text("gone");
  }
  if (auto cleaned = clean_up(job.options, job.gear, place); !cleaned) return fail(cleaned.error());
  crash_point("clean_up", "after");
  if (auto withdrawn = note->withdraw(); !withdrawn) return fail(withdrawn.error());  // the last step: until here a next job would go on
  return detail;
}

}  // namespace gearscale::gears
