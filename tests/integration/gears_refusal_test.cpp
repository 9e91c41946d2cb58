// SPDX-License-Identifier: Apache-2.0
// Gears by liblxc for real: what is refused, with its reason and without a trace, and that nothing foreign is touched.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <filesystem>

#include "gears_ground.hpp"
#include "gearscale/base/text.hpp"
#include "gearscale/gears/cgroups.hpp"
#include "gearscale/gears/monitor_socket.hpp"
#include "support/catch.hpp"

namespace gearscale::test {

using gears::LxcGearHost;

namespace {

// check_room and bring_up refuse alike, and nothing comes to be.
void check_refused(const Ground& ground, const std::string& beginning) {
  INFO(beginning);
  LxcGearHost host(ground.options);
  const auto room = host.check_room(1, "");
  REQUIRE_FALSE(room);
  CHECK(room.error().code == Errc::config);
  CHECK(room.error().message.substr(0, beginning.size()) == beginning);
  const auto gear = ground.gear(1);
  const auto error = error_of(run_job(host, JobKind::bring_up, gear));
  CHECK(error.code == Errc::config);
  CHECK(error.message == room.error().message);
  CHECK(ground.traces(gear) == std::vector<std::string>());
}

}  // namespace

TEST_CASE("a template that cannot be cloned is refused") {
  if (cannot_run()) return;
  Ground ground;

  SECTION("unknown") {
    ground.options.template_name = "nowhere";
    check_refused(ground, "there is no template nowhere under " + ground.options.lxc_path);
  }
  SECTION("running, until it is stopped") {
    REQUIRE(run({"lxc-start", "-P", ground.options.lxc_path, "-n", "tmpl"}).exit_code == 0);
    check_refused(ground, "template tmpl is RUNNING, but only a stopped container can be cloned. Run: lxc-stop -n tmpl");
    REQUIRE(run({"lxc-stop", "-k", "-P", ground.options.lxc_path, "-n", "tmpl"}).exit_code == 0);
    LxcGearHost host(ground.options);
    CHECK(host.check_room(1, ""));
  }
  SECTION("made for another range of ids") {
    ground.options.idmap = gears::IdMap{2'000'000, 65'536};
    check_refused(ground, "template tmpl has lxc.idmap 'g 0 1000000 65536, u 0 1000000 65536', but idmap is 2000000:65536");
  }
  SECTION("idmapped, for privileged gears") {
    ground.options.idmap = std::nullopt;
    check_refused(ground, "template tmpl has lxc.idmap 'g 0 1000000 65536, u 0 1000000 65536', but idmap is none");
  }
  SECTION("with a broken config") {
    write(ground.options.lxc_path + "/tmpl/config", "lxc.nonsense = 1\n");
    check_refused(ground, "template tmpl: liblxc cannot open container tmpl");
  }
  SECTION("that others than root may change, or reach") {
    const auto directory = ground.options.lxc_path + "/tmpl";
    REQUIRE(::chown((directory + "/config").c_str(), ground.options.idmap->base, 0) == 0);
    check_refused(ground, "template tmpl: " + directory + "/config belongs to user 1000000, who could tell root what to do");
    REQUIRE(::chown((directory + "/config").c_str(), 0, 0) == 0);
    REQUIRE(::chmod(directory.c_str(), 0711) == 0);
    check_refused(ground, "template tmpl: " + directory + " is to be passed by root and the gears' root alone");
    REQUIRE(::chmod(directory.c_str(), 0700) == 0);
    check_refused(ground, "template tmpl: " + directory + " is to be passed by root and the gears' root alone");
  }
  SECTION("with a map of ids from an included file") {
    const auto config = ground.options.lxc_path + "/tmpl/config";
    write(ground.options.lxc_path + "/map.conf", "lxc.idmap = u 0 1000000 65536\nlxc.idmap = g 0 1000000 65536\n");
    auto text = read(config);
    for (auto at = text.find("lxc.idmap"); at != std::string::npos; at = text.find("lxc.idmap"))
      text.erase(at, text.find('\n', at) + 1 - at);
    write(config, "lxc.include = " + ground.options.lxc_path + "/map.conf\n" + text);
    check_refused(ground, "template tmpl gets lxc.idmap from a file that it includes: write the two lines into " + config + " itself");
  }
  SECTION("in a directory that a mapped root cannot pass") {
    REQUIRE(::chmod(ground.options.lxc_path.c_str(), 0700) == 0);
    check_refused(ground, "unprivileged gears cannot pass the directory " + ground.options.lxc_path + ". Run: chmod o+x");
  }
}

TEST_CASE("a template whose network comes from an included file is refused") {
  if (cannot_run()) return;
  const Ground ground;
  const auto included = ground.options.lxc_path + "/net.conf";
  write(included, "lxc.net.1.type = veth\nlxc.net.1.ipv4.address = 10.98.0.98/24\n");
  const auto config = ground.options.lxc_path + "/tmpl/config";
  write(config, "lxc.include = " + included + "\n" + read(config));
  LxcGearHost host(ground.options);
  const auto gear = ground.gear(1);
  const auto error = error_of(run_job(host, JobKind::bring_up, gear));
  CHECK(error.code == Errc::config);
  CHECK(error.message.find("template tmpl gets network settings (lxc.net) from a file that it includes") == 0);
  tear_down_fully(ground, host, gear);
}

TEST_CASE("room is refused without a bridge and without memory") {
  if (cannot_run()) return;
  Ground ground;

  SECTION("no bridge") {
    ground.options.bridge = "gst-none";
    const auto room = LxcGearHost(ground.options).check_room(1, "");
    REQUIRE_FALSE(room);
    CHECK(room.error().code == Errc::config);
    CHECK(room.error().message.find("there is no network bridge gst-none. Make one") == 0);
  }
  SECTION("a name that is no bridge's") {
    ground.options.bridge = "../lo";
    const auto room = LxcGearHost(ground.options).check_room(1, "");
    REQUIRE_FALSE(room);
    CHECK(room.error().code == Errc::config);
  }
  SECTION("a device that is no bridge") {
    ground.options.bridge = "lo";
    CHECK_FALSE(LxcGearHost(ground.options).check_room(1, ""));
  }
  SECTION("more than there is has to stay free") {
    ground.options.memory_reserve = std::int64_t{1} << 50;
    const auto room = LxcGearHost(ground.options).check_room(1, "");
    REQUIRE_FALSE(room);
    CHECK(room.error().code == Errc::limit);
    CHECK(without_numbers(room.error().message) ==
          "not enough memory for # gear: #.# MiB are available, #.# MiB may be used by new gears, #.# MiB have to stay free "
          "(memory_reserve)");
  }
  SECTION("few gears fit, many do not") {
    ground.options.gear_memory = std::int64_t{1} << 20;
    if (!gears::check_limits(ground.options, gears::cgroup_layout())) return;  // refused for another reason, which has its own test
    LxcGearHost host(ground.options);
    CHECK(host.check_room(1, ""));
    const auto room = host.check_room(1 << 30, "");
    REQUIRE_FALSE(room);
    CHECK(room.error().code == Errc::limit);
  }
}

TEST_CASE("a foreign container that bears a gear's name is left alone") {
  if (cannot_run()) return;
  const Ground ground;
  LxcGearHost host(ground.options);
  const auto gear = ground.gear(1);
  const auto place = ground.place(gear);
  REQUIRE(run({"lxc-copy", "-P", ground.options.lxc_path, "-n", "tmpl", "-N", place.name, "-s", "-B", "overlay"}).exit_code == 0);
  const auto untouched = [&, config = read(place.config())] {
    CHECK(read(place.config()) == config);
    CHECK(std::filesystem::exists(place.directory() + "/overlay/delta"));
    CHECK(host.list()->empty());
    CHECK(*host.inspect(gear.id) == core::ContainerState::absent);
  };

  const auto error = error_of(run_job(host, JobKind::bring_up, gear));
  CHECK(error.code == Errc::config);
  CHECK(error.message.find("a container named " + place.name + " is there already and is not ours") == 0);
  untouched();
  CHECK(detail_of(run_job(host, JobKind::tear_down, gear)).find("container " + place.name + " is not ours") == 0);
  untouched();

  // Not even a note of ours, left by a crash, makes it ours.
  write(place.note(), place.mark + "\n");
  CHECK(error_of(run_job(host, JobKind::bring_up, gear)).code == Errc::config);
  untouched();
  detail_of(run_job(host, JobKind::tear_down, gear));
  untouched();

  // Nor when it runs, and nor when it is another application's of ours, be it one of the same name.
  std::filesystem::remove(place.note());
  write(place.config(), read(place.config()) + "lxc.group = " + place.former_mark + "@5f01\n");
  REQUIRE(run({"lxc-start", "-P", ground.options.lxc_path, "-n", place.name}).exit_code == 0);
  CHECK(error_of(run_job(host, JobKind::bring_up, gear)).code == Errc::config);
  detail_of(run_job(host, JobKind::tear_down, gear));
  CHECK(trim(run({"lxc-info", "-P", ground.options.lxc_path, "-n", place.name, "-s", "-H"}).text) == "RUNNING");
}

TEST_CASE("a gear whose config somebody else may have written is not touched, and is there again when it is root's") {
  if (cannot_run()) return;
  const Ground ground;
  LxcGearHost host(ground.options);
  const auto gear = ground.gear(1);
  const auto other = ground.gear(2);
  detail_of(run_job(host, JobKind::bring_up, gear));
  detail_of(run_job(host, JobKind::bring_up, other));
  const auto place = ground.place(gear);
  const auto mark = ground.options.lxc_path + "/was-run";
  write(place.config(), read(place.config()) + "lxc.hook.destroy = /bin/touch " + mark + "\n");
  REQUIRE(::chown(place.directory().c_str(), ground.options.idmap->base, ground.options.idmap->base) == 0);
  const auto why = place.directory() + " belongs to user 1000000, who could tell root what to do: it is not touched.";
  for (const auto kind : {JobKind::bring_up, JobKind::stand_by, JobKind::tear_down}) {
    const auto error = error_of(run_job(host, kind, gear));
    CHECK(error.code == Errc::config);
    CHECK(error.message.find(why) == 0);
  }
  CHECK(*host.inspect(gear.id) == core::ContainerState::unknown);
  const auto list = host.list();
  REQUIRE(list);
  REQUIRE(list->size() == 2);
  CHECK((*list)[0].state == core::ContainerState::unknown);
  CHECK((*list)[0].trouble.find(why) == 0);
  CHECK((*list)[1].state == core::ContainerState::running);
  CHECK(fetch(gear) == "hello from the template\n");
  CHECK_FALSE(std::filesystem::exists(mark));
  REQUIRE(::chown(place.directory().c_str(), 0, ground.options.idmap->base) == 0);
  tear_down_fully(ground, host, gear);
  CHECK(std::filesystem::exists(mark));  // root's own config is obeyed
  tear_down_fully(ground, host, other);
}

TEST_CASE("a container that somebody else answers for is not touched, and he is named") {
  if (cannot_run()) return;
  Ground ground;
  ground.options.standby_state = core::StandbyPolicy::State::stopped;
  ground.options.stop_timeout = core::Millis(1'000);
  LxcGearHost host(ground.options);
  const auto gear = ground.gear(1);
  detail_of(run_job(host, JobKind::stand_by, gear));
  const auto place = ground.place(gear);
  const auto name = gears::monitor_socket_name(place.lxc_path, place.name);
  int ready[2];
  REQUIRE(::pipe2(ready, O_CLOEXEC) == 0);
  const auto pretender = ::fork();
  if (pretender == 0) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::copy(name.begin(), name.end(), address.sun_path + 1);
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
    const int socket = ::socket(AF_UNIX, SOCK_STREAM, 0);
    const bool listens =
        ::setuid(65'534) == 0 && ::bind(socket, reinterpret_cast<const sockaddr*>(&address), size) == 0 && ::listen(socket, 9) == 0;
    if (listens && ::write(ready[1], "x", 1) == 1) ::poll(nullptr, 0, 60'000);
    ::_exit(0);
  }
  char byte = 0;
  REQUIRE(::read(ready[0], &byte, 1) == 1);
  const auto why = "process " + std::to_string(pretender) + " of user 65534 pretends to be container " + place.name;
  for (const auto kind : {JobKind::bring_up, JobKind::stand_by, JobKind::tear_down}) {
    CHECK(error_of(run_job(host, kind, gear)).message.find(why) != std::string::npos);
  }
  const auto list = host.list();
  REQUIRE(list);
  REQUIRE(list->size() == 1);
  CHECK(list->front().trouble.find(why) == 0);
  ::kill(pretender, SIGKILL);
  ::waitpid(pretender, nullptr, 0);
  ::close(ready[0]);
  ::close(ready[1]);
  tear_down_fully(ground, host, gear);
}

TEST_CASE("a gear with another address than asked for is not handed out") {
  if (cannot_run()) return;
  const Ground ground;
  LxcGearHost host(ground.options);
  const auto gear = ground.gear(1);
  detail_of(run_job(host, JobKind::bring_up, gear));
  auto other = gear;
  other.address += 1;
  const auto error = error_of(run_job(host, JobKind::bring_up, other));
  CHECK(error.code == Errc::failed);
  CHECK(error.message ==
        "container " + ground.place(gear).name + " has the address " + format_ipv4(gear.address) + ", not " + format_ipv4(other.address));
  tear_down_fully(ground, host, gear);
}

TEST_CASE("something that is not a gear's id gets nowhere") {
  if (cannot_run()) return;
  const Ground ground;
  LxcGearHost host(ground.options);
  CHECK_FALSE(host.begin(JobKind::tear_down, {.id = "../tmpl", .address = 0}, core::Millis(1'000)));
  CHECK_FALSE(host.begin(JobKind::bring_up, {.id = "", .address = 0}, core::Millis(1'000)));
  CHECK(host.finished().empty());
}

}  // namespace gearscale::test
