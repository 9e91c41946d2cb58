// SPDX-License-Identifier: Apache-2.0
#include <sys/eventfd.h>

#include <cerrno>
#include <csignal>

#include "gearscale/app/control_loop.hpp"
#include "gearscale/base/fd.hpp"
#include "support/catch.hpp"
#include "support/world.hpp"
#include "unit/app/spies.hpp"

using namespace gearscale;
using namespace std::chrono_literals;
using core::GearState;
using test::World;
using Kind = app::ManualRequest::Kind;

namespace {

// Hooks in virtual time: each look at the registry's descriptor that would wait moves the clock instead.
struct Process {
  explicit Process(World& world_in) : world(world_in) {
    hooks.may_drive = [this] { return lock_is_free; };
    hooks.stop_driving = [this] { ++stops; };
    hooks.daemon_runs = [this] { return daemon; };
    hooks.read_inputs = [this] {
      world.clock.advance(100ms);
      return app::TickInput{app::Look::transitions, world.limits, false};
    };
    hooks.next_signal = [this]() -> std::optional<int> {
      if (--signal_after == 0) return SIGTERM;
      return std::nullopt;
    };
    hooks.registry_touched = [] {};
  }

  Result<app::Followed> follow(app::Controller& controller, Kind kind, const std::vector<std::string>& ids) {
    return app::follow(controller, world.ports, hooks, kind, ids, [this](const auto&, const auto&) { ++progress; });
  }

  World& world;
  app::LoopHooks hooks;
  bool lock_is_free = true;
  bool daemon = false;
  int stops = 0;
  int signal_after = 0;  // 0: never
  int progress = 0;
};

}  // namespace

TEST_CASE("a tool without a daemon carries its gears to the end itself") {
  World world;
  world.populate(1);
  Process process(world);
  auto settings = world.settings();
  settings.timeouts.drain_idle = 200ms;
  app::Controller controller(settings, world.ports, world.ids());
  const auto added = app::command(settings, world.ports, world.ids(), {}, {Kind::add, 2, {}});
  REQUIRE(added);
  const auto followed = process.follow(controller, Kind::add, added->ids);
  REQUIRE(followed);
  CHECK(followed->arrived.size() == 2);
  CHECK(followed->failed.empty());
  CHECK(world.in_state(GearState::serving) == 3);
  CHECK(process.progress >= 1);
  const auto removed = app::command(settings, world.ports, world.ids(), {}, {Kind::remove, 1, {}});
  REQUIRE(removed);
  CHECK(process.follow(controller, Kind::remove, removed->ids)->arrived == removed->ids);
  CHECK(sim::broken_invariants(world.store, world.host, world.balancer).empty());
}

TEST_CASE("a tool says why haproxy.cfg could not be brought up to date, although its gear serves") {
  World world;
  world.populate(1);
  world.balancer.file_failure = Error{Errc::config, "no markers"};
  Process process(world);
  const auto settings = world.settings();
  app::Controller controller(settings, world.ports, world.ids());
  const auto added = app::command(settings, world.ports, world.ids(), {}, {Kind::add, 1, {}});
  REQUIRE(added);
  const auto followed = process.follow(controller, Kind::add, added->ids);
  REQUIRE(followed);
  CHECK(followed->arrived == added->ids);
  CHECK(followed->file_error == "no markers");
}

TEST_CASE("a tool that waits for a removal is told when load came back and the gear was recalled") {
  World world;
  world.populate(2);
  Process process(world);
  process.daemon = true;
  const auto settings = world.settings();
  app::Controller watcher(settings, world.ports, world.ids());
  app::Controller daemon(world.daemon(0), world.ports, world.ids());
  const auto removed = app::command(settings, world.ports, world.ids(), {}, {Kind::remove, 1, {}});
  REQUIRE(removed);
  world.balancer.load = 15;
  world.run(daemon, 500ms);
  const auto followed = process.follow(watcher, Kind::remove, removed->ids);
  REQUIRE(followed);
  CHECK(followed->failed == removed->ids);
  CHECK(world.in_state(GearState::serving) == 2);
}

TEST_CASE("a tool does not wait for ever for a failed gear that cannot be destroyed") {
  World world;
  world.populate(1);
  world.host.boot_failure = Error{Errc::failed, "no answer"};
  Process process(world);
  process.signal_after = 10'000;  // a thousand seconds
  const Fd never_waits(::eventfd(1, EFD_CLOEXEC));
  process.hooks.registry_fd = never_waits.get();
  const auto settings = world.settings();
  app::Controller controller(settings, world.ports, world.ids());
  const auto added = app::command(settings, world.ports, world.ids(), {}, {Kind::add, 1, {}});
  REQUIRE(added);
  world.host.indestructible = added->ids.front();
  const auto followed = process.follow(controller, Kind::add, added->ids);
  REQUIRE(followed);
  CHECK(followed->failed == added->ids);
  CHECK_FALSE(followed->interrupted);
  CHECK(world.in_state(GearState::failed) == 1);
}

