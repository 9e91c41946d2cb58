// SPDX-License-Identifier: Apache-2.0
// systemd calls itself by that name also where it was started as /sbin/init. A gear may lie with its name and with its systemctl: that decides
// about its own freezing alone.
#include "gearscale/gears/boot_end.hpp"

#include <poll.h>

#include <algorithm>

#include "gearscale/base/text.hpp"
#include "gearscale/gears/ask_inside.hpp"
#include "gearscale/gears/cpu_time.hpp"
#include "gearscale/system/files.hpp"

namespace gearscale::gears {

namespace {

constexpr int kQuietPct = 2;
constexpr core::Millis kFirstAsk{20};  // doubled each time: a question takes some ms of the gear's processor time
constexpr core::Millis kSlowestAsk{1'000};
constexpr core::Millis kAnswerPatience{2'000};
constexpr int kMostUnknown = 3;  // answers in a row, after which nobody is asked any more
constexpr core::Millis kShortestLook{10};
constexpr core::Millis kLongestLook{100};

bool has_systemd(int init) {
  const auto name = system::read_file("/proc/" + std::to_string(init) + "/comm", 64);
  return name && trim(*name) == "systemd";
}

core::Time now() { return std::chrono::time_point_cast<core::Millis>(std::chrono::steady_clock::now()); }

}  // namespace

BootState boot_state(std::string_view word) {
  const auto state = trim(word);
  if (state == "running" || state == "degraded" || state == "maintenance") return BootState::ended;
  if (state == "initializing" || state == "starting" || state == "stopping") return BootState::goes_on;
  return BootState::unknown;
}

bool Quiet::see(core::Time now, std::optional<Used> used) {
  const auto total = used.value_or(used_before_);
  if (!since_ || total - used_before_ >= Used(time_) * kQuietPct / 100) {
    since_ = now;
    used_before_ = total;
  }
  return now - *since_ >= time_;
}

Result<BootEnd> await_boot_end(Job& job, Container& container) {
  job.init = container.init_pid();
  const auto init = container.init_pidfd();
  const auto cpu = CpuTime::of(job.init, job.place.name);
  Quiet quiet(job.options.standby_settle);
  const auto look = std::clamp(job.options.standby_settle / 10, kShortestLook, kLongestLook);
  int unknown = has_systemd(job.init) ? 0 : kMostUnknown;
  auto ask_after = kFirstAsk;
  while (!job.deadline.is_over()) {
    const bool asks = unknown < kMostUnknown;
    if (asks) {
      const auto state = boot_state(ask_inside(job.place, {"systemctl", "is-system-running"}, std::min(kAnswerPatience, job.deadline.left())));
      if (state == BootState::ended) return BootEnd{.has_ended = true, .why = ""};
      unknown = state == BootState::unknown ? unknown + 1 : 0;
    } else if (quiet.see(now(), cpu.used())) {
      return BootEnd{.has_ended = true, .why = ""};
    }
    const auto pause = std::min(asks ? ask_after : look, job.deadline.left());
    if (asks) ask_after = std::min(ask_after * 2, kSlowestAsk);
    pollfd ended{init.get(), POLLIN, 0};
    if (::poll(&ended, 1, static_cast<int>(pause.count())) > 0 || container.state() == core::ContainerState::stopped) {
      return fail(Errc::failed, "container " + job.place.name + " died before its boot had ended: its init process ended");
    }
  }
  const std::string sign = unknown < kMostUnknown ? "systemd still has jobs to do" : "it does not come to rest";
  return BootEnd{.has_ended = false, .why = "its boot has not ended yet, " + sign};
}

}  // namespace gearscale::gears
