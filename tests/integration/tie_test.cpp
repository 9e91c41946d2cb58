// SPDX-License-Identifier: Apache-2.0
// A hostile gear claims another one's address and MAC, by each way that its root has, from its first frame on; and what ties gears to theirs is
// made with a gear, goes with it, and is mended when somebody took a part of it away.
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <utility>

#include "gears_ground.hpp"
#include "gearscale/base/text.hpp"
#include "gearscale/gears/gear_config.hpp"
#include "gearscale/gears/ties.hpp"
#include "gearscale/system/deadline.hpp"
#include "support/catch.hpp"

namespace gearscale::test {

using gears::LxcGearHost;

namespace {

constexpr int kRequests = 20;
const std::string kPage = "hello from the template\n";
const std::string kStolen = "stolen\n";

// A victim that serves, and a gear that is made, but not started: what it will do is still to be written.
struct Scene {
  Ground ground;
  LxcGearHost host{ground.options};
  GearSpec victim = ground.gear(1), hostile = ground.gear(2);

  Scene() {
    detail_of(run_job(host, JobKind::bring_up, victim));
    auto stopped = ground.options;
    stopped.standby_state = core::StandbyPolicy::State::stopped;
    LxcGearHost preparing(stopped);
    detail_of(run_job(preparing, JobKind::stand_by, hostile));
  }

