// SPDX-License-Identifier: Apache-2.0
// Gears by liblxc for real: jobs that are killed at any moment, hang, or lose their container; the next job mends it.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <random>

#include "gears_ground.hpp"
#include "gearscale/base/text.hpp"
#include "gearscale/system/deadline.hpp"
#include "support/catch.hpp"

namespace gearscale::test {

using gears::LxcGearHost;

namespace {

constexpr int kKills = 20;

// Starts a job and kills its process alone, without what it has started, `after` that time; as the kernel does when memory is short.
void kill_job(LxcGearHost& host, JobKind kind, const GearSpec& gear, std::chrono::microseconds after) {
  REQUIRE(host.begin(kind, gear, core::Millis(30'000)));
  const auto pids = children();
  ::usleep(static_cast<unsigned>(after.count()));
  for (const int pid : pids) ::kill(pid, SIGKILL);
  const auto result = await(host, 1).front();
  if (!result.detail) {
    INFO(result.detail.error().message);
    CHECK(result.detail.error().message == "the helper process was ended by signal 9");
  }
}

std::string monitor_pid(const Ground& ground, const GearSpec& gear) {
  // The monitor is the parent of the container's init.
  const auto info = run({"lxc-info", "-P", ground.options.lxc_path, "-n", ground.place(gear).name, "-p", "-H"});
  const auto stat = read("/proc/" + std::string(trim(info.text)) + "/stat");
  REQUIRE(stat.rfind(')') != std::string::npos);
  return std::string(split(std::string_view(stat).substr(stat.rfind(')') + 1), ' ')[2]);
}

}  // namespace

TEST_CASE("a bring_up killed at any moment is mended by the next one") {
  if (cannot_run()) return;
  Ground ground;
  std::minstd_rand random(20'260'101);  // the same moments each time
  for (const auto mode : {gears::CloneMode::overlay, gears::CloneMode::copy}) {
    ground.options.clone_mode = mode;
    LxcGearHost host(ground.options);
    const int longest_us = mode == gears::CloneMode::copy ? 200'000 : 60'000;
    for (int kill = 1; kill <= kKills; ++kill) {
      const auto gear = ground.gear(kill);
      const std::chrono::microseconds after(std::uniform_int_distribution<int>(0, longest_us)(random));
      INFO("killed after " << after.count() << " us");
      kill_job(host, JobKind::bring_up, gear, after);
      const auto list = host.list();  // ours at every moment, or not there at all
      REQUIRE(list);
      CHECK(list->size() <= 1);
      CHECK((*host.inspect(gear.id) == core::ContainerState::absent) == list->empty());
      if (kill % 2 == 0) detail_of(run_job(host, JobKind::bring_up, gear));
      if (kill % 2 == 0) CHECK(fetch(gear) == "hello from the template\n");
      tear_down_fully(ground, host, gear);
    }
  }
}

TEST_CASE("a tear_down killed at any moment is mended by the next one, and so is its gear by a bring_up") {
  if (cannot_run()) return;
  const Ground ground;
  LxcGearHost host(ground.options);
  std::minstd_rand random(20'260'102);
  for (int kill = 1; kill <= kKills; ++kill) {
    const auto gear = ground.gear(kill);
    detail_of(run_job(host, JobKind::bring_up, gear));
    const std::chrono::microseconds after(std::uniform_int_distribution<int>(0, 60'000)(random));
    INFO("killed after " << after.count() << " us");
    kill_job(host, JobKind::tear_down, gear, after);
    if (kill % 2 == 0) detail_of(run_job(host, JobKind::bring_up, gear));
    if (kill % 2 == 0) CHECK(fetch(gear) == "hello from the template\n");
    tear_down_fully(ground, host, gear);
  }
}

TEST_CASE("what a crash may leave of a container is found and replaced") {
  if (cannot_run()) return;
  const Ground ground;
  LxcGearHost host(ground.options);
  const auto gear = ground.gear(1);
  const auto place = ground.place(gear);
  detail_of(run_job(host, JobKind::bring_up, gear));
  REQUIRE(run({"lxc-stop", "-k", "-P", ground.options.lxc_path, "-n", place.name}).exit_code == 0);
  write(place.note(), place.mark + "\n");

  SECTION("everything, but the note says it is not whole") {}
  SECTION("no config") { std::filesystem::remove(place.config()); }
  SECTION("an empty config") { write(place.config(), ""); }
  SECTION("half a config") { write(place.config(), read(place.config()).substr(0, 100) + "\nlxc.net.0.ty"); }
  SECTION("a directory without anything") {
    std::filesystem::remove_all(place.directory());
    std::filesystem::create_directory(place.directory());
  }
  SECTION("only the note") { std::filesystem::remove_all(place.directory()); }
  SECTION("only the directory") {
    std::filesystem::remove(place.note());
    std::filesystem::remove_all(place.directory());
    std::filesystem::create_directory(place.directory());
    CHECK(host.list()->empty());
    CHECK(detail_of(run_job(host, JobKind::bring_up, gear)).find("(clone ") != std::string::npos);
    tear_down_fully(ground, host, gear);
    return;
  }
  REQUIRE(host.list());
  CHECK(host.list()->size() == 1);
  CHECK(*host.inspect(gear.id) == core::ContainerState::stopped);
  CHECK(detail_of(run_job(host, JobKind::bring_up, gear)).find("(clone ") != std::string::npos);
  CHECK(fetch(gear) == "hello from the template\n");
  tear_down_fully(ground, host, gear);
}

TEST_CASE("a whole container with a broken config is shown, does not hide the others, and can be torn down while it runs") {
  if (cannot_run()) return;
  const Ground ground;
  LxcGearHost host(ground.options);
  const auto gear = ground.gear(1);
  detail_of(run_job(host, JobKind::bring_up, gear));
  detail_of(run_job(host, JobKind::bring_up, ground.gear(2)));
  write(ground.place(gear).config(), read(ground.place(gear).config()) + "lxc.nonsense = 1\n");
  const auto list = host.list();
  REQUIRE(list);
  REQUIRE(list->size() == 2);
  CHECK((*list)[0].state == core::ContainerState::unknown);
  CHECK((*list)[1].state == core::ContainerState::running);
  CHECK(error_of(run_job(host, JobKind::bring_up, gear)).message.find("liblxc cannot open container") == 0);
  tear_down_fully(ground, host, gear);
  tear_down_fully(ground, host, ground.gear(2));
}

TEST_CASE("a gear that does not answer fails before the deadline, with the reason") {
  if (cannot_run()) return;
  Ground ground;
  ground.options.gear_port = 8081;
  LxcGearHost host(ground.options);
  const auto gear = ground.gear(1);
  const auto error = error_of(run_job(host, JobKind::bring_up, gear, core::Millis(4'000)));
  CHECK(error.code == Errc::failed);
  const auto beginning =
      "container " + ground.place(gear).name + " runs, but did not become ready on " + format_ipv4(gear.address) + ":8081: ";
  CHECK(error.message.substr(0, beginning.size()) == beginning);
  CHECK(error.message.find("refused") != std::string::npos);
  CHECK(*host.inspect(gear.id) == core::ContainerState::running);  // left for tear_down

  ground.options.gear_port = 8080;
  ground.options.probe_path = "/missing";
  LxcGearHost other(ground.options);
  CHECK(error_of(run_job(other, JobKind::bring_up, gear, core::Millis(4'000))).message.find("404") != std::string::npos);
  ground.options.probe = gears::ProbeKind::tcp;  // which asks for no page
  LxcGearHost tcp(ground.options);
  detail_of(run_job(tcp, JobKind::bring_up, gear));
  tear_down_fully(ground, host, gear);
}

TEST_CASE("a gear that dies while it is waited for fails at once") {
  if (cannot_run()) return;
  Ground ground;
  ground.options.gear_port = 8081;
  LxcGearHost host(ground.options);
  const auto gear = ground.gear(1);
  REQUIRE(host.begin(JobKind::bring_up, gear, core::Millis(30'000)));
  const system::Deadline deadline(core::Millis(20'000));
  while (*host.inspect(gear.id) != core::ContainerState::running && !deadline.is_over()) ::poll(nullptr, 0, 5);
  REQUIRE(run({"lxc-stop", "-k", "-P", ground.options.lxc_path, "-n", ground.place(gear).name}).exit_code == 0);
  const auto error = error_of(await(host, 1).front());
  CHECK(error.message.find("container " + ground.place(gear).name + " died before it answered") == 0);
  CHECK_FALSE(deadline.is_over());
  tear_down_fully(ground, host, gear);
}

TEST_CASE("a template whose init cannot be started gives liblxc's reason") {
  if (cannot_run()) return;
  const Ground ground;
  std::filesystem::remove(ground.options.lxc_path + "/tmpl/rootfs/sbin/init");
  LxcGearHost host(ground.options);
  const auto gear = ground.gear(1);
  const auto error = error_of(run_job(host, JobKind::bring_up, gear));
  INFO(error.message);
  CHECK(error.code == Errc::failed);
  CHECK(error.message.find("cannot start container " + ground.place(gear).name + " (liblxc: ") == 0);
  CHECK(error.message.find("/sbin/init") != std::string::npos);
  CHECK(*host.inspect(gear.id) == core::ContainerState::stopped);
  tear_down_fully(ground, host, gear);
}

TEST_CASE("a job that hangs is killed at its deadline, and a cancelled one is not heard of again") {
  if (cannot_run()) return;
  const Ground ground;
  LxcGearHost host(ground.options);
  const auto gear = ground.gear(1);
  const auto stop_job = [&] {
    for (const int pid : children()) ::kill(pid, SIGSTOP);
  };
  REQUIRE(host.begin(JobKind::bring_up, gear, core::Millis(500)));
  stop_job();
  const auto before = std::chrono::steady_clock::now();
  CHECK(error_of(await(host, 1).front()).message == "the job was killed because it took longer than 500 ms");
  CHECK(std::chrono::steady_clock::now() - before < std::chrono::seconds(10));
  CHECK(children().empty());

  REQUIRE(host.begin(JobKind::bring_up, gear, core::Millis(20'000)));
  stop_job();
  host.cancel(gear.id);
  CHECK(children().empty());
  CHECK(host.finished().empty());
  pollfd ready{host.ready_fd(), POLLIN, 0};
  CHECK(::poll(&ready, 1, 0) == 0);
  detail_of(run_job(host, JobKind::bring_up, gear));  // and the next one works
  tear_down_fully(ground, host, gear);
}

TEST_CASE("two jobs of two processes on one container wait for each other") {
  if (cannot_run()) return;
  const Ground ground;
  LxcGearHost host(ground.options);
  const auto gear = ground.gear(1);
  const auto place = ground.place(gear);
  const Fd file(::open(place.note().c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  REQUIRE(::flock(file.get(), LOCK_EX) == 0);
  const auto error = error_of(run_job(host, JobKind::bring_up, gear, core::Millis(300)));
  CHECK(error.code == Errc::unavailable);
  CHECK(error.message.find("another process works on container " + place.name) == 0);
  REQUIRE(::flock(file.get(), LOCK_UN) == 0);
  detail_of(run_job(host, JobKind::bring_up, gear));
  tear_down_fully(ground, host, gear);
}

TEST_CASE("a gear whose monitor is killed can be brought up again, or torn down") {
  if (cannot_run()) return;
  const Ground ground;
  LxcGearHost host(ground.options);
  for (const bool again : {true, false}) {
    const auto gear = ground.gear(again ? 1 : 2);
    detail_of(run_job(host, JobKind::bring_up, gear));
    const auto monitor = monitor_pid(ground, gear);
    // Its name is not the controller's: who ends that one by name does not end the gears.
    CHECK(trim(read("/proc/" + monitor + "/comm")) == "gearscale-gear");
    REQUIRE(::kill(static_cast<pid_t>(*parse_integer(monitor)), SIGKILL) == 0);
    if (again) detail_of(run_job(host, JobKind::bring_up, gear));
    if (again) CHECK(fetch(gear) == "hello from the template\n");
    tear_down_fully(ground, host, gear);
  }
}

TEST_CASE("a gear outlives the one who made it, who left it nothing open") {
  if (cannot_run()) return;
  const Ground ground;
  const auto gear = ground.gear(1);
  std::string monitor;
  {
    LxcGearHost host(ground.options);
    detail_of(run_job(host, JobKind::bring_up, gear));
    monitor = monitor_pid(ground, gear);
  }
  LxcGearHost host(ground.options);
  CHECK(fetch(gear) == "hello from the template\n");
  for (const auto& entry : std::filesystem::directory_iterator("/proc/" + monitor + "/fd")) {
    const auto target = std::filesystem::read_symlink(entry.path()).string();
    INFO(target);
    CHECK(target.find("pipe:") == std::string::npos);
    CHECK(target.find("gsttest") == std::string::npos);
    CHECK(target != ground.place(gear).note());
  }
  tear_down_fully(ground, host, gear);
}

}  // namespace gearscale::test
