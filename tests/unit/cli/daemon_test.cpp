// SPDX-License-Identifier: Apache-2.0
// Daemon control with a controller that is a few lines long: real forks, real locks, a directory of its own, no fixed times to wait.
#include "gearscale/cli/daemon.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <stdexcept>

#include "daemon_bench.hpp"

using namespace gearscale;
using namespace gearscale::cli;

TEST_CASE("start, status, second start, stop, stop again, with the LSB codes") {
  Bench bench;
  CHECK(bench.run(DaemonCommand::status) == 3);
  CHECK(bench.out == "haproxy_ctld is not running\n");

  CHECK(bench.run(DaemonCommand::start) == 0);
  const auto pid = bench.pid();
  REQUIRE(pid > 0);
  const auto shown = "(pid " + std::to_string(pid) + ")";
  CHECK(bench.out == "haproxy_ctld started " + shown + "\n");
  CHECK(bench.err.empty());

  CHECK(bench.run(DaemonCommand::status) == 0);
  CHECK(bench.out == "haproxy_ctld is running " + shown + "\n");

  CHECK(bench.run(DaemonCommand::start) == 1);
  CHECK(bench.err == "haproxy_ctld_daemon: already running " + shown + "\n");
  CHECK(bench.run(DaemonCommand::run) == 1);
  CHECK(bench.err == "haproxy_ctld_daemon: already running " + shown + "\n");
  CHECK(bench.pid() == pid);

  CHECK(bench.run(DaemonCommand::stop) == 0);
  CHECK(bench.out == "haproxy_ctld stopped " + shown + "\n");
  CHECK(bench.state() == PidStatus::State::not_running);
  CHECK(bench.run(DaemonCommand::stop) == 0);
  CHECK(bench.out == "haproxy_ctld is not running\n");
  CHECK(bench.run(DaemonCommand::status) == 3);
}

TEST_CASE("the controller in the background has its own session, directory, streams and umask, and no foreign descriptors") {
  Bench bench;
  const int foreign = ::open("/dev/null", O_RDONLY);  // not close-on-exec, as a careless caller's
  REQUIRE(foreign >= 0);
  bench.daemon.controller = [&](ReadyReport& ready) {
    const bool closed = ::fcntl(foreign, F_GETFD) < 0;  // before anything else gets its number
    const auto mask = ::umask(0);
    ::umask(mask);
    char here[64] = "";
    std::ofstream note(bench.directory() + "/note");
    note << (::getcwd(here, sizeof here) != nullptr ? here : "?") << " " << std::oct << mask << std::dec << " "
         << (::getsid(0) != ::getpid()) << " " << ::isatty(0) << " " << closed << " " << (::read(0, here, 1) == 0) << "\n";
    note.close();
    std::printf("to the output file\n");
    return bench.good_controller(ready);
  };
  CHECK(bench.run(DaemonCommand::start) == 0);
  CHECK(Bench::read(bench.directory() + "/note") == "/ 27 1 0 1 1\n");
  CHECK(::getsid(bench.pid()) != ::getsid(0));
  CHECK(bench.run(DaemonCommand::stop) == 0);
  ::close(foreign);
  struct stat about {};
  REQUIRE(::stat(bench.daemon.output_file.c_str(), &about) == 0);
  CHECK((about.st_mode & 07777) == (0640 & ~0022));
  CHECK(Bench::await([&] { return bench.output() == "to the output file\n"; }));
}

TEST_CASE("a controller that finds its configuration wrong fails the start with its words and code") {
  Bench bench;
  bench.daemon.controller = [](ReadyReport& ready) {
    ready.failed(2, "up_pct = '0' (conf/haproxy_ctld.conf line 4): must be a number, 1 to 1000 (%)");
    return 2;
  };
  CHECK(bench.run(DaemonCommand::start) == 2);
  CHECK(bench.err == "haproxy_ctld: up_pct = '0' (conf/haproxy_ctld.conf line 4): must be a number, 1 to 1000 (%)\n");
  CHECK(bench.out.empty());
  CHECK(bench.output() == bench.err);
  CHECK(bench.run(DaemonCommand::status) == 3);
}

