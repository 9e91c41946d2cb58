// SPDX-License-Identifier: Apache-2.0
// Gears by liblxc for real: what they are while they live, that nothing is left when they are gone, and what is refused.
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>

#include "gears_ground.hpp"
#include "gearscale/base/text.hpp"
#include "gearscale/gears/address_check.hpp"
#include "gearscale/gears/cgroups.hpp"
#include "support/catch.hpp"

namespace gearscale::test {

using gears::LxcGearHost;

namespace {

// "0710 0 1000000": mode, owner and group of what is at a path.
std::string owners(const std::string& path) {
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0) return "nothing";
  char text[64];
  std::snprintf(text, sizeof text, "%04o %u %u", info.st_mode & 07777U, info.st_uid, info.st_gid);
  return text;
}

// A process that looks on while a gear is made. Its exit code: 0 when the directory and its config were root's all the time, and open to nobody
// but the group; 1 when they were not.
pid_t onlooker(const gears::Place& place) {
  const auto pid = ::fork();
  if (pid != 0) return pid;
  ::alarm(60);  // where none is made
  for (bool seen = false;;) {
    struct stat info {};
    if (::lstat(place.directory().c_str(), &info) == 0) {
      seen = true;
      if (info.st_uid != 0 || (info.st_mode & 07027U) != 0) ::_exit(1);
    }
    if (::lstat(place.config().c_str(), &info) == 0 && (info.st_uid != 0 || (info.st_mode & 0137U) != 0)) ::_exit(1);
    if (seen && ::access(place.note().c_str(), F_OK) != 0) ::_exit(0);
  }
}

bool was_closed(pid_t onlooker) {
  int status = -1;
  return ::waitpid(onlooker, &status, 0) == onlooker && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace

TEST_CASE("a gear is cloned, started and probed, is found again, and leaves no trace") {
  if (cannot_run()) return;
  const Ground ground;
  LxcGearHost host(ground.options);
  const auto template_config = ground.options.lxc_path + "/tmpl/config";
  const auto template_before = read(template_config);
  const auto gear = ground.gear(1);
  REQUIRE(host.check_room(1, ""));
  CHECK(gears::check_pool(
      {.pool = ground.options.pool, .gateway = ground.options.gateway, .needed = 100, .bridge = ground.options.bridge}));
  REQUIRE(*host.inspect(gear.id) == core::ContainerState::absent);
  REQUIRE(host.list()->empty());

  const auto looks_on = onlooker(ground.place(gear));
  const auto up = run_job(host, JobKind::bring_up, gear);
  CHECK(without_numbers(detail_of(up)) == "ready in # ms (clone #, start #, probe #)");
  CHECK(was_closed(looks_on));
  CHECK(up.pid > 0);
  CHECK(fetch(gear) == "hello from the template\n");
  CHECK(*host.inspect(gear.id) == core::ContainerState::running);
  const auto list = host.list();
  REQUIRE(list);
  REQUIRE(list->size() == 1);
  CHECK(list->front().id == gear.id);
  CHECK(list->front().address == gear.address);
  CHECK(list->front().state == core::ContainerState::running);
  CHECK(list->front().created_ms > 1'600'000'000'000);

  // What it is: ours, by its own name, and with nothing of the template's network, group or autostart.
  const auto config = read(ground.place(gear).config());
  CHECK(config.find("lxc.group = " + core::container_group(ground.options.application) + "\n") != std::string::npos);
  CHECK(config.find("somebody") == std::string::npos);
  CHECK(config.find("10.98.0.99") == std::string::npos);
  CHECK(config.find("99:99:99") == std::string::npos);
  CHECK(config.find("lxc.start.auto") == std::string::npos);
  CHECK(trim(run_inside(ground, gear, "hostname; cat /etc/hostname").text) == ground.place(gear).name + "\n" + ground.place(gear).name);
  CHECK(trim(run_inside(ground, gear, "cat /sys/class/net/eth0/address").text) == gears::mac_of(gear.address));
  CHECK(read(template_config) == template_before);

  const auto directory = ground.place(gear).directory();
  CHECK(owners(directory) == "0710 0 1000000");
  CHECK(owners(directory + "/config") == "0640 0 0");
  CHECK(owners(directory + "/overlay") == "0710 0 1000000");
  CHECK(owners(directory + "/overlay/delta") == "0755 1000000 1000000");

  // Again: it is there whole, so it is only probed.
  CHECK(without_numbers(detail_of(run_job(host, JobKind::bring_up, gear))) == "ready in # ms (probe #)");

  CHECK(without_numbers(detail_of(run_job(host, JobKind::tear_down, gear))) == "gone in # ms (stop #, destroy #)");
  CHECK(ground.traces(gear) == std::vector<std::string>());
  CHECK(host.list()->empty());
  CHECK(detail_of(run_job(host, JobKind::tear_down, gear)) == "nothing was there");
  CHECK(ground.traces(gear) == std::vector<std::string>());
  CHECK(read(template_config) == template_before);
}

TEST_CASE("a gear that was stopped is started again, and a frozen one is thawed") {
  if (cannot_run()) return;
  const Ground ground;
  LxcGearHost host(ground.options);
  const auto gear = ground.gear(1);
  detail_of(run_job(host, JobKind::bring_up, gear));

  REQUIRE(run({"lxc-stop", "-k", "-P", ground.options.lxc_path, "-n", ground.place(gear).name}).exit_code == 0);
  CHECK(*host.inspect(gear.id) == core::ContainerState::stopped);
  CHECK(without_numbers(detail_of(run_job(host, JobKind::bring_up, gear))) == "ready in # ms (start #, probe #)");

  REQUIRE(run({"lxc-freeze", "-P", ground.options.lxc_path, "-n", ground.place(gear).name}).exit_code == 0);
  CHECK(*host.inspect(gear.id) == core::ContainerState::frozen);
  CHECK(host.list()->front().state == core::ContainerState::frozen);
  CHECK(without_numbers(detail_of(run_job(host, JobKind::bring_up, gear))) == "ready in # ms (unfreeze #, probe #)");

  REQUIRE(run({"lxc-freeze", "-P", ground.options.lxc_path, "-n", ground.place(gear).name}).exit_code == 0);
  tear_down_fully(ground, host, gear);
}

TEST_CASE("a gear is halted cleanly within stop_timeout, and killed after it") {
  if (cannot_run()) return;
  Ground ground;
  ground.options.stop_timeout = core::Millis(20'000);
  const auto gear = ground.gear(1);
  const auto tear_down_time = [&] {
    LxcGearHost host(ground.options);
    detail_of(run_job(host, JobKind::bring_up, gear));
    const auto before = std::chrono::steady_clock::now();
    tear_down_fully(ground, host, gear);
    return std::chrono::steady_clock::now() - before;
  };
  // busybox's init gives its processes a second after SIGTERM and another after SIGKILL: that long it was not killed.
  const auto halted = tear_down_time();
  CHECK(halted > std::chrono::milliseconds(1'500));
  CHECK(halted < std::chrono::seconds(15));
  ground.options.stop_timeout = core::Millis(100);
  // The best of some: a busy machine can be slow, but not every time.
  auto killed = halted;
  for (int i = 0; i < 5 && killed >= std::chrono::milliseconds(1'500); ++i) killed = std::min(killed, tear_down_time());
  CHECK(killed < std::chrono::milliseconds(1'500));
}

TEST_CASE("an unprivileged gear can replace, rename and delete directories of its template") {
  if (cannot_run()) return;
  const Ground ground;
  LxcGearHost host(ground.options);
  const auto gear = ground.gear(1);
  detail_of(run_job(host, JobKind::bring_up, gear));
  const std::string work =
      "set -e; cd /var; rm -r data/old; mkdir data/old; touch data/old/new; test ! -e data/old/file;"  // replaced
      "mv data moved; test -f moved/old/new; mkdir data; touch data/mine; rm -r moved;"                // renamed, made anew, deleted
      "rmdir /home/app; mkdir /home/app; touch /home/app/x; rm -r /home; echo done";
  const auto inside = run_inside(ground, gear, work);
  CHECK(inside.text == "done\n");
  CHECK(inside.exit_code == 0);
  CHECK(read(ground.options.lxc_path + "/tmpl/rootfs/var/data/old/file") == "old\n");

  // The proof that userxattr does it: the same work in a gear without that option.
  const auto plain = ground.gear(2);
  detail_of(run_job(host, JobKind::bring_up, plain));
  REQUIRE(run({"lxc-stop", "-k", "-P", ground.options.lxc_path, "-n", ground.place(plain).name}).exit_code == 0);
  auto config = read(ground.place(plain).config());
  const std::string line = "lxc.rootfs.options = userxattr\n";
  REQUIRE(config.find(line) != std::string::npos);
  write(ground.place(plain).config(), config.erase(config.find(line), line.size()));
  detail_of(run_job(host, JobKind::bring_up, plain));
  const auto without = run_inside(ground, plain, work);
  if (without.exit_code == 0) {
    WARN("this kernel does not need userxattr");
  } else {
    CHECK(without.text.find("Input/output error") != std::string::npos);
  }
  tear_down_fully(ground, host, plain);
  tear_down_fully(ground, host, gear);
}

TEST_CASE("the limits of a gear are really set, or refused where there is no controller for them") {
  if (cannot_run()) return;
  Ground ground;
  ground.options.gear_memory = 64 * 1024 * 1024;
  ground.options.gear_cpu = 0.5;
  ground.options.gear_pids = 40;
  LxcGearHost host(ground.options);
  const auto gear = ground.gear(1);
  const auto layout = gears::cgroup_layout();
  if (const auto possible = gears::check_limits(ground.options, layout); !possible) {
    const auto room = host.check_room(1, "");
    REQUIRE_FALSE(room);
    CHECK(room.error().code == Errc::config);
    CHECK(room.error().message.find("gear_memory needs the cgroup controller 'memory'") == 0);
    CHECK(error_of(run_job(host, JobKind::bring_up, gear)).message == room.error().message);
    CHECK(ground.traces(gear) == std::vector<std::string>());
    return;
  }
  detail_of(run_job(host, JobKind::bring_up, gear));
  const auto name = "/lxc.payload." + ground.place(gear).name + "/";
  if (layout == gears::CgroupLayout::v2) {
    CHECK(trim(read("/sys/fs/cgroup" + name + "memory.max")) == "67108864");
    CHECK(trim(read("/sys/fs/cgroup" + name + "cpu.max")) == "50000 100000");
    CHECK(trim(read("/sys/fs/cgroup" + name + "pids.max")) == "40");
  } else {
    CHECK(trim(read("/sys/fs/cgroup/memory" + name + "memory.limit_in_bytes")) == "67108864");
    CHECK(trim(read("/sys/fs/cgroup/cpu" + name + "cpu.cfs_period_us")) == "100000");
    CHECK(trim(read("/sys/fs/cgroup/cpu" + name + "cpu.cfs_quota_us")) == "50000");
    CHECK(trim(read("/sys/fs/cgroup/pids" + name + "pids.max")) == "40");
  }
  tear_down_fully(ground, host, gear);
}

TEST_CASE("a full copy serves as well as an overlay") {
  if (cannot_run()) return;
  Ground ground;
  ground.options.clone_mode = gears::CloneMode::copy;
  LxcGearHost host(ground.options);
  const auto gear = ground.gear(1);
  REQUIRE(host.check_room(1, ""));
  const auto looks_on = onlooker(ground.place(gear));
  CHECK(without_numbers(detail_of(run_job(host, JobKind::bring_up, gear))) == "ready in # ms (clone #, start #, probe #)");
  CHECK(was_closed(looks_on));
  CHECK(owners(ground.place(gear).directory()) == "0710 0 1000000");
  CHECK(owners(ground.place(gear).directory() + "/rootfs") == "0755 1000000 1000000");
  CHECK(fetch(gear) == "hello from the template\n");
  const auto config = read(ground.place(gear).config());
  CHECK(config.find("lxc.rootfs.path = dir:" + ground.place(gear).directory() + "/rootfs\n") != std::string::npos);
  CHECK(config.find("userxattr") == std::string::npos);
  CHECK(run_inside(ground, gear, "rm -r /var/data && mkdir /var/data && echo new > /var/www/index.html").exit_code == 0);
  CHECK(fetch(gear) == "new\n");
  tear_down_fully(ground, host, gear);
}

TEST_CASE("where an overlay is not possible the automatic mode makes a full copy, and the overlay mode says why not") {
  if (cannot_run()) return;
  // A comma in its path: overlayfs takes it for the end of an option.
  Ground ground({.template_name = "tm,pl"});
  const auto gear = ground.gear(1);
  {
    LxcGearHost host(ground.options);
    detail_of(run_job(host, JobKind::bring_up, gear));
    CHECK(fetch(gear) == "hello from the template\n");
    CHECK(read(ground.place(gear).config()).find("lxc.rootfs.path = dir:") != std::string::npos);
    tear_down_fully(ground, host, gear);
  }
  ground.options.clone_mode = gears::CloneMode::overlay;
  LxcGearHost host(ground.options);
  const auto failure = error_of(run_job(host, JobKind::bring_up, gear));
  CHECK(failure.code == Errc::failed);
  CHECK(failure.message.find("cannot clone template tm,pl by overlay to " + ground.place(gear).name + " (liblxc: ") == 0);
  CHECK(*host.inspect(gear.id) == core::ContainerState::absent);
  tear_down_fully(ground, host, gear);
}

TEST_CASE("privileged gears are possible") {
  if (cannot_run()) return;
  const Ground ground({.idmap = std::nullopt});
  LxcGearHost host(ground.options);
  const auto gear = ground.gear(1);
  REQUIRE(host.check_room(1, ""));
  const auto looks_on = onlooker(ground.place(gear));
  detail_of(run_job(host, JobKind::bring_up, gear));
  CHECK(was_closed(looks_on));
  CHECK(owners(ground.place(gear).directory()) == "0700 0 0");
  CHECK(fetch(gear) == "hello from the template\n");
  CHECK(run_inside(ground, gear, "rm -r /var/data && mkdir /var/data && echo new > /var/www/index.html").exit_code == 0);
  CHECK(fetch(gear) == "new\n");
  tear_down_fully(ground, host, gear);
}

TEST_CASE("gears reach the bridge but not each other, unless they are told to") {
  if (cannot_run()) return;
  for (const bool isolated : {true, false}) {
    Ground ground;
    ground.options.isolate_gears = isolated;
    LxcGearHost host(ground.options);
    for (const int number : {1, 2}) detail_of(run_job(host, JobKind::bring_up, ground.gear(number)));
    CHECK(fetch(ground.gear(1)) == "hello from the template\n");
    const auto other = format_ipv4(ground.gear(2).address);
    const auto asked = run_inside(ground, ground.gear(1), "printf 'GET / HTTP/1.0\\r\\n\\r\\n' | /bin/busybox nc -w 2 " + other + " 8080");
    CHECK((asked.exit_code == 0) == !isolated);
    CHECK((asked.text.find("hello from the template\n") != std::string::npos) == !isolated);
    for (const int number : {1, 2}) tear_down_fully(ground, host, ground.gear(number));
  }
}

TEST_CASE("a network cable and a mount that were left behind are removed") {
  if (cannot_run()) return;
  const Ground ground;
  LxcGearHost host(ground.options);
  const auto gear = ground.gear(1);
  const auto device = gears::veth_of(gear.id);
  const auto peer = "x" + gear.id;
  REQUIRE(run({"ip", "link", "add", device, "type", "veth", "peer", "name", peer}).exit_code == 0);
  detail_of(run_job(host, JobKind::bring_up, gear));
  CHECK(fetch(gear) == "hello from the template\n");
  CHECK(run({"ip", "link", "show", "dev", peer}).exit_code != 0);

  REQUIRE(run({"mount", "-t", "tmpfs", "none", ground.place(gear).directory() + "/rootfs"}).exit_code == 0);
  tear_down_fully(ground, host, gear);
  REQUIRE(run({"ip", "link", "add", device, "type", "veth", "peer", "name", peer}).exit_code == 0);
  tear_down_fully(ground, host, gear);
  CHECK(run({"ip", "link", "show", "dev", peer}).exit_code != 0);
}

TEST_CASE("several gears come up and go down side by side") {
  if (cannot_run()) return;
  constexpr int kGears = 4;
  const Ground ground;
  LxcGearHost host(ground.options);
  for (const auto kind : {JobKind::bring_up, JobKind::tear_down}) {
    for (int number = 1; number <= kGears; ++number) REQUIRE(host.begin(kind, ground.gear(number), core::Millis(30'000)));
    const auto second = host.begin(JobKind::tear_down, ground.gear(1), core::Millis(30'000));
    REQUIRE_FALSE(second);
    CHECK(second.error().message == "gear " + ground.gear(1).id + " has a job under way already");
    for (const auto& result : await(host, kGears)) detail_of(result);
    CHECK(host.list()->size() == (kind == JobKind::bring_up ? kGears : 0));
  }
  for (int number = 1; number <= kGears; ++number) CHECK(ground.traces(ground.gear(number)) == std::vector<std::string>());
  CHECK(read(ground.options.lxc_path + "/tmpl/lxc_snapshots").empty());
}

}  // namespace gearscale::test
