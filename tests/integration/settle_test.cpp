// SPDX-License-Identifier: Apache-2.0
// A standby is frozen when its boot has ended: with busybox, with a systemd of this machine's own files, and with gears that lie. They wait
// most of their time, so they are hidden from a plain run of this program and run beside it.
#include <unistd.h>

#include <chrono>
#include <filesystem>

#include "gears_ground.hpp"
#include "gearscale/base/text.hpp"
#include "gearscale/gears/ask_inside.hpp"
#include "gearscale/system/deadline.hpp"
#include "support/catch.hpp"

namespace gearscale::test {

using core::ContainerState;
using gears::LxcGearHost;

namespace {

namespace files = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr core::Millis kPatience{60'000};
constexpr int kBootSeconds = 20;          // of the busybox gear, after its first answer
constexpr int kUnitSeconds = 3;           // of the systemd gear
constexpr core::Millis kStartTimeout{5'000};  // of its unit; kUnitSeconds and a freeze together are longer

// Works now and then for so many seconds, a tenth of a processor's time, then leaves a page.
std::string boot_script(int seconds) {
  return "read up rest < /proc/uptime\nend=$((${up%.*} + " + std::to_string(seconds) +
         "))\n"
         "while read up rest < /proc/uptime; [ ${up%.*} -lt $end ]; do i=0; while [ $i -lt 3000 ]; do i=$((i + 1)); done; sleep 0.05; done\n"
         "echo done > /var/www/booted\n";
}

void furnish_slow(const std::string& root, int seconds) {
  make_busybox_rootfs(root);
  write(root + "/etc/inittab", "::sysinit:/bin/mount -a\n::respawn:/bin/httpd -f -p 8080 -h /var/www\n::once:/bin/sh /etc/boot\n");
  write(root + "/etc/boot", boot_script(seconds));
}

// systemd of this machine, read-only; only units of its own are started.
void furnish_systemd(const std::string& root) {
  for (const auto* directory : {"dev", "etc/systemd/system", "proc", "root", "run", "sys", "tmp", "usr", "var/www", "var/log"}) {
    files::create_directories(root + "/" + directory);
  }
  for (const auto* directory : {"bin", "sbin", "lib", "lib64"}) files::create_directory_symlink(std::string("usr/") + directory, root + "/" + directory);
  write(root + "/var/www/index.html", "hello from systemd\n");
  write(root + "/etc/passwd", "root:x:0:0:root:/root:/bin/sh\n");
  write(root + "/etc/group", "root:x:0:\n");
  write(root + "/etc/machine-id", "");
  const auto units = root + "/etc/systemd/system/";
  write(units + "default.target", "[Unit]\nDefaultDependencies=no\nWants=page.service jobs.service\n");
  write(units + "page.service", "[Unit]\nDefaultDependencies=no\n[Service]\nExecStart=/bin/busybox httpd -f -p 8080 -h /var/www\n");
  write(units + "jobs.service", "[Unit]\nDefaultDependencies=no\n[Service]\nType=oneshot\nRemainAfterExit=yes\nTimeoutStartSec=" +
                                    std::to_string(kStartTimeout.count() / 1'000) + "\nExecStart=/bin/sh -c 'sleep " +
                                    std::to_string(kUnitSeconds) + "; echo done > /var/www/booted'\n");
}

const TemplateOptions kSystemd{.name = "systemd",
                               .config = "lxc.init.cmd = /usr/lib/systemd/systemd\nlxc.mount.entry = /usr usr none bind,ro 0 0\n",
                               .furnish = furnish_systemd};

// As the host sees it: a frozen gear cannot be asked.
bool has_booted(const Ground& ground, const GearSpec& gear) { return files::exists(ground.place(gear).directory() + "/overlay/delta/var/www/booted"); }

GearSpec gear_of(const Ground& ground, int number, const char* template_name) {
  auto gear = ground.gear(number);
  gear.template_name = template_name;
  return gear;
}

// Answers, and runs: its boot goes on.
void prepare(LxcGearHost& host, const GearSpec& gear) {
  const auto result = run_job(host, JobKind::stand_by, gear);
  CHECK(without_numbers(detail_of(result)) == "standby in # ms (clone #, start #, probe #)");
  CHECK(result.container == ContainerState::running);
  CHECK(fetch(gear).starts_with("hello"));
}

JobResult result_of(std::vector<JobResult>& results, const GearSpec& gear) {
  const auto found = std::find_if(results.begin(), results.end(), [&](const JobResult& result) { return result.id == gear.id; });
  REQUIRE(found != results.end());
  return *found;
}

void check_frozen(const JobResult& result) {
  CHECK(without_numbers(detail_of(result)) == "frozen in # ms (boot #, probe #, freeze #)");
  CHECK(result.container == ContainerState::frozen);
}

}  // namespace

TEST_CASE("a standby is frozen when its boot has ended, by busybox and by systemd, and serves at once if it is woken before", "[.settle]") {
  if (cannot_run()) return;
  INFO("scripts/install-deps test");
  REQUIRE(files::exists("/usr/lib/systemd/systemd"));
  Ground ground;
  ground.options.standby_settle = core::Millis(1'000);
  ground.add_template({.name = "slow", .config = "", .furnish = [](const std::string& root) { furnish_slow(root, kBootSeconds); }});
  ground.add_template(kSystemd);
  LxcGearHost host(ground.options);
  const auto busybox = gear_of(ground, 1, "slow"), woken = gear_of(ground, 2, "slow"), quick = ground.gear(3);
  const auto systemd = gear_of(ground, 4, "systemd"), unfinished = gear_of(ground, 5, "systemd");
  for (const auto& gear : {busybox, systemd}) {
    prepare(host, gear);
    REQUIRE(host.begin(JobKind::settle, gear, kPatience));
  }
  CHECK_FALSE(has_booted(ground, systemd));

  // Needed before: the job that would freeze it ends, and what it may have done is undone.
  prepare(host, woken);
  REQUIRE(host.begin(JobKind::settle, woken, kPatience));
  REQUIRE(host.wake(woken.id));
  CHECK(fetch(woken) == "hello from the template\n");

  // Not ended in time: no failure.
  prepare(host, unfinished);
  const auto late = host.begin(JobKind::settle, unfinished, core::Millis(1'000));
  REQUIRE(late);
  auto results = await(host, 1);
  CHECK(detail_of(result_of(results, unfinished)) == "its boot has not ended yet, systemd still has jobs to do");
  CHECK(results.front().container == ContainerState::running);
  REQUIRE(host.wake(unfinished.id));
  CHECK(fetch(unfinished) == "hello from systemd\n");

  results = await(host, 1);
  check_frozen(result_of(results, systemd));
  CHECK(has_booted(ground, systemd));
  CHECK(lxc_state(ground, systemd) == "FROZEN");
  const auto frozen_at = Clock::now();

  prepare(host, quick);
  check_frozen(run_job(host, JobKind::settle, quick));  // quiet from the start
  REQUIRE(host.wake(quick.id));

  CHECK_FALSE(has_booted(ground, busybox));
  results = await(host, 1);
  check_frozen(result_of(results, busybox));
  CHECK(has_booted(ground, busybox));
  REQUIRE(host.wake(busybox.id));
  CHECK(fetch(busybox) == "hello from the template\n");

  // Thawed after its unit's start timeout: nothing is terminated.
  while (Clock::now() - frozen_at <= kStartTimeout) ::usleep(100'000);
  REQUIRE(host.wake(systemd.id));
  CHECK(fetch(systemd) == "hello from systemd\n");
  CHECK(trim(run_inside(ground, systemd, "systemctl show -p Result,ActiveState --value jobs.service | tr '\\n' ' '").text) == "success active");
  CHECK(trim(run_inside(ground, systemd, "systemctl is-system-running").text) == "running");
  CHECK(lxc_state(ground, woken) == "RUNNING");
  CHECK(host.finished().empty());
  CHECK(host.died().empty());
  for (const auto& gear : {busybox, woken, quick, systemd, unfinished}) tear_down_fully(ground, host, gear);
}

TEST_CASE("a standby that dies while it boots, or does not answer after it, is no standby", "[.settle]") {
  if (cannot_run()) return;
  Ground ground;
  ground.options.standby_settle = core::Millis(300);
  ground.add_template({.name = "slow", .config = "", .furnish = [](const std::string& root) { furnish_slow(root, 600); }});
  LxcGearHost host(ground.options);
  const auto dying = gear_of(ground, 1, "slow"), mute = ground.gear(2);
  const auto name = ground.place(dying).name;
  prepare(host, dying);
  REQUIRE(host.begin(JobKind::settle, dying, kPatience));
  REQUIRE(run({"lxc-stop", "-k", "-P", ground.options.lxc_path, "-n", name}).exit_code == 0);
  auto results = await(host, 1);
  // It may be dead before the job has looked at it for the first time.
  const auto said = error_of(results.front()).message;
  CHECK((said == "container " + name + " died before its boot had ended: its init process ended" ||
         said == "container " + name + " does not run: it is no standby"));
  CHECK(error_of(run_job(host, JobKind::settle, dying)).message == "container " + name + " does not run: it is no standby");
  CHECK(host.died() == std::vector<std::string>{dying.id});

  prepare(host, mute);
  REQUIRE(run_inside(ground, mute, "rm /var/www/index.html").exit_code == 0);
  CHECK(error_of(run_job(host, JobKind::settle, mute)).message.find("runs, but did not become ready") != std::string::npos);
  for (const auto& gear : {dying, mute}) tear_down_fully(ground, host, gear);
}

TEST_CASE("what a program of a gear does when it is asked, its answer is short and comes soon", "[.settle]") {
  if (cannot_run()) return;
  const Ground ground;
  LxcGearHost host(ground.options);
  const auto gear = ground.gear(1);
  detail_of(run_job(host, JobKind::bring_up, gear));
  const auto place = ground.place(gear);
  constexpr core::Millis kShort{400};
  const auto shell = [&](const std::string& line, core::Millis patience = core::Millis(10'000)) {
    const auto before = Clock::now();
    auto answer = gears::ask_inside(place, {"sh", "-c", line}, patience);
    CHECK(Clock::now() - before < patience + core::Millis(5'000));
    return answer;
  };
  ::setenv("GEARSCALE_SECRET", "of ours", 1);
  CHECK(shell("echo running") == "running\n");
  CHECK(shell("echo starting; exit 3") == "starting\n");
  CHECK(shell("echo $GEARSCALE_SECRET$OPENSHIFT_HOMEDIR$PATH $LC_ALL") == "/usr/sbin:/usr/bin:/sbin:/bin C\n");
  CHECK(shell("cd /proc/self/fd; echo *") == "0 1 2 3\n");  // the last one is the shell's own, of the directory
  CHECK(shell("read x; echo $?$x") == "1\n");
  CHECK(shell("echo $(cat /proc/self/cgroup /proc/1/cgroup | grep -c -v lxc.payload)").size() > 1);
  CHECK(gears::ask_inside(place, {"systemctl", "is-system-running"}, kShort).empty());
  CHECK(shell("echo running; sleep 600 & exit 0") == "running\n");  // what it left behind has our pipe still
  CHECK(shell("echo running; exec sleep 601", kShort).empty());
  CHECK(shell("while :; do echo running; done", kShort).empty());
  CHECK(shell("echo running; exec >&- 2>&-; exec sleep 601", kShort).empty());
  CHECK(shell("trap '' TERM HUP INT; (while :; do sleep 602; done) & while :; do sleep 602; done", kShort).empty());
  CHECK(shell("i=0; while [ $i -lt 100 ]; do i=$((i + 1)); echo 123456789; done").size() <= 64);
  CHECK(run_inside(ground, gear, "ps").text.find("sleep 601") == std::string::npos);
  REQUIRE(run({"lxc-freeze", "-P", place.lxc_path, "-n", place.name}).exit_code == 0);
  CHECK(shell("echo running", kShort).empty());
  CHECK(children().empty());
  tear_down_fully(ground, host, gear);
}

TEST_CASE("a gear that calls itself systemd and lies is frozen by its lie, or when it is quiet, or not at all", "[.settle]") {
  if (cannot_run()) return;
  Ground ground;
  ground.options.standby_settle = core::Millis(300);
  // A script's name is its process's.
  const auto liar = [](const std::string& answer) {
    return [answer](const std::string& root) {
      make_busybox_rootfs(root);
      write(root + "/sbin/systemd", "#!/bin/sh\nhttpd -p 8080 -h /var/www\nwhile :; do sleep 1; done\n");
      write(root + "/bin/systemctl", "#!/bin/sh\n" + answer + "\n");
      for (const auto* program : {"/sbin/systemd", "/bin/systemctl"}) files::permissions(root + program, files::perms(0755));
    };
  };
  const std::string init = "lxc.init.cmd = /sbin/systemd\n";
  ground.add_template({.name = "yes", .config = init, .furnish = liar("echo running")});
  ground.add_template({.name = "hangs", .config = init, .furnish = liar("exec sleep 600")});
  ground.add_template({.name = "never", .config = init, .furnish = liar("echo starting")});
  LxcGearHost host(ground.options);
  const auto yes = gear_of(ground, 1, "yes"), hangs = gear_of(ground, 2, "hangs"), never = gear_of(ground, 3, "never");
  for (const auto& gear : {yes, hangs, never}) prepare(host, gear);
  for (const auto& gear : {yes, hangs}) REQUIRE(host.begin(JobKind::settle, gear, kPatience));
  REQUIRE(host.begin(JobKind::settle, never, core::Millis(2'000)));
  auto results = await(host, 3);
  check_frozen(result_of(results, yes));
  check_frozen(result_of(results, hangs));
  CHECK(detail_of(result_of(results, never)) == "its boot has not ended yet, systemd still has jobs to do");
  for (const auto& gear : {yes, hangs, never}) tear_down_fully(ground, host, gear);
}

}  // namespace gearscale::test
