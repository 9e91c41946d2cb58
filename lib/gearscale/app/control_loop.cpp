// SPDX-License-Identifier: Apache-2.0
// poll(2) around ticks.
#include "gearscale/app/control_loop.hpp"

#include <poll.h>

#include <algorithm>
#include <csignal>
#include <utility>

namespace gearscale::app {

namespace {

constexpr core::Millis kDriverInterval{100};  // how often one that may not drive asks again
constexpr core::Millis kProgressInterval{500};
constexpr core::Millis kReadPatience{5'000};     // with a registry that cannot be read: longer than its driver takes to rebuild it
constexpr core::Millis kDriverPatience{90'000};  // past a gear's deadline: longer than any job takes
constexpr core::Millis kFilePatience{20'000};    // for haproxy.cfg: longer than one writing takes

// Until one of the descriptors has something or the time is over. True: somebody replaced the registry, or something ended.
bool wait(const Ports& ports, const LoopHooks& hooks, core::Millis longest, bool drives) {
  pollfd fds[] = {{hooks.signal_fd, POLLIN, 0},
                  {hooks.registry_fd, POLLIN, 0},
                  {drives ? ports.host.ready_fd() : -1, POLLIN, 0},  // who only watches does not empty them
                  {drives ? ports.balancer.file_fd() : -1, POLLIN, 0}};
  const auto milliseconds = std::clamp<core::Millis::rep>(longest.count(), 0, 60'000);
  if (::poll(fds, 4, static_cast<int>(milliseconds)) <= 0) return false;
  if ((fds[1].revents & POLLIN) != 0) hooks.registry_touched();
  return ((fds[1].revents | fds[2].revents | fds[3].revents) & POLLIN) != 0;
}

bool is_end(int signal) { return signal == SIGTERM || signal == SIGINT; }

}  // namespace

bool is_overdue(const core::Gear& gear, core::Time now) { return gear.deadline != core::Time{} && now > gear.deadline + kDriverPatience; }

int run_loop(Controller& controller, const Ports& ports, const std::function<Intervals()>& intervals, const LoopHooks& hooks) {
  auto next_check = ports.clock.now();
  auto next_sample = next_check;
  auto next_look = core::Time::max();
  bool drove = false;
  bool touched = false;  // something ended, or another process left an intent to carry on
  for (;;) {
    if (const auto signal = hooks.next_signal()) return *signal;
    const auto now = ports.clock.now();
    const bool drives = hooks.may_drive();
    if (drives && !drove) controller.forget_everything();
    drove = drives;
    if (drives) {
      const bool check = now >= next_check;
      const bool sample = now >= next_sample;
      const bool due = check || now >= next_look || std::exchange(touched, false);
      if (due || (sample && controller.sample())) {
        auto input = hooks.read_inputs();
        input.look = check ? Look::check : Look::fast;
        controller.tick(input);
        const auto look = controller.next_look();
        next_look = look ? now + *look : core::Time::max();
      }
      // A check or sample that came late does not make the next ones come in a bunch.
      if (check) next_check = std::max(next_check + intervals().check, now);
      if (sample) next_sample = std::max(next_sample + intervals().sample, now);
    }
    const auto due_at = std::min({next_check, next_sample, next_look});
    touched = wait(ports, hooks, drives ? due_at - ports.clock.now() : kDriverInterval, drives) || touched;
  }
}

Result<bool> follow_until(Controller& controller, const Ports& ports, const LoopHooks& hooks,
                          const std::function<Result<bool>(const Scenery&)>& watch) {
  bool drives = false;
  bool interrupted = false;
  auto read = ports.clock.now();
  for (;;) {
    while (const auto signal = hooks.next_signal()) interrupted = interrupted || is_end(*signal);
    if (drives && hooks.daemon_runs() && !controller.has_jobs()) {
      hooks.stop_driving();
      drives = false;
    } else if (!drives && !hooks.daemon_runs() && hooks.may_drive()) {
      controller.forget_everything();
      drives = true;
    }
    if (drives) controller.tick(hooks.read_inputs());
    // Who only looks needs no lock: a registry is replaced whole, and one that is broken is its driver's to rebuild.
    const auto loaded = ports.store.load();
    if (loaded) {
      read = ports.clock.now();
      const auto done = watch(Scenery{*loaded->registry, controller.inventory(), drives});
      if (!done) return fail(done.error());
      if (interrupted || *done) return interrupted;
    } else if (interrupted || loaded.error().code != Errc::unavailable || ports.clock.now() - read > kReadPatience) {
      return fail(loaded.error());
    }
    wait(ports, hooks, controller.next_look().value_or(kDriverInterval), drives);
  }
}

namespace {

// One command's gears, from round to round.
class Following {
 public:
  Following(Controller& controller, const Ports& ports, ManualRequest::Kind kind, std::vector<std::string> ids,
            const std::function<void(const Scenery&, const Followed&)>& progress)
      : controller_(controller), ports_(ports), kind_(kind), ids_(std::move(ids)), progress_(progress), next_progress_(ports.clock.now()) {}

  Result<bool> look(const Scenery& scenery) {
    const auto before = ids_.size();
    std::erase_if(ids_, [&](const std::string& id) {
      const auto state = look_at(scenery.registry, kind_, id);
      if (state == Waiting::arrived) followed_.arrived.push_back(id);
      if (state == Waiting::failed) followed_.failed.push_back(id);
      return state != Waiting::under_way;
    });
    const auto now = ports_.clock.now();
    if (ids_.size() != before || now >= next_progress_) {
      progress_(scenery, followed_);
      next_progress_ = now + kProgressInterval;
    }
    if (!ids_.empty()) {
      file_deadline_ = core::Time{};
      return is_stuck(scenery, now) ? Result<bool>(fail(stuck())) : Result<bool>(false);
    }
    // A tool that drives also sees its failed gears off before it leaves: nobody else would.
    const bool cleaning = scenery.drives && std::any_of(followed_.failed.begin(), followed_.failed.end(), [&](const std::string& id) {
                            const auto* gear = core::find_gear(scenery.registry, id);
                            return gear != nullptr && gear->state != core::GearState::serving && !is_overdue(*gear, now);
                          });
    return !cleaning && is_file_settled(scenery, now);
  }
  Followed take() { return std::move(followed_); }

 private:
  bool is_stuck(const Scenery& scenery, core::Time now) const {
    return std::all_of(ids_.begin(), ids_.end(), [&](const std::string& id) {
      const auto* gear = core::find_gear(scenery.registry, id);
      return gear != nullptr && is_overdue(*gear, now);
    });
  }
  Error stuck() const {
    return Error{Errc::unavailable, "the running controller does not carry the change on (gear " + ids_.front() +
                                        " is past its deadline): look at its output file, and restart it"};
  }
  // Is haproxy.cfg as it should be, or is it known that it will not be?
  bool is_file_settled(const Scenery& scenery, core::Time now) {
    if (scenery.drives && ports_.balancer.file_busy()) return false;
    const auto holds = ports_.balancer.file_holds(servers_of_file(scenery.registry));
    followed_.file_error.clear();
    if (holds && *holds) return true;
    if (file_deadline_ == core::Time{}) file_deadline_ = now + kFilePatience;
    followed_.file_error = !holds           ? holds.error().message
                           : scenery.drives ? controller_.file_error()
                                            : std::string("the running controller has not brought haproxy.cfg up to date");
    return now >= file_deadline_ || !holds || (scenery.drives && !followed_.file_error.empty());
  }

  Controller& controller_;
  const Ports& ports_;
  ManualRequest::Kind kind_;
  std::vector<std::string> ids_;
  const std::function<void(const Scenery&, const Followed&)>& progress_;
  core::Time next_progress_;
  core::Time file_deadline_{};
  Followed followed_;
};

}  // namespace

Result<Followed> follow(Controller& controller, const Ports& ports, const LoopHooks& hooks, ManualRequest::Kind kind,
                        std::vector<std::string> ids, const std::function<void(const Scenery&, const Followed&)>& progress) {
  Following following(controller, ports, kind, std::move(ids), progress);
  const auto interrupted = follow_until(controller, ports, hooks, [&](const Scenery& scenery) { return following.look(scenery); });
  if (!interrupted) return fail(interrupted.error());
  auto followed = following.take();
  followed.interrupted = *interrupted;
  return followed;
}

}  // namespace gearscale::app
