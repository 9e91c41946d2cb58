// SPDX-License-Identifier: Apache-2.0
// Every call may fail, hang, lie, be half done, or be the last one of its process.
#include <algorithm>

#include "gearscale/sim/chaos.hpp"

namespace gearscale::sim {

namespace {

using core::ContainerState;
using core::Millis;
using core::Time;

constexpr Millis kCallDeadline{1'000};
constexpr double kOfReads = 0.02;  // of the chance that a process is killed at a call: most of its calls only look

enum class Fate { done, fails, lies, halves };

struct Call {
  ChaosWorld& world;
  const CallFaults& faults;
  const char* what;
  std::string_view id;  // empty: of no gear

  Fate draw() const {
    if (world.chance.hit(faults.fails)) return Fate::fails;
    if (world.chance.hit(faults.lies)) return Fate::lies;
    if (world.chance.hit(faults.halves)) return Fate::halves;
    if (!world.chance.hit(faults.hangs)) return Fate::done;
    world.note(std::string(what) + " " + std::string(id) + " hangs");
    world.advance(kCallDeadline);
    return world.chance.hit(0.5) ? Fate::fails : Fate::lies;
  }
  void maybe_kill(double probability, const char* when) const {
    if (!world.chance.hit(probability)) return;
    world.note(std::string("killed ") + when + " " + what + " " + std::string(id));
    throw Crash{};
  }
  Unexpected trouble() const {
    if (!id.empty()) world.suspect(id);
    world.note(std::string(what) + " " + std::string(id) + " fails");
    return fail(Errc::unavailable, std::string(what) + " failed");
  }
  // Something is changed.
  template <class T, class Effect>
  Result<T> change(Effect effect, Effect half) const {
    maybe_kill(world.faults.killed_before, "before");
    const auto fate = draw();
    if (fate == Fate::fails) return trouble();
    if (fate == Fate::halves) {
      static_cast<void>(half());
      return trouble();
    }
    auto done = effect();
    maybe_kill(world.faults.killed_after, "after");
    if (fate == Fate::lies) return trouble();
    world.note(std::string(what) + " " + std::string(id) + (done ? "" : " refused: " + done.error().message));
    return done;
  }
  template <class T, class Effect>
  Result<T> change(Effect effect) const {
    return change<T, Effect>(effect, effect);
  }
  // Nothing is changed.
  template <class T, class Effect>
  Result<T> look(Effect effect) const {
    maybe_kill(world.faults.killed_before * kOfReads, "at");
    if (draw() != Fate::done) return trouble();
    return effect();
  }
};

}  // namespace

// ---- HAProxy

void ChaosBalancer::forget_view() {
  for (auto& id : ids_) std::fill(id.begin(), id.end(), '#');  // it lived until now
}

Result<const BalancerView*> ChaosBalancer::observe() {
  const Call call{world_, world_.faults.balancer, "observe", {}};
  return call.look<const BalancerView*>([&]() -> Result<const BalancerView*> {
    auto& proxy = world_.proxy;
    if (proxy.is_away()) return fail(Errc::unavailable, "HAProxy is away");
    proxy.look();
    view_ = BalancerView{proxy.has_predecessor(), static_cast<double>(proxy.load()), proxy.pid, {}};
    ids_.clear();
    ids_.reserve(proxy.servers.size());
    for (const auto& [id, server] : proxy.servers) {
      ids_.push_back(id);
      view_.gears.push_back(ServerView{ids_.back(), proxy.state_of(server), server.scur, server.stot, server.address});
    }
    observed = world_.clock.now();
    return &view_;
  });
}

Result<double> ChaosBalancer::sessions() {
  forget_view();
  if (world_.proxy.is_away() || world_.chance.hit(world_.faults.balancer.fails)) return fail(Errc::unavailable, "HAProxy is away");
  return static_cast<double>(world_.proxy.load());
}

Result<void> ChaosBalancer::add(const ServerSpec& server) {
  forget_view();
  const auto put = [&](Proxy::Admin admin) -> Result<void> {
    if (world_.proxy.is_away()) return fail(Errc::unavailable, "HAProxy is away");
    auto& entry = world_.proxy.servers[server.id];
    const int scur = entry.scur;
    entry = Proxy::Server{.address = server.address, .admin = admin, .since = world_.clock.now(), .scur = scur, .stot = entry.stot};
    world_.proxy.spread();
    return {};
  };
  const std::function<Result<void>()> whole = [&] { return put(Proxy::Admin::ready); };
  const std::function<Result<void>()> half = [&] { return put(Proxy::Admin::maint); };
  return Call{world_, world_.faults.balancer, "add", server.id}.change<void>(whole, half);
}

Result<void> ChaosBalancer::set_admin(const char* what, std::string_view id, Proxy::Admin admin) {
  forget_view();
  return Call{world_, world_.faults.balancer, what, id}.change<void>([&]() -> Result<void> {
    if (world_.proxy.is_away()) return fail(Errc::unavailable, "HAProxy is away");
    const auto found = world_.proxy.servers.find(id);
    if (found == world_.proxy.servers.end()) return fail(Errc::failed, "No such server.");
    found->second.admin = admin;
    world_.proxy.spread();
    return {};
  });
}

Result<void> ChaosBalancer::cut_sessions(std::string_view id) {
  forget_view();
  return Call{world_, world_.faults.balancer, "cut_sessions", id}.change<void>([&]() -> Result<void> {
    if (world_.proxy.is_away()) return fail(Errc::unavailable, "HAProxy is away");
    if (const auto found = world_.proxy.servers.find(id); found != world_.proxy.servers.end()) {
      const auto* gear = core::find_gear(world_.disk.registry, id);
      const bool leaves = gear != nullptr && (gear->state == core::GearState::removing || gear->state == core::GearState::failed);
      if (found->second.scur > 0 && !(leaves && world_.clock.now() >= gear->deadline)) {
        world_.object("sessions of gear " + std::string(id) + " were cut before its deadline");
      }
      found->second.scur = 0;
      world_.proxy.spread();
    }
    return {};
  });
}

Result<bool> ChaosBalancer::remove(std::string_view id) {
  forget_view();
  return Call{world_, world_.faults.balancer, "remove", id}.change<bool>([&]() -> Result<bool> {
    if (world_.proxy.is_away()) return fail(Errc::unavailable, "HAProxy is away");
    const auto found = world_.proxy.servers.find(id);
    if (found == world_.proxy.servers.end()) return true;
    if (found->second.admin != Proxy::Admin::maint) return fail(Errc::failed, "Only servers in maintenance mode can be deleted.");
    if (found->second.scur > 0) return false;
    world_.proxy.servers.erase(found);
    return true;
  });
}

Result<void> ChaosBalancer::begin_file(const std::vector<ServerSpec>& servers) {
  const Call call{world_, world_.faults.balancer, "begin_file", {}};
  call.maybe_kill(world_.faults.killed_before, "before");
  if (world_.chance.hit(world_.faults.balancer.fails)) return call.trouble();
  if (file_busy()) {
    waiting_ = servers;
  } else {
    world_.begin_writing(process_, servers);
  }
  call.maybe_kill(world_.faults.killed_after, "after");
  return {};
}

std::optional<Result<void>> ChaosBalancer::file_written() {
  auto& all = world_.writings;
  const auto ended = std::find_if(all.begin(), all.end(), [&](const auto& writing) { return writing.owner == process_ && writing.done; });
  if (ended == all.end()) return std::nullopt;
  const auto reported = ended->reported;
  all.erase(ended);
  if (waiting_) world_.begin_writing(process_, *std::exchange(waiting_, std::nullopt));
  return reported ? Result<void>(fail(*reported)) : Result<void>();
}

bool ChaosBalancer::file_busy() const {
  const auto& all = world_.writings;
  return waiting_ || std::any_of(all.begin(), all.end(), [&](const auto& writing) { return writing.owner == process_; });
}

Result<bool> ChaosBalancer::file_holds(const std::vector<ServerSpec>& servers) {
  forget_view();
  return world_.file_is(servers);
}

// ---- LXC

void ChaosHost::hold(const std::string& id) {
  const auto found = world_.machine.containers.find(id);
  if (found == world_.machine.containers.end() || found->second.init == 0) return;
  held_[id] = found->second.init;
}

Result<std::vector<core::ContainerFact>> ChaosHost::list() {
  return Call{world_, world_.faults.host, "list", {}}.look<std::vector<core::ContainerFact>>(
      [&]() -> Result<std::vector<core::ContainerFact>> {
        auto facts = world_.containers();
        for (const auto& fact : facts) {
          if (!world_.machine.is_stopped_by_job(process_, fact.id)) hold(fact.id);
        }
        return facts;
      });
}

Result<ContainerState> ChaosHost::inspect(std::string_view id) {
  return Call{world_, world_.faults.host, "inspect", id}.look<ContainerState>([&]() -> Result<ContainerState> {
    const auto found = world_.machine.containers.find(id);
    if (found == world_.machine.containers.end() || found->second.foreign) return ContainerState::absent;
    return found->second.state;
  });
}

Result<void> ChaosHost::check_room(int, const std::string&) {
  return Call{world_, world_.faults.host, "check_room", {}}.look<void>([&]() -> Result<void> {
    return world_.clock.now() < world_.machine.template_gone_until ? Result<void>(fail(Errc::config, "the template is gone"))
                                                                   : Result<void>();
  });
}

Result<void> ChaosHost::begin(JobKind kind, const GearSpec& gear, Millis deadline) {
  const char* what = name_of(kind);
  const bool had = world_.machine.is_worked_on(gear.id);
  auto done = Call{world_, world_.faults.host, what, gear.id}.change<void>([&]() -> Result<void> {
    const bool stops = world_.machine.stops(kind);
    if (kind == JobKind::tear_down && world_.proxy.rotates(gear.id) && world_.proxy.restarted <= balancer_.observed) {
      world_.object("gear " + gear.id + " is torn down while HAProxy has it in rotation");
    }
    auto begun = world_.machine.begin(process_, kind, gear, deadline);
    if (begun && stops) held_.erase(gear.id);
    return begun;
  });
  if (!done && !had) world_.machine.cancel(process_, gear.id);  // what failed to begin does not run
  return done;
}

std::vector<JobResult> ChaosHost::finished() {
  auto results = world_.machine.finished(process_);
  for (const auto& result : results) {
    if (!result.detail) world_.suspect(result.id);
    if (result.detail && !world_.machine.stops(result.kind)) hold(result.id);
  }
  return results;
}

Result<void> ChaosHost::wake(std::string_view id) {
  return Call{world_, world_.faults.host, "wake", id}.change<void>([&]() -> Result<void> {
    const auto held = held_.find(id);
    world_.machine.end_settling(process_, id);
    if (held == held_.end()) return fail(Errc::failed, "it is not held frozen by this process");
    const auto found = world_.machine.containers.find(id);
    if (found == world_.machine.containers.end() || found->second.init != held->second) return fail(Errc::failed, "it died");
    if (found->second.state == ContainerState::frozen) world_.machine.thaw(std::string(id));
    return {};
  });
}

std::vector<std::string> ChaosHost::died() {
  std::vector<std::string> ids;
  for (auto held = held_.begin(); held != held_.end();) {
    const auto found = world_.machine.containers.find(held->first);
    if (found != world_.machine.containers.end() && found->second.init == held->second) {
      ++held;
      continue;
    }
    ids.push_back(held->first);
    held = held_.erase(held);
  }
  return ids;
}

// ---- The registry

Result<std::unique_ptr<StoreLock>> ChaosStore::lock(Millis patience) {
  const auto free_at = world_.disk.lock_held_until;
  if (world_.clock.now() + patience < free_at) {
    world_.advance(patience);
    return fail(Errc::unavailable, "another process has the lock");
  }
  if (world_.clock.now() < free_at) world_.advance_to(free_at);
  if (world_.chance.hit(world_.faults.store.hangs)) {
    world_.advance(patience);
    return fail(Errc::unavailable, "another process has the lock");
  }
  return std::make_unique<StoreLock>();
}

Result<Store::Loaded> ChaosStore::load() {
  auto& disk = world_.disk;
  if (world_.chance.hit(world_.faults.store.fails)) return fail(Errc::unavailable, "cannot read the registry");
  const bool was_corrupt = std::exchange(disk.corrupt, false);
  if (was_corrupt) {
    disk.registry = {};
    ++disk.tampered;
  }
  if (was_corrupt || !fresh_ || cached_.generation != disk.registry.generation || seen_ != disk.tampered) cached_ = disk.registry;
  fresh_ = true;
  seen_ = disk.tampered;
  return Loaded{&cached_, was_corrupt, "registry.corrupt", was_corrupt ? "simulated" : ""};
}

Result<void> ChaosStore::save(const core::Registry& registry) {
  auto& disk = world_.disk;
  const Call call{world_, world_.faults.store, "save", {}};
  if (world_.chance.hit(world_.faults.killed_before)) {
    disk.temp_files += world_.chance.hit(0.5) ? 1 : 0;
    world_.note("killed before save");
    throw Crash{};
  }
  const auto fate = call.draw();
  const bool full = world_.clock.now() < disk.full_until;
  fresh_ = false;
  if (full || fate == Fate::fails || fate == Fate::halves) {
    world_.note(full ? "save fails: no space left on device" : "save fails");
    return fail(Errc::unavailable, full ? "no space left on device" : "it could not be written");
  }
  disk.registry = registry;
  disk.corrupt = false;
  call.maybe_kill(world_.faults.killed_after, "after");
  if (fate == Fate::lies) {
    world_.note("save works, but says that it failed");
    return fail(Errc::unavailable, "it is not durable");
  }
  if (&registry != &cached_) cached_ = registry;
  fresh_ = true;
  return {};
}

void ChaosEvents::text(Severity severity, std::string_view message) {
  if (severity != Severity::debug) world_.note("  log: " + std::string(message));
}

}  // namespace gearscale::sim
