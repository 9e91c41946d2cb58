// SPDX-License-Identifier: Apache-2.0
// Clone, start, probe, each only if it is needed.
#include "gearscale/gears/bring_up.hpp"

#include <poll.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>

#include "gearscale/base/text.hpp"
#include "gearscale/gears/clone.hpp"
#include "gearscale/gears/container.hpp"
#include "gearscale/gears/leftovers.hpp"
#include "gearscale/gears/ownership.hpp"
#include "gearscale/system/deadline.hpp"
#include "gearscale/system/probe.hpp"

namespace gearscale::gears {

namespace {

constexpr core::Millis kStatePoll{2};
// The first tries are short: a gear that just boots drops packets, and TCP repeats them after a second. Later ones leave a slow page its
// time.
constexpr core::Millis kFirstTry{100};
constexpr core::Millis kLongestTry{10'000};

// The phases for the detail text.
class Phases {
 public:
  void done(const char* phase) {
    const auto now = Clock::now();
    text_ += (text_.empty() ? "" : ", ") + std::string(phase) + " " + std::to_string(millis(now - last_));
    last_ = now;
  }
  void skipped() { last_ = Clock::now(); }
  std::string text() const { return "ready in " + std::to_string(millis(last_ - begin_)) + " ms (" + text_ + ")"; }

 private:
  using Clock = std::chrono::steady_clock;
  static std::int64_t millis(Clock::duration time) { return std::chrono::round<core::Millis>(time).count(); }
  Clock::time_point begin_ = Clock::now();
  Clock::time_point last_ = begin_;
  std::string text_;
};

Error foreign(const Place& place) {
  return {Errc::config, "a container named " + place.name +
                            " is there already and is not ours (its config has no lxc.group = " + place.mark + "): it is left alone"};
}

// Makes a whole container stand at `place`. True: it was cloned now.
Result<bool> ensure_whole(const Options& options, const GearSpec& gear, const Place& place, WorkNote& note) {
  const auto presence = look(place);
  if (!presence) return fail(presence.error());
  switch (*presence) {
    case Presence::foreign: return fail(foreign(place));
    case Presence::whole: {
      const auto config = read_config(place);
      if (!config) return fail(config.error());
      if (config_address(*config) == gear.address) return false;
      return fail(Errc::failed, "container " + place.name + " has the address " + format_ipv4(config_address(*config)) + ", not " +
                                    format_ipv4(gear.address));
    }
    case Presence::half_made:
      // Before the template is looked at: what is half made never helps anybody.
      if (auto gone = destroy_remains(place); !gone) return fail(gone.error());
      if (auto withdrawn = note.withdraw(); !withdrawn) return fail(withdrawn.error());
      break;
    case Presence::nothing: break;
  }
  if (auto made = make_clone(options, gear, place, note); !made) return fail(made.error());
  return true;
}

enum class Started { was_running, started, thawed };

// Makes it run. Another process, left over from a job that was killed, may be starting it at the same time: liblxc lets only one of them.
Result<Started> ensure_running(const GearSpec& gear, const Place& place, const system::Deadline& deadline) {
  auto done = Started::was_running;
  const LxcLog log(place);
  for (;;) {
    auto container = Container::open(place.name, place.lxc_path);
    if (!container) return fail(container.error());
    const auto state = container->state_name();
    if (state == "RUNNING") return done;
    if (deadline.is_over()) return fail(Errc::failed, "container " + place.name + " is still " + state);
    if (state == "FROZEN") {
      if (!container->unfreeze()) return fail(Errc::failed, "cannot unfreeze container " + place.name + log.reason());
      done = Started::thawed;
    } else if (state == "STOPPED") {
      if (auto clear = clear_veth(veth_of(gear.id), deadline); !clear) return fail(clear.error());
      if (!container->start() && container->state() == core::ContainerState::stopped) {
        return fail(Errc::failed, "cannot start container " + place.name + log.reason());
      }
      done = Started::started;
    } else {
      ::poll(nullptr, 0, static_cast<int>(kStatePoll.count()));
    }
  }
}

std::string where_of(const Options& options, const GearSpec& gear) {
  return format_ipv4(gear.address) + ":" + std::to_string(options.gear_port);
}

Result<void> probe_once(const Options& options, std::uint32_t address, core::Millis deadline) {
  if (options.probe == ProbeKind::tcp) return system::probe_tcp(address, options.gear_port, deadline);
  return system::probe_http(address, options.gear_port, options.probe_path, deadline);
}

// False: it died. A stop that a job began before it was killed may still be under way, so that is no failure yet.
Result<bool> wait_for_answer(const Options& options, const GearSpec& gear, const Place& place, const system::Deadline& deadline) {
  auto container = Container::open(place.name, place.lxc_path);
  if (!container) return fail(container.error());
  const auto init = container->init_pidfd();
  auto patience = kFirstTry;
  std::string reason;
  for (;;) {
    const auto left = std::max(deadline.left(), core::Millis(1));
    const auto answer = probe_once(options, gear.address, std::min(patience, left));
    if (answer) return true;
    if (reason.empty() || left >= kFirstTry) reason = answer.error().message;  // a last try that had no time tells nothing
    patience = std::min(patience * 2, kLongestTry);
    pollfd ended{init.get(), POLLIN, 0};
    const bool died = init.is_open() ? ::poll(&ended, 1, static_cast<int>(options.probe_interval.count())) > 0
                                     : container->state() == core::ContainerState::stopped;
    if (died) return false;
    if (deadline.is_over()) {
      return fail(Errc::failed,
                  "container " + place.name + " runs, but did not become ready on " + where_of(options, gear) + ": " + reason);
    }
    if (!init.is_open()) ::poll(nullptr, 0, static_cast<int>(options.probe_interval.count()));
  }
}

}  // namespace

Result<std::string> bring_up(const Options& options, const GearSpec& gear, core::Millis patience) {
  const system::Deadline deadline(patience);
  const auto place = place_of(options.application, options.lxc_path, gear.id);
  Phases phases;
  auto note = WorkNote::take(place, deadline);
  if (!note) return fail(note.error());
  const auto cloned = ensure_whole(options, gear, place, *note);
  if (!cloned) return fail(cloned.error());
  if (*cloned) {
    phases.done("clone");
  } else {
    phases.skipped();
  }
  for (;;) {
    const auto started = ensure_running(gear, place, deadline);
    if (!started) return fail(started.error());
    switch (*started) {
      case Started::started: phases.done("start"); break;
      case Started::thawed: phases.done("unfreeze"); break;
      case Started::was_running: phases.skipped(); break;
    }
    const auto answered = wait_for_answer(options, gear, place, deadline);
    if (!answered) return fail(answered.error());
    if (*answered) break;
    if (*started == Started::started || deadline.is_over()) {
      return fail(Errc::failed,
                  "container " + place.name + " died before it answered on " + where_of(options, gear) + ": its init process ended");
    }
    phases.skipped();
  }
  phases.done("probe");
  return phases.text();
}

}  // namespace gearscale::gears
