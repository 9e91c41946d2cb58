// SPDX-License-Identifier: Apache-2.0
// Jobs that freeze a gear and are killed meanwhile: the next job mends what they left.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gears_ground.hpp"
#include "gearscale/gears/freezer.hpp"
#include "gearscale/system/deadline.hpp"
#include "support/catch.hpp"

namespace gearscale::test {

using core::ContainerState;
using gears::LxcGearHost;

namespace {

constexpr core::Millis kPatience{20'000};
const std::string kPage = "hello from the template\n";

// What liblxc thinks of a gear whose freezing was killed half way. The one that freezes it is put into the gear's own cgroup: it tells the
// monitor that the gear is FREEZING, freezes itself with the gear, and never tells that it is FROZEN.
pid_t leave_freezing(const Ground& ground, const GearSpec& gear) {
  const auto place = ground.place(gear);
  const auto freezer = gears::Freezer::of(gears::freezer_mounts(), init_of(ground, gear), place.name);
  REQUIRE(freezer);
  const auto members = freezer->file().substr(0, freezer->file().rfind('/')) + "/cgroup.procs";
  const pid_t pid = ::fork();
  if (pid == 0) {
    const Fd file(::open(members.c_str(), O_WRONLY | O_CLOEXEC));
    if (::write(file.get(), "0", 1) == 1) {
      ::execlp("lxc-freeze", "lxc-freeze", "-P", place.lxc_path.c_str(), "-n", place.name.c_str(), static_cast<char*>(nullptr));
    }
    ::_exit(127);
  }
  REQUIRE(pid > 0);
  const system::Deadline deadline(kPatience);
  while (!freezer->is_frozen() && !deadline.is_over()) ::poll(nullptr, 0, 1);
  ::kill(pid, SIGKILL);
  REQUIRE(lxc_state(ground, gear) == "FREEZING");
  return pid;
}

}  // namespace

TEST_CASE("a gear that a killed job left FREEZING is mended by the next job, whichever that is") {
  if (cannot_run()) return;
  const Ground ground;
  LxcGearHost host(ground.options);
  const auto gear = ground.gear(1);
  for (const auto kind : {JobKind::bring_up, JobKind::stand_by, JobKind::tear_down}) {
    INFO("job " << static_cast<int>(kind));
    detail_of(run_job(host, JobKind::bring_up, gear));
    const auto killed = leave_freezing(ground, gear);
    CHECK(*host.inspect(gear.id) == ContainerState::frozen);
    detail_of(run_job(host, kind, gear));
    if (kind == JobKind::stand_by) CHECK(lxc_state(ground, gear) == "FROZEN");
    if (kind == JobKind::stand_by) REQUIRE(host.wake(gear.id));
    // Not before: on a machine that is busy it is frozen again with the gear before it comes to die.
    CHECK(::waitpid(killed, nullptr, 0) == killed);
    if (kind != JobKind::tear_down) CHECK(fetch(gear) == kPage);
  }
  CHECK(ground.traces(gear) == std::vector<std::string>());
}

TEST_CASE("a stand_by killed at any moment is mended by the next one") {
  if (cannot_run()) return;
  const Ground ground;
  LxcGearHost host(ground.options);
  for (int kill = 0; kill < 16; ++kill) {
    const auto gear = ground.gear(kill + 1);
    INFO("killed after " << 6 * kill << " ms");
    REQUIRE(host.begin(JobKind::stand_by, gear, core::Millis(30'000)));
    const auto pids = children();
    ::poll(nullptr, 0, 6 * kill);
    for (const int pid : pids) ::kill(pid, SIGKILL);
    await(host, 1);
    detail_of(run_job(host, kill % 2 == 0 ? JobKind::stand_by : JobKind::bring_up, gear));
    if (kill % 2 == 0) CHECK(*host.inspect(gear.id) == ContainerState::frozen);
    if (kill % 2 == 0) REQUIRE(host.wake(gear.id));
    CHECK(fetch(gear) == kPage);
    tear_down_fully(ground, host, gear);
  }
}

}  // namespace gearscale::test