TEST_CASE("a failure is never a success, whatever code it names") {
  Bench bench;
  bench.daemon.controller = [](ReadyReport& ready) {
    ready.failed(0, "no");
    return 0;
  };
  CHECK(bench.run(DaemonCommand::start) == 1);
}

TEST_CASE("a controller that does not reach HAProxy stays, and the start warns and succeeds") {
  Bench bench;
  bench.daemon.controller = [&](ReadyReport& ready) {
    block_term();
    const auto pid_file = PidFile::acquire(bench.daemon.pid_file);
    ready.warn("HAProxy is not reached yet: /run/stats: no such file or directory; trying on");
    return until_term();
  };
  CHECK(bench.run(DaemonCommand::start) == 0);
  CHECK(bench.err == "haproxy_ctld: warning: HAProxy is not reached yet: /run/stats: no such file or directory; trying on\n");
  CHECK(bench.run(DaemonCommand::status) == 0);
  CHECK(bench.run(DaemonCommand::stop) == 0);
}

TEST_CASE("a controller that has its pid file but says nothing is running, with a warning") {
  Bench bench;
  bench.daemon.waits.silence = core::Millis(30);
  bench.daemon.controller = [&](ReadyReport&) {
    block_term();
    const auto pid_file = PidFile::acquire(bench.daemon.pid_file);
    return until_term();
  };
  CHECK(bench.run(DaemonCommand::start) == 0);
  CHECK(bench.err.find("haproxy_ctld: warning: it runs, but has not said") == 0);
  CHECK(bench.err.find(bench.daemon.output_file) != std::string::npos);
  CHECK(bench.out.find("haproxy_ctld started (pid ") == 0);
  CHECK(bench.run(DaemonCommand::stop) == 0);
}

TEST_CASE("a controller that does not even take its pid file in time is a failure that is told") {
  Bench bench;
  bench.daemon.waits.lock = core::Millis(30);
  bench.daemon.controller = [&](ReadyReport&) {
    // Ends when the starter is gone or has closed its end: bounded, whatever happens.
    std::ofstream(bench.directory() + "/note") << ::getpid() << std::flush;
    std::this_thread::sleep_for(std::chrono::seconds(20));
    return 0;
  };
  CHECK(bench.run(DaemonCommand::start) == 1);
  CHECK(bench.err.find("haproxy_ctld has not taken " + bench.daemon.pid_file) != std::string::npos);
  pid_t left = 0;
  REQUIRE(Bench::await([&] { return (std::istringstream(Bench::read(bench.directory() + "/note")) >> left) && left > 1; }));
  CHECK(::kill(left, SIGKILL) == 0);
}

TEST_CASE("a controller that dies without a word fails the start and points to the output file") {
  for (const bool by_signal : {false, true}) {
    Bench bench;
    bench.daemon.controller = [&](ReadyReport&) {
      if (by_signal) ::kill(::getpid(), SIGKILL);
      return 0;
    };
    CHECK(bench.run(DaemonCommand::start) == 1);
    CHECK(bench.err == "haproxy_ctld_daemon: haproxy_ctld ended at once and did not say why; see " + bench.daemon.output_file + "\n");
  }
}

TEST_CASE("a controller that throws says so to the starter and in the output file") {
  Bench bench;
  bench.daemon.controller = [](ReadyReport&) -> int { throw std::runtime_error("library says no"); };
  CHECK(bench.run(DaemonCommand::start) == 1);
  CHECK(bench.err == "haproxy_ctld: unexpected failure: library says no\n");
  CHECK(bench.output() == bench.err);
}

