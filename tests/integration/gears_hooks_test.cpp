// SPDX-License-Identifier: Apache-2.0
// The application's hooks around real gears: when they run, what they see, and what their failures do.
#include <sys/stat.h>

#include <filesystem>

#include "gears_ground.hpp"
#include "gearscale/base/text.hpp"
#include "support/catch.hpp"

namespace gearscale::test {

using core::ContainerState;
using gears::LxcGearHost;

namespace {

void write_hook(const Ground& ground, const std::string& name, const std::string& script) {
  const auto path = ground.options.hooks_dir + "/" + name;
  std::filesystem::create_directories(ground.options.hooks_dir);
  write(path, "#!/bin/sh\n" + script + "\n");
  REQUIRE(::chmod(path.c_str(), 0755) == 0);
}

}  // namespace

TEST_CASE("hooks run around a start and before a stop, and what they print comes with the job") {
  if (cannot_run()) return;
  Ground ground;
  ground.options.hooks_dir = ground.options.lxc_path + "/hooks";
  // That it is not there yet, that it serves, and that it serves still.
  const std::string state = "lxc-info -P " + ground.options.lxc_path + " -n $GEAR_CONTAINER -s -H";
  write_hook(ground, "pre_start_gear", "echo $GEAR_STATE $GEAR_TEMPLATE; " + state);
  write_hook(ground, "post_start_gear", "echo $GEAR_STATE $GEAR_ADDRESS:$GEAR_PORT; busybox wget -q -O - http://$GEAR_ADDRESS:$GEAR_PORT/");
  write_hook(ground, "pre_stop_gear", "echo $GEAR_STATE; " + state);
  LxcGearHost host(ground.options);
  const auto gear = ground.gear(1);
  using Lines = std::vector<std::string>;
  const auto where = format_ipv4(gear.address) + ":8080";
  const auto check_start = [&](const JobResult& result, const std::string& what) {
    CHECK(detail_of(result).find("pre_start_gear ") < detail_of(result).find("post_start_gear "));
    CHECK(result.log == Lines{"pre_start_gear: " + what + " tmpl", "pre_start_gear: STOPPED", "post_start_gear: " + what + " " + where,
                              "post_start_gear: hello from the template"});
  };
  check_start(run_job(host, JobKind::stand_by, gear), "preparing");
  REQUIRE(host.wake(gear.id));
  CHECK(run_job(host, JobKind::bring_up, gear).log.empty());
  CHECK(run_job(host, JobKind::stand_by, gear).log.empty());
  const Lines stopping{"pre_stop_gear: stopping", "pre_stop_gear: RUNNING"};
  CHECK(run_job(host, JobKind::tear_down, gear).log == stopping);
  check_start(run_job(host, JobKind::bring_up, gear), "starting");
  CHECK(run_job(host, JobKind::tear_down, gear).log == stopping);
  CHECK(run_job(host, JobKind::tear_down, gear).log.empty());
  CHECK(ground.traces(gear) == Lines());
}

TEST_CASE("a gear whose hook fails or hangs does not serve; a stop goes on") {
  if (cannot_run()) return;
  Ground ground;
  ground.options.hooks_dir = ground.options.lxc_path + "/hooks";
  ground.options.hook_timeout = core::Millis(1'500);
  LxcGearHost host(ground.options);
  const auto gear = ground.gear(1);
  const auto flag = ground.options.lxc_path + "/flag";

  write_hook(ground, "pre_start_gear", "echo no disk; exit 3");
  auto result = run_job(host, JobKind::bring_up, gear);
  CHECK(error_of(result).message == "pre_start_gear of gear " + gear.id + " failed with exit code 3; it said last: no disk");
  CHECK(result.log == std::vector<std::string>{"pre_start_gear: no disk"});
  CHECK(*host.inspect(gear.id) == ContainerState::stopped);

  write_hook(ground, "pre_start_gear", "exit 0");
  write_hook(ground, "post_start_gear", "echo once; test -e " + flag + " || sleep 1000");
  for (const auto kind : {JobKind::bring_up, JobKind::stand_by}) {  // also the second time, when it runs already
    result = run_job(host, kind, gear);
    CHECK(error_of(result).message ==
          "post_start_gear of gear " + gear.id + " was killed because it took longer than 1500 ms; it said last: once");
    CHECK(*host.inspect(gear.id) == ContainerState::running);
  }
  write(flag, "");
  CHECK(run_job(host, JobKind::bring_up, gear).log == std::vector<std::string>{"post_start_gear: once"});
  CHECK(run_job(host, JobKind::bring_up, gear).log.empty());

  write_hook(ground, "pre_stop_gear", "echo still busy; sleep 1000");
  result = run_job(host, JobKind::tear_down, gear);
  detail_of(result);
  REQUIRE(result.log.size() == 2);
  CHECK(result.log[0] == "pre_stop_gear: still busy");
  CHECK(result.log[1] == "pre_stop_gear of gear " + gear.id +
                             " was killed because it took longer than 1500 ms; it said last: still busy; the gear is stopped all the same");
  CHECK(ground.traces(gear) == std::vector<std::string>());
}

}  // namespace gearscale::test
