// SPDX-License-Identifier: Apache-2.0
// Tests of running a program to its end.
#include "gearscale/system/subprocess.hpp"

#include <poll.h>

#include "gearscale/base/text.hpp"
#include "helpers.hpp"
#include "support/catch.hpp"

using namespace gearscale;
using namespace std::chrono_literals;
using system::ProcessResult;
using system::run_process;
using test::error_of;
using test::TempDir;

namespace {

constexpr core::Millis kPlenty = 60s;

ProcessResult run(const std::vector<std::string>& argv, core::Millis deadline = kPlenty) {
  auto result = run_process(argv, deadline);
  REQUIRE(error_of(result) == "");
  return *result;
}

// The writers of a FIFO are gone.
bool hung_up(const Fd& fifo) {
  pollfd watched{fifo.get(), POLLIN, 0};
  for (;;) {
    if (::poll(&watched, 1, 60'000) <= 0) return false;
    if ((watched.revents & POLLIN) == 0) return (watched.revents & POLLHUP) != 0;
    char buffer[64];
    if (::read(fifo.get(), buffer, sizeof buffer) < 0) return false;
  }
}

}  // namespace

TEST_CASE("arguments reach the program as they are, no shell looks at them") {
  const auto result = run({"echo", "$HOME;ls", "`id`", "a  b", "", "*"});
  CHECK(result.exit_code == 0);
  CHECK(result.signal == 0);
  CHECK(!result.timed_out);
  CHECK(result.output == "$HOME;ls `id` a  b  *\n");
}

TEST_CASE("exit code and signal are told apart") {
  CHECK(run({"true"}).exit_code == 0);
  CHECK(run({"sh", "-c", "exit 7"}).exit_code == 7);
  const auto killed = run({"sh", "-c", "kill -TERM $$"});
  CHECK(killed.exit_code == -1);
  CHECK(killed.signal == SIGTERM);
  CHECK(!killed.timed_out);
}

TEST_CASE("both outputs come together in their order") {
  CHECK(run({"sh", "-c", "echo one; echo two >&2; echo three"}).output == "one\ntwo\nthree\n");
}

TEST_CASE("a program that cannot be run is a configuration error") {
  const TempDir dir;
  test::spit(dir / "plain", "text");
  const auto unknown = run_process({"gearscale-no-such-program"}, kPlenty);
  REQUIRE(!unknown);
  CHECK(unknown.error().code == Errc::config);
  CHECK(unknown.error().message == "cannot run gearscale-no-such-program: not found in /usr/sbin:/usr/bin:/sbin:/bin; give its full path");
  for (const auto& path : {dir / "none", dir / "plain", dir.path()}) {
    const auto refused = run_process({path}, kPlenty);
    REQUIRE(!refused);
    CHECK(refused.error().code == Errc::config);
  }
  CHECK(run_process({"echo", std::string("a\0b", 3)}, kPlenty).error().message == "cannot run echo: an argument has a NUL byte");
}

TEST_CASE("the environment is clean and the input is empty") {
  ::setenv("GEARSCALE_SECRET", "x", 1);
  CHECK(run({"env"}).output == "PATH=/usr/sbin:/usr/bin:/sbin:/bin\nLC_ALL=C\n");
  CHECK(run_process({"env"}, kPlenty, {"GEAR_ID=1f3a9c02"})->output == "PATH=/usr/sbin:/usr/bin:/sbin:/bin\nLC_ALL=C\nGEAR_ID=1f3a9c02\n");
  const auto result = run({"cat"});
  CHECK(result.exit_code == 0);
  CHECK(result.output.empty());
}

TEST_CASE("no descriptor above 2 reaches the program, and none stays open here") {
  const Fd leaky(::open("/dev/null", O_RDONLY));  // without close-on-exec
  const Fd high(::fcntl(leaky.get(), F_DUPFD, 500));
  REQUIRE(high.get() >= 500);
  const auto before = test::open_descriptors();
  CHECK(run({"ls", "/proc/self/fd"}).output == "0\n1\n2\n3\n");  // 3: the directory that ls reads
  CHECK(!run_process({"/none"}, kPlenty));
  run({"sleep", "1000"}, 1ms);
  CHECK(test::open_descriptors() == before);
}

TEST_CASE("blocked and ignored signals do not reach the program") {
  sigset_t some, before;
  ::sigemptyset(&some);
  ::sigaddset(&some, SIGTERM);
  ::sigaddset(&some, SIGHUP);
  ::pthread_sigmask(SIG_BLOCK, &some, &before);
  const auto old = ::signal(SIGPIPE, SIG_IGN);
  const auto blocked = run({"sed", "-n", "s/^SigBlk:\t//p", "/proc/self/status"}).output;
  const auto ignored = run({"sed", "-n", "s/^SigIgn:\t//p", "/proc/self/status"}).output;
  ::signal(SIGPIPE, old);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  CHECK(std::stoull(blocked, nullptr, 16) == 0);
  const auto internal = std::uint64_t{3} << 31;  // 32 and 33, which glibc keeps for itself
  CHECK((std::stoull(ignored, nullptr, 16) & ~internal) == 0);
}

TEST_CASE("the program leads a process group of its own") {
  const auto stat = run({"cat", "/proc/self/stat"}).output;  // PID (cat) R PPID PGRP ...
  const auto fields = split(stat, ' ');
  REQUIRE(fields.size() > 5);
  CHECK(fields[0] == fields[4]);
  CHECK(fields[3] == std::to_string(::getpid()));
}

TEST_CASE("a hanging program that ignores TERM is killed at the deadline and reaped") {
  const auto start = std::chrono::steady_clock::now();
  const auto result = run({"sh", "-c", "trap '' TERM; while :; do sleep 1000; done"}, 50ms);
  CHECK(std::chrono::steady_clock::now() - start >= 50ms);
  CHECK(result.timed_out);
  CHECK(result.signal == SIGKILL);
  CHECK(result.exit_code == -1);
  CHECK(::waitpid(-1, nullptr, WNOHANG) == -1);
  CHECK(errno == ECHILD);
  CHECK(run({"sleep", "1000"}, -5ms).timed_out);
}

TEST_CASE("at the deadline its children are killed too") {
  const TempDir dir;
  REQUIRE(::mkfifo((dir / "fifo").c_str(), 0600) == 0);
  const Fd fifo(::open((dir / "fifo").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  char begun = 0;
  for (core::Millis deadline = 100ms; begun == 0 && deadline < 60s; deadline *= 3) {  // until it came far enough before the deadline
    CHECK(run({"sh", "-c", "(exec 3>$0; echo x >&3; sleep 1000) & wait", dir / "fifo"}, deadline).timed_out);
    if (::read(fifo.get(), &begun, 1) < 0) begun = 0;
  }
  CHECK(begun == 'x');
  CHECK(hung_up(fifo));
}

TEST_CASE("children that outlive the program are killed with its end, and nobody waits for them") {
  const TempDir dir;
  REQUIRE(::mkfifo((dir / "fifo").c_str(), 0600) == 0);
  const Fd fifo(::open((dir / "fifo").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  const auto result = run({"sh", "-c", "exec 3>$0; sleep 1000 & echo done", dir / "fifo"});  // sleep holds the output open too
  CHECK(!result.timed_out);
  CHECK(result.exit_code == 0);
  CHECK(result.output == "done\n");
  CHECK(hung_up(fifo));
}

TEST_CASE("output is kept up to 64 KiB and the program never waits for us") {
  const auto exact = run({"head", "-c", "65536", "/dev/zero"});
  CHECK(exact.output.size() == 65536);
  const auto more = run({"sh", "-c", "head -c 10000000 /dev/zero; echo end"});
  CHECK(more.exit_code == 0);
  CHECK(more.output.size() == 65536);
}

TEST_CASE("an endless flood of output does not hide the deadline") {
  const auto result = run({"yes"}, 50ms);
  CHECK(result.timed_out);
  CHECK(result.output.size() <= 65536);
}

TEST_CASE("it works in a program that was started without standard descriptors") {
  test::Child child([] {
    for (const int fd : {0, 1, 2}) ::close(fd);
    const auto result = run_process({"sh", "-c", "cat; echo out; echo err >&2"}, kPlenty);
    return result && result->exit_code == 0 && result->output == "out\nerr\n" ? 0 : 1;
  });
  CHECK(child.exit_code() == 0);
}