TEST_CASE("a stale pid file whose number belongs to another program hurts nobody") {
  Bench bench;
  const auto leave_stale = [&] { std::ofstream(bench.daemon.pid_file) << ::getpid() << "\n"; };  // this very test is the stranger
  leave_stale();
  CHECK(bench.run(DaemonCommand::status) == 1);
  CHECK(bench.out == "haproxy_ctld is dead but its pid file exists\n");

  CHECK(bench.run(DaemonCommand::stop) == 0);
  CHECK(bench.out == "haproxy_ctld is not running (its stale pid file is removed)\n");
  CHECK(bench.state() == PidStatus::State::not_running);

  leave_stale();
  CHECK(bench.run(DaemonCommand::start) == 0);
  CHECK(bench.pid() != ::getpid());
  CHECK(bench.run(DaemonCommand::stop) == 0);
}

TEST_CASE("a controller that was killed leaves a pid file that stop removes") {
  Bench bench;
  REQUIRE(bench.run(DaemonCommand::start) == 0);
  ::kill(bench.pid(), SIGKILL);
  REQUIRE(Bench::await([&] { return bench.state() == PidStatus::State::dead_with_file; }));
  CHECK(bench.run(DaemonCommand::status) == 1);
  CHECK(bench.run(DaemonCommand::stop) == 0);
  CHECK(bench.run(DaemonCommand::status) == 3);
}

TEST_CASE("stop never kills: a controller that ignores TERM is left running and reported") {
  Bench bench;
  bench.daemon.waits.stop = core::Millis(30);
  bench.daemon.controller = [&](ReadyReport& ready) {
    block_term();
    const auto pid_file = PidFile::acquire(bench.daemon.pid_file);
    ready.ok();
    std::this_thread::sleep_for(std::chrono::seconds(60));
    return 0;
  };
  REQUIRE(bench.run(DaemonCommand::start) == 0);
  const auto pid = bench.pid();
  CHECK(bench.run(DaemonCommand::stop) == 1);
  CHECK(bench.err.find("haproxy_ctld_daemon: haproxy_ctld (pid " + std::to_string(pid) + ") has not ended within") == 0);
  CHECK(bench.pid() == pid);
  CHECK(bench.run(DaemonCommand::restart) == 1);
  CHECK(bench.pid() == pid);
}

TEST_CASE("restart stops the one that runs and starts another, and starts one where none runs") {
  Bench bench;
  CHECK(bench.run(DaemonCommand::restart) == 0);
  const auto first = bench.pid();
  REQUIRE(first > 0);
  CHECK(bench.run(DaemonCommand::restart) == 0);
  CHECK(bench.pid() != first);
  CHECK(bench.pid() > 0);
  CHECK(bench.run(DaemonCommand::stop) == 0);
}

TEST_CASE("run stays in the foreground, prints reports and returns the controller's code") {
  Bench bench;
  const auto self = ::getpid();
  bench.daemon.controller = [&](ReadyReport& ready) {
    CHECK(::getpid() == self);
    ready.warn("HAProxy is not reached yet");
    return 4;
  };
  CHECK(bench.run(DaemonCommand::run) == 4);
  CHECK(bench.err == "haproxy_ctld: warning: HAProxy is not reached yet\n");
}

TEST_CASE("the output file grows and is no way into other files") {
  Bench bench;
  std::ofstream(bench.daemon.output_file) << "before\n";
  bench.daemon.controller = [](ReadyReport& ready) {
    ready.failed(2, "wrong");
    return 2;
  };
  CHECK(bench.run(DaemonCommand::start) == 2);
  CHECK(bench.output() == "before\nhaproxy_ctld: wrong\n");

  ::unlink(bench.daemon.output_file.c_str());
  REQUIRE(::symlink("note", bench.daemon.output_file.c_str()) == 0);
  CHECK(bench.run(DaemonCommand::start) == 1);
  CHECK(::access((bench.directory() + "/note").c_str(), F_OK) != 0);
}

TEST_CASE("start where the cartridge was not set up says what to do") {
  Bench bench;
  bench.daemon.output_file = bench.directory() + "/run/haproxy_ctld.output";
  CHECK(bench.run(DaemonCommand::start) == 2);
  CHECK(bench.err.find("run the cartridge's setup first") != std::string::npos);
}
