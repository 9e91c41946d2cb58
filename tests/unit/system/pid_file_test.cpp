// SPDX-License-Identifier: Apache-2.0
// Tests of the pid file. The holder is mostly another process: its own process must not look at the file (file_lock.hpp).
#include "gearscale/system/pid_file.hpp"

#include <memory>

#include "helpers.hpp"
#include "support/catch.hpp"

using namespace gearscale;
using namespace std::chrono_literals;
using system::PidFile;
using State = system::PidStatus::State;
using test::Child;
using test::error_of;
using test::Gate;
using test::TempDir;

namespace {

struct Daemon {
  explicit Daemon(const std::string& path) : child([this, path] { return hold(path); }) { REQUIRE(ready.wait() == 'x'); }
  int hold(const std::string& path) const {
    const auto file = PidFile::acquire(path);
    if (!file) return 1;
    ready.open();
    stop.wait();
    return 0;
  }
  Gate ready, stop;
  Child child;
};

system::PidStatus status(const std::string& path) {
  const auto seen = PidFile::status(path);
  REQUIRE(error_of(seen) == "");
  return *seen;
}

}  // namespace

TEST_CASE("no pid file: not running") {
  const TempDir dir;
  CHECK(status(dir / "pid").state == State::not_running);
}

TEST_CASE("a running controller is seen with its pid, refuses a second one, and takes its file with it") {
  const TempDir dir;
  Daemon daemon(dir / "pid");
  const std::string pid = std::to_string(daemon.child.pid());
  CHECK(test::slurp(dir / "pid") == pid + "\n");
  CHECK(status(dir / "pid").state == State::running);
  CHECK(status(dir / "pid").pid == daemon.child.pid());
  const auto second = PidFile::acquire(dir / "pid");
  REQUIRE(!second);
  CHECK(second.error().code == Errc::unavailable);
  CHECK(second.error().message.find("held by process " + pid) != std::string::npos);
  CHECK(test::slurp(dir / "pid") == pid + "\n");
  daemon.stop.open();
  CHECK(daemon.child.exit_code() == 0);
  CHECK(!test::exists(dir / "pid"));
}

TEST_CASE("a killed controller leaves its file: dead, and the next one takes it over") {
  const TempDir dir;
  Daemon daemon(dir / "pid");
  daemon.child.kill(SIGKILL);
  daemon.child.status();
  CHECK(status(dir / "pid").state == State::dead_with_file);
  Daemon next(dir / "pid");
  CHECK(test::slurp(dir / "pid") == std::to_string(next.child.pid()) + "\n");
}

TEST_CASE("a stale file whose number is now another living program is dead, and longer junk in it is overwritten") {
  const TempDir dir;
  test::spit(dir / "pid", std::to_string(::getpid()) + "\nand more lines\nthan a pid file has\n");
  CHECK(status(dir / "pid").state == State::dead_with_file);
  CHECK(status(dir / "pid").pid == 0);
  Daemon daemon(dir / "pid");
  CHECK(test::slurp(dir / "pid") == std::to_string(daemon.child.pid()) + "\n");
}

TEST_CASE("a dying instance does not delete its successor's file") {
  const TempDir dir;
  Daemon old(dir / "pid");
  REQUIRE(::unlink((dir / "pid").c_str()) == 0);  // by a careless hand
  Daemon successor(dir / "pid");
  old.stop.open();
  CHECK(old.child.exit_code() == 0);
  CHECK(test::slurp(dir / "pid") == std::to_string(successor.child.pid()) + "\n");
  CHECK(status(dir / "pid").pid == successor.child.pid());
}

TEST_CASE("a forked child of the controller does not delete the file when it ends") {
  const TempDir dir;
  auto file = PidFile::acquire(dir / "pid");
  REQUIRE(error_of(file) == "");
  Child fork([&] {
    const auto copy = std::move(file);  // ends here
    return 0;
  });
  CHECK(fork.exit_code() == 0);
  CHECK(test::exists(dir / "pid"));
  Child other([&] { return PidFile::status(dir / "pid").value().pid == ::getppid() ? 0 : 1; });
  CHECK(other.exit_code() == 0);
}

TEST_CASE("a pid file that is a symbolic link is refused") {
  const TempDir dir;
  test::spit(dir / "victim", "precious");
  REQUIRE(::symlink("victim", (dir / "pid").c_str()) == 0);
  CHECK(!PidFile::acquire(dir / "pid"));
  CHECK(!PidFile::status(dir / "pid"));
  CHECK(test::slurp(dir / "victim") == "precious");
}

TEST_CASE("a pid file on a full disk is an error and leaves no file without a pid") {
  const test::TinyDisk disk("size=16k");
  if (!disk.why_not().empty()) {
    WARN(disk.why_not());
    return;
  }
  disk.fill(0);
  const auto refused = PidFile::acquire(disk / "pid");
  REQUIRE(!refused);
  CHECK(refused.error().message == "cannot write " + (disk / "pid") + ": no space left on device");
  CHECK(!test::exists(disk / "pid"));
}

TEST_CASE("of processes that come and go only one at a time is the controller") {
  const TempDir dir;
  std::vector<std::unique_ptr<Child>> children;
  for (int i = 0; i < 4; ++i) {
    children.push_back(std::make_unique<Child>([&] {
      for (int n = 0; n < 100; ++n) {
        const auto file = PidFile::acquire(dir / "pid", 600s);
        if (!file) return 1;
        const Fd alone(::open((dir / "alone").c_str(), O_CREAT | O_EXCL | O_CLOEXEC, 0600));
        if (!alone.is_open()) return 2;
        ::unlink((dir / "alone").c_str());
      }
      return 0;
    }));
  }
  for (auto& child : children) CHECK(child->exit_code() == 0);
  CHECK(!test::exists(dir / "pid"));
}