  gears::Tie tie(const GearSpec& gear) const {
    return {.device = gears::veth_of(gear.id),
            .bridge = ground.options.bridge,
            .address = gear.address,
            .isolated = ground.options.isolate_gears};
  }
  std::string missing(const GearSpec& gear) const {
    const auto seen = gears::look_at_bridge(ground.options.bridge);
    if (!seen) FAIL(seen.error().message);
    return seen->ports.contains(tie(gear).device) ? gears::missing(tie(gear), *seen) : "no port";
  }
  // A file in the gear, whatever runs.
  void put(const GearSpec& gear, const std::string& name, const std::string& text) const {
    std::filesystem::path path = ground.place(gear).directory() + "/overlay/delta";
    for (const auto& part : std::filesystem::path(name)) {
      path /= part;
      if (part == std::filesystem::path(name).filename()) {
        write(path, text);
      } else {
        std::filesystem::create_directory(path);
      }
      REQUIRE(::chmod(path.c_str(), 0755) == 0);
      REQUIRE(::lchown(path.c_str(), kTestIdmap.base, kTestIdmap.base) == 0);
    }
  }
  // Requests to the victim: how many of them it did not answer itself.
  int lost() const {
    int others = 0;
    for (int i = 0; i < kRequests; ++i) others += fetch(victim) == kPage ? 0 : 1;
    return others;
  }
  void inside(const std::string& line) const {
    const auto done = run_inside(ground, hostile, line);
    INFO(line << ": " << done.text);
    CHECK(done.exit_code == 0);
  }
  // What the hostile gear tries, one line of a shell each; what one changes the next one goes on from.
  std::vector<std::string> attacks() const {
    const auto address = format_ipv4(victim.address);
    const auto announce = "/bin/busybox arping -q -c 1 -U -I eth0 " + address + " & /bin/busybox usleep 50000";
    return {"/bin/busybox ip address add " + address + "/32 dev eth0", announce,
            "/bin/busybox ifconfig eth0 hw ether " + gears::mac_of(victim.address), announce};
  }
  std::vector<std::string> retreat() const {
    return {"/bin/busybox ifconfig eth0 hw ether " + gears::mac_of(hostile.address),
            "/bin/busybox ip address del " + format_ipv4(victim.address) + "/32 dev eth0"};
  }
  std::vector<std::string> mend() {
    host.begin_mending(
        {{.id = victim.id, .address = victim.address, .settled = true}, {.id = hostile.id, .address = hostile.address, .settled = true}});
    for (const system::Deadline deadline(core::Millis(10'000)); !deadline.is_over(); ::poll(nullptr, 0, 2)) {
      if (auto sentences = host.mended(); !sentences.empty()) return sentences;
    }
    return {};
  }
};

void lxc_kill(const Ground& ground, const GearSpec& gear) {
  REQUIRE(run({"lxc-stop", "-k", "-P", ground.options.lxc_path, "-n", ground.place(gear).name}).exit_code == 0);
}

}  // namespace

TEST_CASE("a gear that claims another one's address and MAC gets none of its requests") {
  if (cannot_run()) return;
  Scene scene;
  scene.put(scene.hostile, "var/www/index.html", kStolen);
  std::string script = "#!/bin/sh\n";
  for (const auto& lines : {scene.attacks(), scene.retreat()}) {
    for (const auto& line : lines) script += line + "\n";
  }
  scene.put(scene.hostile, "bin/at_boot", script);
  scene.put(scene.hostile, "etc/inittab", "::sysinit:/bin/mount -a\n::sysinit:/bin/at_boot\n::respawn:/bin/httpd -f -p 8080 -h /var/www\n");

  // From its first frame on: init runs the attacks before anything else.
  REQUIRE(scene.host.begin(JobKind::bring_up, scene.hostile, core::Millis(30'000)));
  std::vector<JobResult> ended;
  int lost = 0;
  while (ended.empty()) {
    lost += scene.lost();
    ended = scene.host.finished();
  }
  detail_of(ended.front());
  CHECK(lost == 0);
  CHECK(fetch(scene.hostile) == kStolen);  // it is well otherwise

  for (const auto& line : scene.attacks()) {
    scene.inside(line);
    INFO("after " << line);
    CHECK(scene.lost() == 0);
  }
  for (const auto& line : scene.retreat()) scene.inside(line);
  CHECK(fetch(scene.hostile) == kStolen);

  SECTION("which it would, were they not tied; and they are tied again by the next look") {
    for (const auto& gear : {scene.victim, scene.hostile}) {
      REQUIRE(run({"bridge", "link", "set", "dev", gears::veth_of(gear.id), "learning", "on", "locked", "off", "flood", "on"}).exit_code ==
              0);
      REQUIRE(run({"bridge", "fdb", "del", gears::mac_of(gear.address), "dev", gears::veth_of(gear.id), "master"}).exit_code == 0);
      REQUIRE(run({"ip", "neighbour", "del", format_ipv4(gear.address), "dev", scene.ground.options.bridge}).exit_code == 0);
    }
    CHECK(fetch(scene.victim) == kPage);  // the host knows it by asking for it
    const auto attacks = scene.attacks();
    for (const auto& line : {attacks[0], attacks[1]}) scene.inside(line);
    CHECK(scene.lost() == kRequests);
    const auto mended = scene.mend();
    CHECK(mended.size() == 2);
    CHECK(scene.lost() == 0);
    CHECK(scene.missing(scene.victim).empty());
    CHECK(scene.missing(scene.hostile).empty());
  }
  for (const auto& gear : {scene.victim, scene.hostile}) tear_down_fully(scene.ground, scene.host, gear);
}

TEST_CASE("each part of what ties a gear is missed and mended, and what is left of others is removed") {
  if (cannot_run()) return;
  Scene scene;
  const auto device = gears::veth_of(scene.victim.id), bridge = scene.ground.options.bridge;
  const auto address = format_ipv4(scene.victim.address), mac = gears::mac_of(scene.victim.address);
  REQUIRE(scene.missing(scene.victim).empty());
  const std::vector<std::pair<std::vector<std::string>, std::string>> parts = {
      {{"bridge", "link", "set", "dev", device, "learning", "on"}, "its port learns MACs"},
      {{"bridge", "link", "set", "dev", device, "flood", "on"}, "its port gets frames for unknown MACs"},
      {{"bridge", "link", "set", "dev", device, "locked", "off"}, "its port is not locked"},
      {{"bridge", "link", "set", "dev", device, "isolated", "off"}, "its port is not isolated"},
      {{"bridge", "fdb", "del", mac, "dev", device, "master"}, "the bridge does not hold its MAC to its port"},
      {{"bridge", "fdb", "replace", mac, "dev", device, "master", "static"}, "the bridge does not hold its MAC to its port"},
      {{"ip", "neighbour", "del", address, "dev", bridge}, "the host does not hold its address to its MAC"},
      {{"ip", "neighbour", "replace", address, "lladdr", "00:16:3e:00:00:01", "dev", bridge, "nud", "permanent"},
       "the host does not hold its address to its MAC"},
      {{"ip", "neighbour", "replace", address, "lladdr", mac, "dev", bridge, "nud", "reachable"},
       "the host does not hold its address to its MAC"}};
  for (const auto& [command, what] : parts) {
    REQUIRE(run(command).exit_code == 0);
    CHECK(scene.missing(scene.victim) == what);
    CHECK(scene.mend() ==
          std::vector<std::string>{"Gear " + scene.victim.id + " was not tied to its address and MAC (" + what + "): it is again"});
    CHECK(scene.missing(scene.victim).empty());
    CHECK(fetch(scene.victim) == kPage);
  }

  // Of a gear that is gone: no entry of the registry has the address. Not ours: another MAC, or an address outside the pool.
  const auto gone = scene.ground.gear(50);
  const auto foreign = format_ipv4(scene.ground.options.pool.last + 1);
  for (const auto& [other, its_mac] : {std::pair(format_ipv4(gone.address), gears::mac_of(gone.address)),
                                       std::pair(format_ipv4(gone.address + 1), std::string("00:16:3e:00:00:01")),
                                       std::pair(foreign, gears::mac_of(scene.ground.options.pool.last + 1))}) {
    REQUIRE(run({"ip", "neighbour", "replace", other, "lladdr", its_mac, "dev", bridge, "nud", "permanent"}).exit_code == 0);
  }
  const auto sentence =
      "The neighbour entry of " + format_ipv4(gone.address) + " on bridge " + bridge + " was left of a gear that is gone: removed";
  CHECK(scene.mend() == std::vector<std::string>{sentence});
  CHECK(run({"ip", "neighbour", "show", "dev", bridge}).text.find(format_ipv4(gone.address) + " ") == std::string::npos);
  CHECK(run({"ip", "neighbour", "show", "dev", bridge}).text.find(foreign + " ") != std::string::npos);
}

TEST_CASE("gears that come and go leave the others tied") {
  if (cannot_run()) return;
  Scene scene;
  for (const auto kind : {JobKind::bring_up, JobKind::tear_down}) {
    for (int number = 3; number <= 8; ++number) {
      detail_of(run_job(scene.host, kind, scene.ground.gear(number)));
      CHECK(scene.missing(scene.victim).empty());
    }
  }
}

TEST_CASE("a gear is tied through each of its lives, and what ties it goes with it") {
  if (cannot_run()) return;
  Scene scene;
  const auto& gear = scene.victim;
  SECTION("killed, and brought up again") {
    lxc_kill(scene.ground, gear);
    detail_of(run_job(scene.host, JobKind::bring_up, gear));
  }
  SECTION("its init killed, and brought up again") {
    REQUIRE(::kill(init_of(scene.ground, gear), SIGKILL) == 0);
    detail_of(run_job(scene.host, JobKind::bring_up, gear));
  }
  SECTION("frozen and thawed") {
    detail_of(run_job(scene.host, JobKind::stand_by, gear));
    CHECK(scene.missing(gear).empty());
    REQUIRE(scene.host.wake(gear.id));
  }
  SECTION("stopped to stand by, and started") {
    auto options = scene.ground.options;
    options.standby_state = core::StandbyPolicy::State::stopped;
    LxcGearHost stopping(options);
    detail_of(run_job(stopping, JobKind::stand_by, gear));
    CHECK(scene.missing(gear) == "no port");
    detail_of(run_job(stopping, JobKind::bring_up, gear));
  }
  SECTION("restarted by itself") {
    const auto before = init_of(scene.ground, gear);
    const auto said = run_inside(scene.ground, gear, "/bin/busybox reboot -f");
    INFO("reboot says " << said.text);
    for (const system::Deadline deadline(core::Millis(10'000)); !deadline.is_over(); ::poll(nullptr, 0, 10)) {
      const auto now = init_of(scene.ground, gear);
      if (now != 0 && now != before) break;
    }
    CHECK(init_of(scene.ground, gear) != before);
    // liblxc made it a new cable, which is not on the bridge: that is a gear that died, and is brought up where it stands.
    CHECK(scene.missing(gear) == "no port");
    detail_of(run_job(scene.host, JobKind::bring_up, gear));
  }
  SECTION("its monitor killed, then itself, and brought up again") {
    const auto init = init_of(scene.ground, gear);
    const auto stat = read("/proc/" + std::to_string(init) + "/stat");
    const auto monitor = parse_integer(split(std::string_view(stat).substr(stat.rfind(')') + 2), ' ')[1]);
    REQUIRE((monitor && *monitor > 1));
    REQUIRE(::kill(static_cast<int>(*monitor), SIGKILL) == 0);
    ::kill(init, SIGKILL);
    detail_of(run_job(scene.host, JobKind::bring_up, gear));
  }
  CHECK(fetch(gear) == kPage);
  CHECK(scene.missing(gear).empty());
  tear_down_fully(scene.ground, scene.host, gear);
}

}  // namespace gearscale::test
