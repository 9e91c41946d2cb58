// SPDX-License-Identifier: Apache-2.0
// The loop of the daemon in virtual time. Where nothing has changed for a while, samples and looks at gears in transition are spaced out; checks
// never are.
#include "simulation/chaos_run.hpp"

#include <algorithm>
#include <cstdio>

#include "gearscale/core/capacity.hpp"
#include "gearscale/core/invariants.hpp"
#include "gearscale/core/pool.hpp"

namespace gearscale::test {

namespace {

using core::GearState;
using core::Millis;
using core::Time;

constexpr Millis kCheck{3'000};
constexpr Millis kSample{100};
constexpr Millis kSpacedLook{500};
constexpr Millis kStir{1'000};              // so long after a change everything is looked at as often as the daemon does
constexpr Millis kQuiet{20 * 60'000};       // without any change: the actions have stopped
constexpr Millis kPatience{4 * 3'600'000};  // drains, breaker, flap budget of an hour
// Until nothing is broken: reconciliation, a failed step's pause, a boot and a tear down under way, and 5 s.
constexpr Millis kSettle{30'000 + 30'000 + 60'000 + 60'000 + 5'000};
constexpr Millis kGrace{5'000};
constexpr int kTicksOfSecond = 200;  // more of them: something wakes the loop without a reason

}  // namespace

app::IdSource ChaosRun::ids() {
  return [this] {
    if (world_.chance.hit(0.002) && !calm_) return std::string(sim::ChaosWorld::kForeign);
    char id[16];
    std::snprintf(id, sizeof id, "%08x", 0x80000000U + static_cast<unsigned>(world_.chance.between(0, 0x7ffffffe)));
    return std::string(id);
  };
}

app::ControlSettings ChaosRun::tool_settings() const {
  auto settings = settings_;
  settings.keeps_pool = false;
  settings.by = "add-gear";
  return settings;
}

ChaosResult ChaosRun::run(double hours) {
  const auto begin = world_.clock.now();
  const auto passed = [&] { return static_cast<double>((world_.clock.now() - begin).count()) / 3'600'000; };
  try {
    while (passed() < hours && world_.objections.empty() && !result_.still_acting) {
      trouble(world_.chance.time(Millis{300'000}, Millis{7'200'000}));
      if (world_.objections.empty()) calm();
    }
  } catch (const std::exception& error) {
    world_.object(std::string("an exception: ") + error.what());
  }
  result_.hours = passed();
  result_.gears = watch_.gears_seen;
  result_.broken = world_.objections;
  if (!result_.broken.empty() || result_.still_acting) result_.story = world_.journal.last();
  return std::move(result_);
}

// ---- The loop

void ChaosRun::start(bool tool) {
  tool_ = tool;
  process_ = std::make_unique<sim::ChaosProcess>(world_, ++processes_);
  controller_ = std::make_unique<app::Controller>(tool ? tool_settings() : settings_, ports(*process_), ids());
  next_check_ = next_sample_ = next_look_ = stirred_ = world_.clock.now();
  world_.note((tool ? "a tool drives: process " : "the controller starts: process ") + std::to_string(processes_));
}

void ChaosRun::stop(bool killed) {
  if (!process_) return;
  const auto number = process_->number;
  controller_.reset();
  process_.reset();
  if (!killed) world_.faults.outlived = 0;
  world_.process_killed(number);
  start_at_ = world_.clock.now() + (world_.chance.hit(0.1) ? world_.chance.time(Millis{10'000}, Millis{1'200'000})
                                                           : world_.chance.time(Millis{10}, Millis{5'000}));
  ++result_.kills;
}

void ChaosRun::tick(app::Look look) {
  ++result_.ticks;
  const auto second = world_.clock.now().time_since_epoch() / Millis{1'000};
  ticks_of_second_ = second == second_ ? ticks_of_second_ + 1 : 1;
  second_ = second;
  if (ticks_of_second_ > kTicksOfSecond) world_.object("the loop spins: " + std::to_string(ticks_of_second_) + " ticks in a second");
  const auto limits = limits_;
  try {
    const auto report = controller_->tick(app::TickInput{look, limits, disabled_});
    if (report.decision && !report.acted_on.empty()) {
      world_.note("  decided: " + std::string(core::to_string(report.decision->reason)) + ", target " +
                  std::to_string(report.decision->target) + ", " + report.acted_on.front() + (report.acted_on.size() > 1 ? "..." : ""));
    }
    watch_.after_tick(report, limits);
    const auto wait = controller_->next_look();
    const auto now = world_.clock.now();
    next_look_ = wait ? now + (now - stirred_ > kStir ? std::max(*wait, kSpacedLook) : *wait) : Time::max();
  } catch (const sim::Crash&) {
    watch_.after({.unknown = true, .limits = limits});
    stop(true);
  }
}

void ChaosRun::drive() {
  const auto now = world_.clock.now();
  if (tool_ && now >= tool_until_ && !controller_->has_jobs()) return stop(false);
  const bool check = now >= next_check_ && !tool_;
  const bool due = check || now >= next_look_ || news_ != world_.machine.news || generation_ != world_.disk.registry.generation;
  if (news_ != world_.machine.news || generation_ != world_.disk.registry.generation) stirred_ = now;
  news_ = world_.machine.news;
  bool asked = false;
  if (!due && now >= next_sample_ && !tool_) {
    try {
      asked = controller_->sample();
    } catch (const sim::Crash&) {
      return stop(true);
    }
  }
  if (due || asked) tick(check ? app::Look::check : tool_ ? app::Look::transitions : app::Look::fast);
  generation_ = world_.disk.registry.generation;
  const auto after = world_.clock.now();
  if (check) next_check_ = std::max(next_check_ + kCheck, after);
  if (now >= next_sample_) next_sample_ = after - stirred_ < kStir ? after + kSample : next_check_;
  if (tool_) {
    next_sample_ = next_check_ = Time::max();
    next_look_ = std::min(next_look_, after + kSample);
  }
}

void ChaosRun::step(Time until) {
  auto next = std::min({until, world_.next_event(), next_load_, next_calamity_, next_harrying_});
  next = std::min(next, process_ ? std::min({next_check_, next_sample_, next_look_}) : start_at_);
  world_.advance_to(next);
  const auto now = world_.clock.now();
  if (now >= next_load_) draw_load();
  if (now >= next_calamity_) strike();
  if (now >= next_harrying_) harry();
  if (!process_ && now >= start_at_) start(!calm_ && world_.chance.hit(0.02) && (tool_until_ = now + Millis{30'000}, true));
  if (process_) drive();
}

void ChaosRun::trouble(Millis time) {
  calm_ = false;
  draw_faults();
  draw_limits();
  const auto end = world_.clock.now() + time;
  next_load_ = world_.clock.now();
  while (world_.clock.now() < end && world_.objections.empty()) step(end);
}

void ChaosRun::calm() {
  calm_ = true;
  world_.calm();
  disabled_ = false;
  next_load_ = next_calamity_ = next_harrying_ = Time::max();
  world_.proxy.set_load(base_load_);
  const auto begin = world_.clock.now();
  unpin_all();  // a hung gear that is pinned stays, also above scale_max
  if (tool_) stop(false);
  if (world_.chance.hit(0.3)) replace();
  next_harrying_ = Time::max();
  start_at_ = std::min(start_at_, begin + Millis{1'000});
  tool_until_ = begin;
  auto changed = begin;
  auto broken_at = begin;
  auto generation = world_.disk.registry.generation;
  auto next_judgement = begin;
  for (auto now = begin; world_.objections.empty() && now - changed < kQuiet; now = world_.clock.now()) {
    step(next_judgement);
    if (world_.clock.now() < next_judgement) continue;
    next_judgement += now - begin < Millis{200'000} ? Millis{500} : kCheck;
    if (const auto broken = watch_.broken(limits_, process_ && process_->balancer.file_busy(), kGrace); !broken.empty()) {
      broken_at = now;
      if (now - begin > kSettle) world_.object("not mended: " + broken.front());
    }
    if (generation != world_.disk.registry.generation) changed = now;
    generation = world_.disk.registry.generation;
    result_.still_acting = now - begin > kPatience;
    if (result_.still_acting) {
      world_.note("STILL ACTING");
      return;
    }
  }
  result_.settled_in.push_back(static_cast<double>((broken_at - begin).count()) / 1'000);
  if (world_.objections.empty()) judge_rest();
}

// Nothing has changed for a long time, and the load neither: all has to be as the policy wants it.
void ChaosRun::judge_rest() {
  const auto& registry = world_.disk.registry;
  const bool room = static_cast<std::int64_t>(registry.gears.size()) < settings_.pool.size();
  for (const auto& broken : watch_.broken(limits_, false, Millis{0})) world_.object("at rest: " + broken);
  if (!core::is_at_rest(registry)) world_.object("at rest: a gear is between two states");
  if (registry.replacement.state == core::Replacement::State::running && room) world_.object("at rest: the replacement has not ended");
  const int serving = core::count_state(registry, GearState::serving);
  if (serving < limits_.min && room)
    world_.object("at rest: " + std::to_string(serving) + " gears serve, scale_min is " + std::to_string(limits_.min));
  int up = 0;
  for (const auto& [id, server] : world_.proxy.servers) {
    up += world_.proxy.state_of(server) == core::ServerState::up ? 1 : 0;
    if (server.admin != sim::Proxy::Admin::ready) world_.object("at rest: gear " + id + " is in DRAIN or MAINT, and no person did that");
  }
  if (up == 0) world_.object("at rest: no gear is UP");
  const bool full = limits_.max != core::Limits::kNoLimit && serving >= limits_.max;
  if (up > 0 && !full && room &&
      core::capacity_pct({static_cast<double>(base_load_), up, settings_.policy.sessions_per_gear}) >= settings_.policy.up_pct) {
    world_.object("at rest: " + std::to_string(up) + " gears for " + std::to_string(base_load_) + " sessions");
  }
  const int wanted = core::standbys_wanted(settings_.standby, limits_, serving);
  const int standby = core::count_state(registry, GearState::standby);
  if (standby != wanted && (room || standby > wanted)) {
    world_.object("at rest: " + std::to_string(standby) + " standbys instead of " + std::to_string(wanted));
  }
}

}  // namespace gearscale::test
