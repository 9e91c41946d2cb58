// SPDX-License-Identifier: Apache-2.0
// Gears by liblxc for real: what is refused, with its reason and without a trace, and that nothing foreign is touched.
#include <sys/stat.h>

#include <filesystem>

#include "gears_ground.hpp"
#include "gearscale/base/text.hpp"
#include "gearscale/gears/cgroups.hpp"
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

  // Nor when it runs, and nor when it is another application's of ours.
  std::filesystem::remove(place.note());
  write(place.config(), read(place.config()) + "lxc.group = gearscale/other\n");
  REQUIRE(run({"lxc-start", "-P", ground.options.lxc_path, "-n", place.name}).exit_code == 0);
  CHECK(error_of(run_job(host, JobKind::bring_up, gear)).code == Errc::config);
  detail_of(run_job(host, JobKind::tear_down, gear));
  CHECK(trim(run({"lxc-info", "-P", ground.options.lxc_path, "-n", place.name, "-s", "-H"}).text) == "RUNNING");
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
