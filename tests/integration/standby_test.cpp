// SPDX-License-Identifier: Apache-2.0
// Gears that stand by, by liblxc for real: how they are made, how they wake and how they die.
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>

#include "gears_ground.hpp"
#include "gearscale/base/text.hpp"
#include "gearscale/gears/cgroups.hpp"
#include "gearscale/gears/freezer.hpp"
#include "gearscale/system/deadline.hpp"
#include "support/catch.hpp"

namespace gearscale::test {

using core::ContainerState;
using gears::LxcGearHost;

namespace {

constexpr core::Millis kPatience{20'000};
const std::string kPage = "hello from the template\n";

void lxc_kill(const Ground& ground, const GearSpec& gear) {
  REQUIRE(run({"lxc-stop", "-k", "-P", ground.options.lxc_path, "-n", ground.place(gear).name}).exit_code == 0);
}

// Waits for that many deaths.
std::vector<std::string> deaths(LxcGearHost& host, std::size_t count = 1) {
  std::vector<std::string> ids;
  for (const system::Deadline deadline(kPatience); ids.size() < count && !deadline.is_over();) {
    pollfd ready{host.ready_fd(), POLLIN, 0};
    ::poll(&ready, 1, deadline.poll_timeout());
    for (auto& id : host.died()) ids.push_back(std::move(id));
  }
  return ids;
}

void check_nothing_ready(LxcGearHost& host) {
  CHECK(host.died().empty());
  pollfd ready{host.ready_fd(), POLLIN, 0};
  CHECK(::poll(&ready, 1, 0) == 0);
}

std::size_t open_descriptors() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++count;
  return count;
}

}  // namespace

TEST_CASE("a standby is made from nothing, rests frozen, wakes at once and is gone without a trace") {
  if (cannot_run()) return;
  const Ground ground;
  LxcGearHost host(ground.options);
  const auto gear = ground.gear(1);
  const auto descriptors = open_descriptors();
  CHECK(without_numbers(detail_of(run_job(host, JobKind::stand_by, gear))) == "standby in # ms (clone #, start #, probe #, freeze #)");
  CHECK(open_descriptors() == descriptors + 2);
  CHECK(*host.inspect(gear.id) == ContainerState::frozen);
  CHECK(host.list()->front().state == ContainerState::frozen);
  CHECK(lxc_state(ground, gear) == "FROZEN");
  CHECK(open_descriptors() == descriptors + 2);

  SECTION("again: it is there, frozen and alive") {
    CHECK(without_numbers(detail_of(run_job(host, JobKind::stand_by, gear))) == "standby in # ms");
  }
  SECTION("after a waking that nobody confirmed it is frozen again") {
    REQUIRE(host.wake(gear.id));
    CHECK(fetch(gear) == kPage);
    CHECK(without_numbers(detail_of(run_job(host, JobKind::stand_by, gear))) == "standby in # ms (unfreeze #, probe #, freeze #)");
    CHECK(lxc_state(ground, gear) == "FROZEN");
  }
  REQUIRE(host.wake(gear.id));
  CHECK(fetch(gear) == kPage);
  REQUIRE(host.wake(gear.id));  // harmless
  CHECK(*host.inspect(gear.id) == ContainerState::running);
  CHECK(lxc_state(ground, gear) == "FROZEN");  // liblxc was not asked
  CHECK(without_numbers(detail_of(run_job(host, JobKind::bring_up, gear))) == "ready in # ms (unfreeze #, probe #)");
  CHECK(lxc_state(ground, gear) == "RUNNING");
  CHECK(open_descriptors() == descriptors + 1);
  REQUIRE(host.wake(gear.id));  // it runs
  CHECK(fetch(gear) == kPage);
  check_nothing_ready(host);

  tear_down_fully(ground, host, gear);
  check_nothing_ready(host);
  CHECK(open_descriptors() == descriptors);
}

TEST_CASE("a running gear is probed once and frozen; one that does not answer is no standby") {
  if (cannot_run()) return;
  Ground ground;
  LxcGearHost host(ground.options);
  const auto gear = ground.gear(1);
  detail_of(run_job(host, JobKind::bring_up, gear));
  const int init = init_of(ground, gear);
  CHECK(without_numbers(detail_of(run_job(host, JobKind::stand_by, gear))) == "standby in # ms (probe #, freeze #)");
  CHECK(init_of(ground, gear) == init);
  REQUIRE(host.wake(gear.id));
  CHECK(fetch(gear) == kPage);

  detail_of(run_job(host, JobKind::bring_up, gear));
  ground.options.probe_path = "/missing";
  LxcGearHost other(ground.options);
  const auto error = error_of(run_job(other, JobKind::stand_by, gear));
  CHECK(error.message.find("container " + ground.place(gear).name + " runs, but did not become ready on ") == 0);
  CHECK(error.message.find("404") != std::string::npos);
  CHECK(*host.inspect(gear.id) == ContainerState::running);
  tear_down_fully(ground, host, gear);
}

TEST_CASE("what is frozen without liblxc's knowledge is thawed by the next job") {
  if (cannot_run()) return;
  const Ground ground;
  LxcGearHost host(ground.options);
  const auto gear = ground.gear(1);
  for (const auto kind : {JobKind::bring_up, JobKind::stand_by, JobKind::tear_down}) {
    detail_of(run_job(host, JobKind::bring_up, gear));
    const auto freezer = gears::Freezer::of(gears::freezer_mounts(), init_of(ground, gear), ground.place(gear).name);
    REQUIRE(freezer);
    REQUIRE(freezer->freeze(system::Deadline(kPatience)));
    CHECK(lxc_state(ground, gear) == "RUNNING");
    CHECK(*host.inspect(gear.id) == ContainerState::frozen);
    detail_of(run_job(host, kind, gear));
    CHECK(freezer->is_frozen() == (kind == JobKind::stand_by));
  }
  CHECK(ground.traces(gear) == std::vector<std::string>());
}

TEST_CASE("a standby that was killed from outside is known to be dead, and comes back by the next job") {
  if (cannot_run()) return;
  const Ground ground;
  LxcGearHost host(ground.options);
  const auto gear = ground.gear(1);
  detail_of(run_job(host, JobKind::stand_by, gear));
  lxc_kill(ground, gear);
  SECTION("its death is told once") {
    CHECK(deaths(host) == std::vector<std::string>{gear.id});
    check_nothing_ready(host);
    CHECK(host.wake(gear.id).error().message.find("is not held frozen") != std::string::npos);
  }
  SECTION("and not missed by a waking before that") {
    const auto woken = host.wake(gear.id);
    REQUIRE_FALSE(woken);
    CHECK(woken.error().code == Errc::failed);
    CHECK(woken.error().message == "gear " + gear.id + " died while it was frozen: its init process ended");
    CHECK(deaths(host) == std::vector<std::string>{gear.id});
  }
  CHECK(without_numbers(detail_of(run_job(host, JobKind::stand_by, gear))) == "standby in # ms (start #, probe #, freeze #)");
  REQUIRE(host.wake(gear.id));
  CHECK(fetch(gear) == kPage);
  tear_down_fully(ground, host, gear);
}

TEST_CASE("a standby whose init was killed while it was frozen") {
  if (cannot_run()) return;
  const Ground ground;
  LxcGearHost host(ground.options);
  const auto gear = ground.gear(1);
  detail_of(run_job(host, JobKind::stand_by, gear));
  REQUIRE(::kill(init_of(ground, gear), SIGKILL) == 0);
  if (gears::cgroup_layout() == gears::CgroupLayout::v2) {
    CHECK(deaths(host) == std::vector<std::string>{gear.id});
    CHECK_FALSE(host.wake(gear.id));
  } else {
    check_nothing_ready(host);  // it has not died yet
    SECTION("a repeated job sees it coming, and makes another one") {
      CHECK(detail_of(run_job(host, JobKind::stand_by, gear)).find("start ") != std::string::npos);
      REQUIRE(host.wake(gear.id));
      CHECK(fetch(gear) == kPage);
      tear_down_fully(ground, host, gear);
      return;
    }
    REQUIRE(host.wake(gear.id));
    CHECK(deaths(host) == std::vector<std::string>{gear.id});
  }
  // It is not waited for until the deadline: it is started again.
  const auto before = std::chrono::steady_clock::now();
  CHECK(detail_of(run_job(host, JobKind::bring_up, gear)).find("start ") != std::string::npos);
  CHECK(std::chrono::steady_clock::now() - before < std::chrono::seconds(20));
  CHECK(fetch(gear) == kPage);
  check_nothing_ready(host);
  tear_down_fully(ground, host, gear);
}

TEST_CASE("after a restart of the controller its gears are held again") {
  if (cannot_run()) return;
  const Ground ground;
  const auto frozen = ground.gear(1), running = ground.gear(2);
  {
    LxcGearHost host(ground.options);
    detail_of(run_job(host, JobKind::stand_by, frozen));
    detail_of(run_job(host, JobKind::bring_up, running));
  }
  LxcGearHost host(ground.options);
  CHECK_FALSE(host.wake(frozen.id));
  REQUIRE(host.list());
  REQUIRE(host.list()->size() == 2);
  REQUIRE(host.wake(frozen.id));
  CHECK(fetch(frozen) == kPage);
  REQUIRE(host.wake(running.id));  // it runs
  lxc_kill(ground, running);
  CHECK(deaths(host) == std::vector<std::string>{running.id});
  lxc_kill(ground, frozen);
  CHECK(deaths(host) == std::vector<std::string>{frozen.id});
  for (const auto& gear : {frozen, running}) tear_down_fully(ground, host, gear);
}

TEST_CASE("what our own jobs stop has not died") {
  if (cannot_run()) return;
  Ground ground;
  ground.options.stop_timeout = core::Millis(20'000);
  LxcGearHost host(ground.options);
  const auto gear = ground.gear(1);
  detail_of(run_job(host, JobKind::bring_up, gear));
  REQUIRE(host.begin(JobKind::tear_down, gear, kPatience));
  for (bool listed = true; listed;) {  // it is not held again meanwhile
    const auto list = host.list();
    REQUIRE(list);
    listed = !list->empty();
    CHECK(host.died().empty());
  }
  detail_of(await(host, 1).front());
  check_nothing_ready(host);
}

TEST_CASE("a stopped standby is cloned only, and a running gear becomes one by a clean stop") {
  if (cannot_run()) return;
  Ground ground;
  ground.options.standby_state = core::StandbyPolicy::State::stopped;
  LxcGearHost host(ground.options);
  const auto gear = ground.gear(1);
  CHECK(without_numbers(detail_of(run_job(host, JobKind::stand_by, gear))) == "standby in # ms (clone #)");
  CHECK(*host.inspect(gear.id) == ContainerState::stopped);
  CHECK(without_numbers(detail_of(run_job(host, JobKind::stand_by, gear))) == "standby in # ms");
  CHECK_FALSE(host.wake(gear.id));
  CHECK(without_numbers(detail_of(run_job(host, JobKind::bring_up, gear))) == "ready in # ms (start #, probe #)");
  CHECK(without_numbers(detail_of(run_job(host, JobKind::stand_by, gear))) == "standby in # ms (stop #)");
  CHECK(*host.inspect(gear.id) == ContainerState::stopped);
  check_nothing_ready(host);

  // Also a frozen one, after the setting was changed.
  ground.options.standby_state = core::StandbyPolicy::State::frozen;
  LxcGearHost freezing(ground.options);
  detail_of(run_job(freezing, JobKind::stand_by, gear));
  CHECK(without_numbers(detail_of(run_job(host, JobKind::stand_by, gear))) == "standby in # ms (stop #)");
  CHECK(*host.inspect(gear.id) == ContainerState::stopped);
  tear_down_fully(ground, host, gear);
}

TEST_CASE("a gear is cloned from the template of its own, and room is asked for that one") {
  if (cannot_run()) return;
  const Ground ground;
  const auto other = ground.options.lxc_path + "/other";
  REQUIRE(run({"cp", "-a", ground.options.lxc_path + "/tmpl", other}).exit_code == 0);
  auto config = read(other + "/config");
  config.replace(config.find("/tmpl/rootfs"), 5, "/other");
  write(other + "/config", config);
  write(other + "/rootfs/var/www/index.html", "hello from the other\n");
  LxcGearHost host(ground.options);
  auto gear = ground.gear(1);
  gear.template_name = "other";
  CHECK(host.check_room(1, "other"));
  detail_of(run_job(host, JobKind::stand_by, gear));
  REQUIRE(host.wake(gear.id));
  CHECK(fetch(gear) == "hello from the other\n");
  tear_down_fully(ground, host, gear);
  gear.template_name = "none";
  const auto room = host.check_room(1, "none");
  REQUIRE_FALSE(room);
  CHECK(room.error().message.find("there is no template none under ") == 0);
  CHECK(error_of(run_job(host, JobKind::bring_up, gear)).message == room.error().message);
}

}  // namespace gearscale::test