TEST_CASE("a tool that only watches needs no lock, and waits a while for a registry that is being rebuilt") {
  World world;
  world.populate(2);
  test::Spied spied(world);
  Process process(world);
  process.daemon = true;
  const auto settings = world.settings();
  app::Controller watcher(settings, spied.ports, world.ids());
  app::Controller daemon(world.daemon(0), world.ports, world.ids());
  const auto added = app::command(settings, world.ports, world.ids(), {}, {Kind::add, 1, {}});
  REQUIRE(added);
  world.run(daemon, 500ms);
  spied.store.refusal = Error{Errc::unavailable, "somebody has the lock for a long time", EAGAIN};
  spied.store.unreadable = 30;
  const auto followed = app::follow(watcher, spied.ports, process.hooks, Kind::add, added->ids, [](const auto&, const auto&) {});
  REQUIRE(followed);
  CHECK(followed->arrived == added->ids);
  CHECK(spied.store.locks == 0);
  CHECK(spied.store.unreadable == 0);
}

TEST_CASE("a tool that only watches gives up on a registry that nobody rebuilds") {
  World world;
  world.populate(2);
  test::Spied spied(world);
  Process process(world);
  process.daemon = true;
  app::Controller watcher(world.settings(), spied.ports, world.ids());
  spied.store.unreadable = 1'000'000;
  spied.store.on_load = [&] { world.clock.advance(100ms); };
  const auto began = world.clock.now();
  const auto followed = app::follow(watcher, spied.ports, process.hooks, Kind::add, {"00000001"}, [](const auto&, const auto&) {});
  REQUIRE_FALSE(followed);
  CHECK(followed.error().message == "the registry is corrupt");
  CHECK(world.clock.now() - began >= 5s);
  CHECK(world.clock.now() - began < 6s);
}

TEST_CASE("a tool reports gears that failed, and sees them off") {
  World world;
  world.populate(1);
  world.host.boot_failure = Error{Errc::failed, "no answer"};
  Process process(world);
  const auto settings = world.settings();
  app::Controller controller(settings, world.ports, world.ids());
  const auto added = app::command(settings, world.ports, world.ids(), {}, {Kind::add, 1, {}});
  const auto followed = process.follow(controller, Kind::add, added->ids);
  REQUIRE(followed);
  CHECK(followed->failed == added->ids);
  CHECK(world.store.registry.gears.size() == 1);
  CHECK(sim::broken_invariants(world.store, world.host, world.balancer).empty());
}

TEST_CASE("a tool ends at a signal and leaves the intent for the next driver") {
  World world;
  world.populate(1);
  world.host.boot = 1h;
  Process process(world);
  process.signal_after = 5;
  const auto settings = world.settings();
  app::Controller controller(settings, world.ports, world.ids());
  const auto added = app::command(settings, world.ports, world.ids(), {}, {Kind::add, 1, {}});
  const auto followed = process.follow(controller, Kind::add, added->ids);
  REQUIRE(followed);
  CHECK(followed->interrupted);
  CHECK(world.in_state(GearState::starting) == 1);
}

TEST_CASE("a tool hands over to a daemon that appears, once no job of its own runs") {
  World world;
  world.populate(1);
  Process process(world);
  process.daemon = true;
  process.signal_after = 3;
  const auto settings = world.settings();
  app::Controller controller(settings, world.ports, world.ids());
  const auto added = app::command(settings, world.ports, world.ids(), {}, {Kind::add, 1, {}});
  const auto followed = process.follow(controller, Kind::add, added->ids);
  CHECK(followed->interrupted);
  CHECK(world.host.begun == 0);  // with a daemon it only watches
}

TEST_CASE("a tool does not wait for ever for a controller that does nothing") {
  World world;
  world.populate(1);
  Process process(world);
  process.daemon = true;
  process.hooks.registry_touched = [] {};
  const auto settings = world.settings();
  app::Controller controller(settings, world.ports, world.ids());
  const auto added = app::command(settings, world.ports, world.ids(), {}, {Kind::add, 1, {}});
  world.clock.advance(60s + 91s);
  const auto followed = process.follow(controller, Kind::add, added->ids);
  REQUIRE_FALSE(followed);
  CHECK(followed.error().code == Errc::unavailable);
}

TEST_CASE("the controller's loop does not spin while another process drives") {
  World world;
  world.populate(1);
  Process process(world);
  process.lock_is_free = false;
  process.signal_after = 4;  // three rounds before it
  app::Controller controller(world.settings(), world.ports, world.ids());
  const auto begin = std::chrono::steady_clock::now();
  app::run_loop(
      controller, world.ports,
      [] {
        return app::Intervals{100ms, 100ms};
      },
      process.hooks);
  CHECK(std::chrono::steady_clock::now() - begin >= 3 * 100ms);
  CHECK(world.store.saves == 0);
}

TEST_CASE("the controller's loop ends at TERM and leaves the gears serving") {
  World world;
  world.populate(2);
  Process process(world);
  process.signal_after = 4;
  app::Controller controller(world.settings(), world.ports, world.ids());
  CHECK(app::run_loop(
            controller, world.ports,
            [] {
              return app::Intervals{100ms, 100ms};
            },
            process.hooks) == SIGTERM);
  CHECK(world.in_state(GearState::serving) == 2);
  CHECK(world.balancer.servers.size() == 2);
}
