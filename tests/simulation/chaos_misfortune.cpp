// SPDX-License-Identifier: Apache-2.0
// What one seed stands for: the settings, the faults and their probabilities, the load, people's commands. Each seed leaves some kinds of faults
// out, so that rare ones come together in many ways.
#include <algorithm>
#include <cmath>

#include "gearscale/app/replacing.hpp"
#include "simulation/chaos_run.hpp"

namespace gearscale::test {

namespace {

using core::Millis;
using core::Time;
using sim::Calamity;

// None at all in half of the cases.
double draw_probability(sim::Chance& chance, double least, double most) {
  return chance.hit(0.5) ? 0 : least * std::pow(most / least, static_cast<double>(chance.between(0, 1'000)) / 1'000);
}

sim::CallFaults draw_call_faults(sim::Chance& chance) {
  sim::CallFaults faults;
  faults.fails = draw_probability(chance, 1e-4, 0.05);
  faults.hangs = draw_probability(chance, 1e-4, 0.01);
  faults.lies = draw_probability(chance, 1e-4, 0.05);
  faults.halves = draw_probability(chance, 1e-4, 0.05);
  return faults;
}

}  // namespace

ChaosRun::ChaosRun(std::uint64_t seed, bool aloud)
    : world_(seed, aloud),
      settings_([&] {
        auto& chance = world_.chance;
        app::ControlSettings settings;
        settings.application = core::Application{"shop", "prod"};
        settings.template_name = "app-v1";
        settings.pid = 4242;
        settings.keeps_pool = true;
        settings.standby.count = chance.between(0, 3);
        settings.standby.state = chance.hit(0.7) ? core::StandbyPolicy::State::frozen : core::StandbyPolicy::State::stopped;
        settings.parallel_starts = chance.between(1, 6);
        settings.pool = core::AddressPool{0x0a570002, 0x0a570002 + static_cast<unsigned>(chance.between(12, 60)), 24};
        settings.timeouts.boot = Millis{chance.between(20'000, 60'000)};
        settings.timeouts.drain_idle = Millis{chance.between(1'000, 30'000)};
        settings.timeouts.drain_soft = Millis{chance.between(60'000, 600'000)};
        settings.timeouts.drain_hard = Millis{chance.between(10'000, 60'000)};
        return settings;
      }()),
      watch_(world_, settings_.timeouts) {
  world_.pool = settings_.pool;
  world_.machine.standby_state = settings_.standby.state;
  world_.machine.containers[sim::ChaosWorld::kForeign] =
      sim::Machine::Container{.state = core::ContainerState::running, .foreign = true, .template_name = "theirs", .init = 1};
}

void ChaosRun::draw_faults() {
  auto& chance = world_.chance;
  sim::Faults faults;
  faults.balancer = draw_call_faults(chance);
  faults.host = draw_call_faults(chance);
  faults.store = draw_call_faults(chance);
  faults.job = draw_call_faults(chance);
  faults.killed_before = draw_probability(chance, 1e-4, 0.02);
  faults.killed_after = draw_probability(chance, 1e-4, 0.02);
  faults.outlived = chance.hit(0.5) ? 0.5 : 0;
  faults.file_fails = draw_probability(chance, 1e-3, 0.2);
  faults.file_lies = draw_probability(chance, 1e-3, 0.2);
  faults.file_hangs = draw_probability(chance, 1e-3, 0.1);
  double all = 0;
  for (auto& rate : faults.an_hour) all += rate = chance.hit(0.4) ? 0 : chance.between(1, 100);
  const double wanted = 2 * std::pow(100.0, static_cast<double>(chance.between(0, 1'000)) / 1'000);  // 2 to 200 an hour
  for (auto& rate : faults.an_hour) rate *= wanted / std::max(all, 1.0);
  faults.rate(Calamity::reboot) /= 10;
  faults.rate(Calamity::leap) /= 10;
  world_.faults = faults;
  next_calamity_ = world_.clock.now() + chance.wait(wanted);
}

void ChaosRun::draw_limits() {
  auto& chance = world_.chance;
  limits_.min = chance.hit(0.5) ? 1 : chance.between(1, 4);
  limits_.max = chance.hit(0.3) ? core::Limits::kNoLimit : chance.between(limits_.min, 16);
  world_.note("limits: " + std::to_string(limits_.min) + " to " + std::to_string(limits_.max));
}

void ChaosRun::draw_load() {
  auto& chance = world_.chance;
  if (chance.hit(0.05)) base_load_ = chance.hit(0.2) ? 0 : static_cast<int>(chance.time(Millis{1}, Millis{150}).count());
  world_.proxy.set_load(std::max(0, base_load_ + chance.between(-2, 2)));
  stirred_ = next_sample_ = world_.clock.now();
  next_load_ = stirred_ + chance.time(Millis{1'000}, Millis{60'000});
}

void ChaosRun::strike() {
  auto& chance = world_.chance;
  const auto& rates = world_.faults.an_hour;
  double all = 0;
  for (const auto rate : rates) all += rate;
  next_calamity_ = all > 0 ? world_.clock.now() + chance.wait(all) : Time::max();
  double at = all * static_cast<double>(chance.between(0, 999'999)) / 1e6;
  std::size_t which = 0;
  while (which + 1 < rates.size() && (at -= rates[which]) >= 0) ++which;
  if (rates[which] <= 0) return;
  ++result_.calamities;
  world_.strike(static_cast<Calamity>(which));
  strike_process(static_cast<Calamity>(which));
  stirred_ = world_.clock.now();
}

void ChaosRun::strike_process(Calamity calamity) {
  auto& chance = world_.chance;
  switch (calamity) {
    case Calamity::reboot:
    case Calamity::process_killed: return stop(true);
    case Calamity::tool_drives:
      stop(false);
      start(true);
      tool_until_ = world_.clock.now() + chance.time(Millis{1'000}, Millis{120'000});
      return;
    case Calamity::command: return command();
    case Calamity::limits: return draw_limits();
    case Calamity::marker: disabled_ = !disabled_; return;
    case Calamity::replacement: return replace();
    default: return;
  }
}

void ChaosRun::command() {
  using Kind = app::ManualRequest::Kind;
  auto& chance = world_.chance;
  const auto& gears = world_.disk.registry.gears;
  app::ManualRequest request;
  constexpr Kind kKinds[] = {Kind::add, Kind::add, Kind::remove, Kind::remove, Kind::remove, Kind::pin, Kind::unpin};
  request.kind = kKinds[chance.between(0, 6)];
  request.count = chance.between(1, 3);
  request.now = chance.hit(0.3);
  const bool named = request.kind != Kind::add && (request.kind != Kind::remove || chance.hit(0.5));
  if (named && gears.empty()) return;
  if (named) request.ids.push_back(gears[static_cast<std::size_t>(chance.between(0, static_cast<int>(gears.size()) - 1))].id);
  Watch::Cause cause{.by_name = named, .forced = request.now, .limits = limits_};
  sim::ChaosProcess process(world_, ++processes_);
  try {
    const auto done = app::command(tool_settings(), ports(process), ids(), limits_, request);
    world_.note("  command: " + (done ? std::to_string(done->ids.size()) + " gears" : done.error().message));
    if (done && request.kind == Kind::remove) cause.leaving.insert(done->ids.begin(), done->ids.end());
    if (!done) cause.unknown = true;  // it may have been written all the same
  } catch (const sim::Crash&) {
    cause.unknown = true;
    world_.process_killed(process.number);
  }
  watch_.after(cause);
}

void ChaosRun::unpin_all() {
  app::ManualRequest request{.kind = app::ManualRequest::Kind::unpin};
  for (const auto& gear : world_.disk.registry.gears) {
    if (gear.pinned) request.ids.push_back(gear.id);
  }
  if (request.ids.empty() || world_.disk.corrupt) return;
  sim::ChaosProcess process(world_, ++processes_);
  static_cast<void>(app::command(tool_settings(), ports(process), ids(), limits_, request));
  watch_.after({.limits = limits_});
}

void ChaosRun::replace() {
  auto& chance = world_.chance;
  app::ReplaceRequest request;
  if (chance.hit(0.8)) request.template_name = chance.hit(0.5) ? "app-v1" : "app-v2";
  request.step = chance.between(1, 3);
  sim::ChaosProcess process(world_, ++processes_);
  try {
    const auto done = app::begin_replacement(tool_settings(), ports(process), request);
    world_.note("  replacement by " + request.template_name.value_or("-") + (done ? " begins" : ": " + done.error().message));
    if (done && chance.hit(0.7)) {
      harried_until_ = world_.clock.now() + chance.time(Millis{10'000}, Millis{1'800'000});
      next_harrying_ = world_.clock.now();
    }
  } catch (const sim::Crash&) {
    world_.process_killed(process.number);
  }
  watch_.after({.unknown = true, .limits = limits_});
}

// While a replacement runs the load rises and falls, gears die, people remove some and change limits.
void ChaosRun::harry() {
  auto& chance = world_.chance;
  const auto now = world_.clock.now();
  const bool runs = world_.disk.registry.replacement.state == core::Replacement::State::running;
  next_harrying_ = runs && now < harried_until_ ? now + chance.time(Millis{500}, Millis{60'000}) : Time::max();
  if (!runs) return;
  stirred_ = now;
  ++result_.calamities;
  switch (chance.between(0, 9)) {
    case 0: return world_.strike(Calamity::gear_dies);
    case 1:
    case 2: return draw_limits();
    case 3:
    case 4:
    case 5: base_load_ = chance.hit(0.5) ? chance.between(0, 10) : chance.between(0, 150); return draw_load();
    default: return command();
  }
}

}  // namespace gearscale::test
