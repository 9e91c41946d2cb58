// SPDX-License-Identifier: Apache-2.0
// Stop, destroy, clean up.
#include "gearscale/gears/tear_down.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "gearscale/gears/cgroups.hpp"
#include "gearscale/gears/clone.hpp"
#include "gearscale/gears/container.hpp"
#include "gearscale/gears/leftovers.hpp"
#include "gearscale/gears/ownership.hpp"
#include "gearscale/system/deadline.hpp"

namespace gearscale::gears {

namespace {

constexpr core::Millis kStatePoll{2};
constexpr core::Millis kCgroupPatience{1'000};  // a monitor leaves its cgroup a moment after its container has stopped
constexpr core::Millis kVethPatience{1'000};

// Sends the halt signal and waits for the end of init. False: it did not end in time.
bool halted(Container& container, core::Millis patience) {
  const auto init = container.init_pidfd();
  if (!init.is_open()) return true;
  if (!container.ask_to_halt()) return false;
  pollfd ended{init.get(), POLLIN, 0};
  return ::poll(&ended, 1, static_cast<int>(patience.count())) > 0;
}

// Until liblxc calls it STOPPED.
Result<void> stop(const Options& options, const Place& place, const system::Deadline& deadline) {
  const LxcLog log(place);
  bool asked = false;
  for (;;) {
    auto container = Container::open(place.name, place.lxc_path);
    if (!container) return fail(container.error());
    const auto state = container->state_name();
    if (state == "STOPPED") return {};
    if (deadline.is_over()) return fail(Errc::failed, "container " + place.name + " does not stop, it is " + state + log.reason());
    if (state == "FROZEN" && container->unfreeze()) continue;
    if (state == "RUNNING" && !asked) {
      // A killed container is as gone as a halted one, so most of a short deadline is kept for that.
      asked = true;
      const auto patience = std::min(options.stop_timeout, deadline.left() / 2);
      if (patience > core::Millis(0) && halted(*container, patience)) continue;
    }
    if (state == "RUNNING" || state == "FROZEN") static_cast<void>(container->kill());
    ::poll(nullptr, 0, static_cast<int>(kStatePoll.count()));
  }
}

std::int64_t millis_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::round<core::Millis>(std::chrono::steady_clock::now() - begin).count();
}

// What is not in lxc_path. Only for a container that is gone.
Result<void> clean_up(const GearSpec& gear, const Place& place) {
  auto veth = clear_veth(veth_of(gear.id), system::Deadline(kVethPatience));
  const int busy = remove_empty_cgroups(place, kCgroupPatience);
  remove_lxc_lock(place);
  ::unlink(place.log().c_str());
  if (!veth) return veth;
  if (busy > 0) {
    return fail(Errc::failed, "container " + place.name + " is gone, but " + std::to_string(busy) + " of its cgroups are still in use");
  }
  return {};
}

}  // namespace

Result<std::string> tear_down(const Options& options, const GearSpec& gear, core::Millis patience) {
  const system::Deadline deadline(patience);
  const auto begin = std::chrono::steady_clock::now();
  const auto place = place_of(options.application, options.lxc_path, gear.id);
  auto note = WorkNote::take(place, deadline);
  if (!note) return fail(note.error());
  const auto presence = look(place);
  if (!presence) return fail(presence.error());
  if (*presence == Presence::foreign) {
    return "container " + place.name + " is not ours (its config has no lxc.group = " + place.mark + "): it is left alone";
  }
  std::string detail = "nothing was there";
  if (*presence != Presence::nothing) {
    // One whose config is broken cannot be opened, so not be halted either: destroy_remains kills it.
    if (*presence == Presence::whole && Container::open(place.name, place.lxc_path)) {
      if (auto stopped = stop(options, place, deadline); !stopped) return fail(stopped.error());
    }
    const auto stop_ms = millis_since(begin);
    if (auto announced = note->announce(); !announced) return fail(announced.error());
    if (auto gone = destroy_remains(place); !gone) return fail(gone.error());
    const auto all_ms = millis_since(begin);
    detail = "gone in " + std::to_string(all_ms) + " ms (stop " + std::to_string(stop_ms) + ", destroy " +
             std::to_string(all_ms - stop_ms) + ")";
  }
  if (auto cleaned = clean_up(gear, place); !cleaned) return fail(cleaned.error());
  if (auto withdrawn = note->withdraw(); !withdrawn) return fail(withdrawn.error());  // the last step: until here a next job would go on
  return detail;
}

}  // namespace gearscale::gears
