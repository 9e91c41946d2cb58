// SPDX-License-Identifier: Apache-2.0
// Each step asks liblxc anew: handles are cheap, and another process may have been at work.
#include "gearscale/gears/steps.hpp"

#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "gearscale/base/crash_point.hpp"
#include "gearscale/base/text.hpp"
#include "gearscale/gears/clone.hpp"
#include "gearscale/gears/hooks.hpp"
#include "gearscale/gears/leftovers.hpp"
#include "gearscale/gears/links.hpp"
#include "gearscale/gears/monitor_socket.hpp"
#include "gearscale/gears/ties.hpp"
#include "gearscale/system/child.hpp"
#include "gearscale/system/deadline.hpp"
#include "gearscale/system/errors.hpp"
#include "gearscale/system/files.hpp"
#include "gearscale/system/probe.hpp"

namespace gearscale::gears {

namespace {

constexpr core::Millis kStatePoll{2};
// The first tries are short: a gear that just boots drops packets, and TCP repeats them after a second. Later ones leave a slow page its
// time.
constexpr core::Millis kFirstTry{100};
constexpr core::Millis kLongestTry{10'000};
constexpr core::Millis kLinkPatience{300};
constexpr core::Millis kTiePatience{300};
constexpr const char* kPreStart = "pre_start_gear";
constexpr const char* kPostStart = "post_start_gear";
constexpr const char* kPreStop = "pre_stop_gear";

void pause(core::Millis time) { ::poll(nullptr, 0, static_cast<int>(time.count())); }

// FREEZING stays for ever when the job that froze it was killed before it told the monitor that all is frozen.
bool frozen_or_freezing(const std::string& state) { return state == "FROZEN" || state == "FREEZING"; }

// A file in the container's directory from before its start until it has answered and post_start_gear is done.
std::string starting_mark(const Job& job) { return job.place.directory() + "/gearscale-starting"; }

Result<void> phase_hook(Job& job, HookCall call) {
  if (!has_hook(job.options, call.hook)) return {};
  auto run = run_hook(job.options, job.gear, call, job.deadline.left(), job.log);
  job.phases.done(call.hook);
  return run;
}

Tie tie_of(const Job& job) {
  return {.device = veth_of(job.gear.id), .bridge = job.options.bridge, .address = job.gear.address, .isolated = job.options.isolate_gears};
}

// liblxc makes the cable, but does not put its end on the bridge: that would be an open port at once. We do, and tie it, while the gear is made
// ready. The config on disk stays as it is: whoever starts the gear by hand gets a cable on the bridge.
Result<void> leave_off_bridge(const Job& job, Container& container) {
  if (auto cleared = container.clear("lxc.net.0.link"); !cleared) return cleared;
  if (!container.item("lxc.net.0.mtu").empty()) return {};
  const auto mtu = system::read_file("/sys/class/net/" + job.options.bridge + "/mtu", 64);
  return mtu ? container.set("lxc.net.0.mtu", std::string(trim(*mtu))) : Result<void>();
}

// The near end is up before the gear's init runs: whoever waits for that ties it before the gear sends anything. One that comes late leaves the
// gear without a network until then.
Result<system::Child> begin_tying(const Job& job) {
  return system::Child::start([&job]() -> Result<std::string> {
    const auto wanted = tie_of(job);
    if (!await_up(wanted.device, job.deadline)) return fail(Errc::failed, "the network device " + wanted.device + " did not come up");
    if (auto tied = tie(wanted); !tied) return fail(tied.error());
    return std::string();
  });
}

bool has_tied(system::Child& helper) {
  pollfd ended{helper.exit_fd(), POLLIN, 0};
  ::poll(&ended, 1, static_cast<int>(kTiePatience.count()));
  return helper.reap() && helper.result();
}

Result<void> start(Job& job, Container& container, const char* state) {
  if (auto hook = phase_hook(job, {kPreStart, state}); !hook) return hook;
  const Fd mark(::open(starting_mark(job).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!mark.is_open()) return system::fail_errno(Errc::failed, "cannot make " + starting_mark(job), errno);
  const LxcLog log(job.place);
  if (auto clear = clear_veth(veth_of(job.gear.id), job.deadline); !clear) return clear;
  if (auto left = leave_off_bridge(job, container); !left) return left;
  auto helper = begin_tying(job);
  crash_point("start", "before");
  const bool begun = container.start();
  crash_point("start", "after");
  job.tied = begun && helper && has_tied(*helper);
  if (begun || container.state() != core::ContainerState::stopped) return {};
  return fail(Errc::failed, "cannot start container " + job.place.name + log.reason());
}

enum class Started { was_running, started, thawed };

// Makes it run. Another process, left over from a job that was killed, may be starting it at the same time: liblxc lets only one of them.
Result<Started> ensure_running(Job& job, const char* state) {
  auto done = Started::was_running;
  for (;;) {
    auto container = job.open();
    if (!container) return fail(container.error());
    const auto name = container->state_name();
    const auto freezer = name == "RUNNING" ? job.freezer_of(*container) : std::nullopt;
    const bool frozen = frozen_or_freezing(name) || (freezer && freezer->is_frozen());
    if (name == "RUNNING" && !frozen) {
      if (done != Started::was_running) job.phases.done(done == Started::started ? "start" : "unfreeze");
      return done;
    }
    if (job.deadline.is_over()) return fail(Errc::failed, "container " + job.place.name + " is still " + name);
    if (frozen) {
      if (done == Started::thawed) pause(kStatePoll);  // somebody freezes it again
      if (auto thawed = thaw(job, *container); !thawed) return fail(thawed.error());
      done = Started::thawed;
    } else if (name == "STOPPED") {
      job.phases.skipped();
      if (auto started = start(job, *container, state); !started) return fail(started.error());
      done = Started::started;
    } else {
      pause(kStatePoll);
    }
  }
}

std::string where_of(const Job& job) { return format_ipv4(job.gear.address) + ":" + std::to_string(job.options.gear_port); }

Result<void> probe_once(const Job& job, core::Millis patience) {
  const auto& options = job.options;
  if (options.probe == ProbeKind::tcp) return system::probe_tcp(job.gear.address, options.gear_port, patience);
  return system::probe_http(job.gear.address, options.gear_port, options.probe_path, patience);
}

// The host's end of the cable becomes operational a moment after the start. What is sent to the gear before is dropped, and the kernel
// repeats its question for the gear's MAC a second later, whoever asks: of 1,430 starts under load ten were a second late, of 1,560 with this
// wait none.
void await_link(const Job& job) {
  const auto path = "/sys/class/net/" + veth_of(job.gear.id) + "/operstate";
  const system::Deadline deadline(std::min(kLinkPatience, job.deadline.left()));
  while (!deadline.is_over()) {
    const auto state = system::read_file(path, 64);
    if (!state || state->starts_with("up") || state->starts_with("unknown")) return;
    pause(core::Millis(1));
  }
}

// The host's end of the cable. It goes with the gear's end: a gear that is dying has none, and says so in another way. One that restarted by
// itself has a new one, which nobody has put on the bridge.
Result<void> tie_now(const Job& job, bool boots) {
  const auto wanted = tie_of(job);
  if (job.tied || !(boots || is_loose(wanted.device))) return {};
  auto tied = tie(wanted);
  return tied || ::if_nametoindex(wanted.device.c_str()) == 0 ? Result<void>() : tied;
}

// False: it died. A stop that a job began before it was killed may still be under way, so that is no failure yet.
Result<bool> wait_for_answer(Job& job, bool one_try) {
  auto container = job.open();
  if (!container) return fail(container.error());
  job.init = container->init_pid();
  const auto init = container->init_pidfd();
  await_link(job);
  auto patience = one_try ? kLongestTry : kFirstTry;
  std::string reason;
  for (;;) {
    const auto left = std::max(job.deadline.left(), core::Millis(1));
    const auto answer = probe_once(job, std::min(patience, left));
    if (answer) return true;
    if (reason.empty() || left >= kFirstTry) reason = answer.error().message;  // a last try that had no time tells nothing
    patience = std::min(patience * 2, kLongestTry);
    pollfd ended{init.get(), POLLIN, 0};
    const bool died = init.is_open() ? ::poll(&ended, 1, static_cast<int>(job.options.probe_interval.count())) > 0
                                     : container->state() == core::ContainerState::stopped;
    if (died) return false;
    if (one_try || job.deadline.is_over()) {
      return fail(Errc::failed, "container " + job.place.name + " runs, but did not become ready on " + where_of(job) + ": " + reason);
    }
    if (!init.is_open()) pause(job.options.probe_interval);
  }
}

// Sends the halt signal and waits for the end of init. False: it did not end in time. liblxc sends the signal to the process that the
// container's monitor names: so not without root's monitor.
bool halted(Container& container, const Place& place, core::Millis patience) {
  const auto monitor = has_monitor(place.lxc_path, place.name);
  if (!monitor || !*monitor) return false;
  const auto init = container.init_pidfd();
  if (!init.is_open()) return true;
  if (!container.ask_to_halt()) return false;
  pollfd ended{init.get(), POLLIN, 0};
  return ::poll(&ended, 1, static_cast<int>(patience.count())) > 0;
}

}  // namespace

void Phases::done(const char* phase) {
  const auto now = Clock::now();
  text_ += (text_.empty() ? "" : ", ") + std::string(phase) + " " + std::to_string(std::chrono::round<core::Millis>(now - last_).count());
  last_ = now;
}

std::string Phases::text(const char* what) const {
  const auto all = std::chrono::round<core::Millis>(last_ - begin_).count();
  return std::string(what) + " in " + std::to_string(all) + " ms" + (text_.empty() ? "" : " (" + text_ + ")");
}

Result<bool> ensure_whole(Job& job, WorkNote& note) {
  const auto& place = job.place;
  const auto presence = look(place);
  if (!presence) return fail(presence.error());
  switch (*presence) {
    case Presence::foreign:
      return fail(Errc::config, "a container named " + place.name + " is there already and is not ours (its config has no lxc.group = " +
                                    place.mark + "): it is left alone");
    case Presence::whole: {
      const auto config = read_config(place);
      if (!config) return fail(config.error());
      const auto address = config_address(*config);
      job.phases.skipped();
      if (address == job.gear.address) return false;
      return fail(Errc::failed,
                  "container " + place.name + " has the address " + format_ipv4(address) + ", not " + format_ipv4(job.gear.address));
    }
    case Presence::half_made:
      // Before the template is looked at: what is half made never helps anybody.
      if (auto gone = destroy_remains(place); !gone) return fail(gone.error());
      if (auto withdrawn = note.withdraw(); !withdrawn) return fail(withdrawn.error());
      break;
    case Presence::nothing: break;
  }
  if (auto made = make_clone(job.options, job.gear, place, note); !made) return fail(made.error());
  job.phases.done("clone");
  return true;
}

Result<void> ensure_answer(Job& job, const char* state, Tries tries) {
  const auto mark = starting_mark(job);
  for (;;) {
    const auto started = ensure_running(job, state);
    if (!started) return fail(started.error());
    job.phases.skipped();
    const bool boots = ::access(mark.c_str(), F_OK) == 0;
    if (auto tied = tie_now(job, boots); !tied) return tied;
    crash_point("tie", "after");
    const auto answered = wait_for_answer(job, tries == Tries::one_if_it_runs && !boots);
    if (!answered) return fail(answered.error());
    if (*answered) break;
    if (*started == Started::started || job.deadline.is_over()) {
      return fail(Errc::failed,
                  "container " + job.place.name + " died before it answered on " + where_of(job) + ": its init process ended");
    }
  }
  job.phases.done("probe");
  crash_point("probe", "after");
  if (::access(mark.c_str(), F_OK) != 0) return {};
  if (auto hook = phase_hook(job, {kPostStart, state}); !hook) return hook;
  if (::unlink(mark.c_str()) != 0) return system::fail_errno(Errc::failed, "cannot remove " + mark, errno);
  crash_point("start.mark_gone", "after");
  return {};
}

Result<void> thaw(Job& job, Container& container) {
  const LxcLog log(job.place);
  const auto freezer = job.freezer_of(container);
  // liblxc thaws only what it calls FROZEN, so a freezing that was killed half way is brought to its end first.
  if (container.state_name() == "FREEZING" && (!freezer || freezer->freeze(system::Deadline(job.deadline.left() / 2)))) {
    static_cast<void>(container.freeze());
  }
  if (freezer && freezer->is_frozen()) static_cast<void>(freezer->thaw());
  crash_point("thaw.cgroup", "after");
  // One that dies of its thaw is not frozen either.
  if (container.unfreeze() || !frozen_or_freezing(container.state_name())) return {};
  return fail(Errc::failed, "cannot unfreeze container " + job.place.name + log.reason());
}

bool rests_frozen(Job& job, Container& container) {
  if (container.state_name() != "FROZEN") return false;
  const auto freezer = job.freezer_of(container);  // one that was woken by its cgroup only seems to be frozen
  job.init = container.init_pid();
  job.frozen = freezer && freezer->is_frozen() && is_alive(job.init);
  return job.frozen;
}

Result<void> freeze(Job& job) {
  auto container = job.open();
  if (!container) return fail(container.error());
  const auto what = "cannot freeze container " + job.place.name;
  // Under v1 liblxc looks only once a second whether all is frozen: it is told of a frozen one.
  const auto freezer = job.freezer_of(*container);
  if (freezer) {
    if (auto frozen = freezer->freeze(job.deadline); !frozen) return fail(Errc::failed, what + ": " + frozen.error().message);
  }
  crash_point("freeze.cgroup", "after");
  const LxcLog log(job.place);
  job.frozen = container->freeze() && container->state_name() == "FROZEN" && (!freezer || freezer->is_frozen());
  crash_point("freeze", "after");
  job.phases.done("freeze");
  if (job.frozen && is_alive(job.init)) return {};
  static_cast<void>(thaw(job, *container));
  return fail(Errc::failed, what + (job.frozen ? ": its init process ended" : log.reason()));
}

Result<void> stop(Job& job) {
  const LxcLog log(job.place);
  bool asked = false;
  for (;;) {
    auto container = job.open();
    if (!container) return fail(container.error());
    const auto state = container->state_name();
    if (state == "STOPPED") {
      crash_point("stop", "after");
      return {};
    }
    if (job.deadline.is_over()) return fail(Errc::failed, "container " + job.place.name + " does not stop, it is " + state + log.reason());
    const bool up = state == "RUNNING" || frozen_or_freezing(state);
    if (up && !asked) {
      asked = true;
      crash_point("stop", "before");
      static_cast<void>(thaw(job, *container));  // a kill works on a frozen one too
      // A killed container is as gone as a halted one, so most of a short deadline is kept for that.
      const auto hook = run_hook(job.options, job.gear, {kPreStop, "stopping"}, job.deadline.left() / 2, job.log);
      if (!hook) job.log.push_back(hook.error().message + "; the gear is stopped all the same");
      const auto patience = std::min(job.options.stop_timeout, job.deadline.left() / 2);
      if (patience > core::Millis(0) && halted(*container, job.place, patience)) continue;
    }
    if (up) static_cast<void>(container->kill());
    pause(kStatePoll);
  }
}

}  // namespace gearscale::gears
