// SPDX-License-Identifier: Apache-2.0
// poll(2) around ticks.
#include "gearscale/app/control_loop.hpp"

#include <poll.h>

#include <algorithm>
#include <csignal>
#include <utility>

namespace gearscale::app {

namespace {

constexpr core::Millis kProgressInterval{500};
constexpr core::Millis kLockPatience{5'000};
constexpr core::Millis kDriverPatience{90'000};  // past a gear's deadline: longer than any job takes

// Until one of the descriptors has something or the time is over. True: somebody replaced the registry, or a job ended.
bool wait(const Ports& ports, const LoopHooks& hooks, core::Millis longest) {
  pollfd fds[] = {{hooks.signal_fd, POLLIN, 0}, {hooks.registry_fd, POLLIN, 0}, {ports.host.ready_fd(), POLLIN, 0}};
  const auto milliseconds = std::clamp<core::Millis::rep>(longest.count(), 0, 60'000);
  if (::poll(fds, 3, static_cast<int>(milliseconds)) <= 0) return false;
  if ((fds[1].revents & POLLIN) != 0) hooks.registry_touched();
  return ((fds[1].revents | fds[2].revents) & POLLIN) != 0;
}

bool is_end(int signal) { return signal == SIGTERM || signal == SIGINT; }

}  // namespace

int run_loop(Controller& controller, const Ports& ports, const std::function<Intervals()>& intervals, const LoopHooks& hooks) {
  auto next_check = ports.clock.now();
  auto next_sample = next_check;
  bool drove = false;
  bool touched = false;  // by another process: there may be an intent to carry on
  for (;;) {
    if (const auto signal = hooks.next_signal()) return *signal;
    const auto now = ports.clock.now();
    const bool drives = hooks.may_drive();
    if (drives && !drove) controller.forget_everything();
    drove = drives;
    if (drives) {
      const bool check = now >= next_check;
      if (check || controller.busy() || std::exchange(touched, false)) {
        auto input = hooks.read_inputs();
        input.check = check;
        controller.tick(input);
      } else {
        controller.sample();
      }
      // A check or sample that came late does not make the next ones come in a bunch.
      if (check) next_check = std::max(next_check + intervals().check, now);
      next_sample = now + intervals().sample;
    }
    auto longest = std::min(next_check, next_sample) - ports.clock.now();
    if (controller.busy()) longest = std::min(longest, kTransitionInterval);
    if (!drives) longest = kTransitionInterval;  // nothing is due before the driver's lock is free
    touched = wait(ports, hooks, longest) || touched;
  }
}

Result<Followed> follow(Controller& controller, const Ports& ports, const LoopHooks& hooks, ManualRequest::Kind kind,
                        std::vector<std::string> ids,
                        const std::function<void(const core::Registry&, const Inventory&, const Followed&)>& progress) {
  Followed followed;
  bool drives = false;
  auto next_progress = ports.clock.now();
  for (;;) {
    while (const auto signal = hooks.next_signal()) followed.interrupted = followed.interrupted || is_end(*signal);
    if (drives && hooks.daemon_runs() && !controller.has_jobs()) {
      hooks.stop_driving();
      drives = false;
    } else if (!drives && !hooks.daemon_runs() && hooks.may_drive()) {
      controller.forget_everything();
      drives = true;
    }
    if (drives) controller.tick(hooks.read_inputs());
    core::Registry registry;
    {
      const auto lock = ports.store.lock(kLockPatience);
      if (!lock) return fail(lock.error());
      const auto loaded = ports.store.load();
      if (!loaded) return fail(loaded.error());
      registry = *loaded->registry;
    }
    const auto before = ids.size();
    std::erase_if(ids, [&](const std::string& id) {
      const auto state = look_at(registry, kind, id);
      if (state == Waiting::arrived) followed.arrived.push_back(id);
      if (state == Waiting::failed) followed.failed.push_back(id);
      return state != Waiting::under_way;
    });
    if (ids.size() != before || ports.clock.now() >= next_progress) {
      progress(registry, controller.inventory(), followed);
      next_progress = ports.clock.now() + kProgressInterval;
    }
    // A tool that drives also sees its failed gears off before it leaves: nobody else would.
    const bool cleaning = drives && std::any_of(followed.failed.begin(), followed.failed.end(),
                                                [&](const std::string& id) { return core::find_gear(registry, id) != nullptr; });
    if (followed.interrupted || (ids.empty() && !cleaning)) return followed;
    const bool stuck = !ids.empty() && std::all_of(ids.begin(), ids.end(), [&](const std::string& id) {
      const auto* gear = core::find_gear(registry, id);
      return gear != nullptr && ports.clock.now() > gear->deadline + kDriverPatience;
    });
    if (stuck) {
      return fail(Errc::unavailable, "the running controller does not carry the change on (gear " + ids.front() +
                                         " is past its deadline): look at its output file, and restart it");
    }
    wait(ports, hooks, kTransitionInterval);
  }
}

}  // namespace gearscale::app
