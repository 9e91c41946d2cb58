// SPDX-License-Identifier: Apache-2.0
// Tests of the lock between processes.
#include "gearscale/system/file_lock.hpp"

#include <memory>

#include "gearscale/system/subprocess.hpp"
#include "helpers.hpp"
#include "support/catch.hpp"

using namespace gearscale;
using namespace std::chrono_literals;
using system::FileLock;
using test::Child;
using test::error_of;
using test::Gate;
using test::TempDir;

namespace {

// Another process that holds the lock until it is told to let go, or killed.
struct Holder {
  explicit Holder(const std::string& path) : child([this, path] { return hold(path); }) { REQUIRE(taken.wait() == 'x'); }
  int hold(const std::string& path) const {
    const auto lock = FileLock::acquire(path, 10s);
    if (!lock) return 1;
    taken.open();
    let_go.wait();
    return 0;
  }
  Gate taken, let_go;
  Child child;
};

}  // namespace

TEST_CASE("a free lock is had at once, its file is made and stays") {
  const TempDir dir;
  {
    const auto lock = FileLock::acquire(dir / "lock", 0ms);
    REQUIRE(error_of(lock) == "");
    CHECK(lock->is_held());
    CHECK(lock->is_at(dir / "lock"));
    struct stat info {};
    REQUIRE(::stat((dir / "lock").c_str(), &info) == 0);
    CHECK((info.st_mode & 07777 & ~0640u) == 0);
    CHECK((::fcntl(lock->fd(), F_GETFD) & FD_CLOEXEC) != 0);
  }
  CHECK(test::exists(dir / "lock"));
  CHECK(FileLock::holder(dir / "lock").value() == std::nullopt);
}

TEST_CASE("a held lock is refused with its holder's pid and had when it is free") {
  const TempDir dir;
  Holder other(dir / "lock");
  const auto refused = FileLock::acquire(dir / "lock", 30ms);
  REQUIRE(!refused);
  CHECK(refused.error().code == Errc::unavailable);
  const std::string pid = std::to_string(other.child.pid());
  CHECK(refused.error().message == "cannot lock " + (dir / "lock") + ": held by process " + pid + "; try again");
  CHECK(FileLock::holder(dir / "lock").value() == other.child.pid());
  other.let_go.open();
  REQUIRE(error_of(FileLock::acquire(dir / "lock", 60s)) == "");
  CHECK(other.child.exit_code() == 0);
}

TEST_CASE("holder is nobody when the file is missing or not locked") {
  const TempDir dir;
  CHECK(FileLock::holder(dir / "lock").value() == std::nullopt);
  CHECK(!test::exists(dir / "lock"));
  test::spit(dir / "lock", "");
  CHECK(FileLock::holder(dir / "lock").value() == std::nullopt);
}

TEST_CASE("the lock of a killed process is free") {
  const TempDir dir;
  Holder other(dir / "lock");
  other.child.kill(SIGKILL);
  other.child.status();
  CHECK(error_of(FileLock::acquire(dir / "lock", 0ms)) == "");
}

TEST_CASE("a forked child neither holds the lock nor releases it") {
  const TempDir dir;
  Gate taken, child_done, let_go;
  Child holder([&] {
    auto lock = FileLock::acquire(dir / "lock", 0ms);
    if (!lock) return 1;
    Child fork([&] {
      const auto own = std::move(lock);  // ends here
      return 0;
    });
    const int ended = fork.exit_code();
    taken.open();
    let_go.wait();
    return ended;
  });
  taken.wait();
  CHECK(FileLock::holder(dir / "lock").value() == holder.pid());
  let_go.open();
  CHECK(holder.exit_code() == 0);
}

TEST_CASE("a program that is started, and that closes all descriptors, does not release the lock") {
  const TempDir dir;
  const auto lock = FileLock::acquire(dir / "lock", 0ms);
  REQUIRE(error_of(lock) == "");
  REQUIRE(error_of(system::run_process({"true"}, 60s)) == "");
  Child other([&] { return FileLock::holder(dir / "lock").value() == ::getppid() ? 0 : 1; });
  CHECK(other.exit_code() == 0);
}

TEST_CASE("a lock path that is a link, a directory or a FIFO is refused and what it points to is untouched") {
  const TempDir dir;
  test::spit(dir / "victim", "precious");
  REQUIRE(::symlink("victim", (dir / "link").c_str()) == 0);
  REQUIRE(::symlink("not-yet", (dir / "dangling").c_str()) == 0);
  REQUIRE(::mkfifo((dir / "fifo").c_str(), 0600) == 0);
  const auto link = FileLock::acquire(dir / "link", 0ms);
  REQUIRE(!link);
  CHECK(link.error().code == Errc::failed);
  CHECK(link.error().message == "cannot open " + (dir / "link") + ": it is a symbolic link, which is refused here");
  CHECK(!FileLock::holder(dir / "link"));
  CHECK(!FileLock::acquire(dir / "dangling", 0ms));
  CHECK(!test::exists(dir / "not-yet"));
  CHECK(!FileLock::acquire(dir / "fifo", 0ms));
  CHECK(!FileLock::acquire(dir.path(), 0ms));
  CHECK(FileLock::acquire(dir / "none/lock", 0ms).error().sys_errno == ENOENT);
  CHECK(test::slurp(dir / "victim") == "precious");
}

TEST_CASE("a waiter whose file was replaced locks the file that has the name now") {
  const TempDir dir;
  Holder first(dir / "lock");
  Child waiter([&] {
    const auto lock = FileLock::acquire(dir / "lock", 60s);
    return lock && lock->is_at(dir / "lock") ? 0 : 1;
  });
  REQUIRE(::unlink((dir / "lock").c_str()) == 0);
  test::spit(dir / "lock", "");
  first.let_go.open();
  CHECK(waiter.exit_code() == 0);
}

TEST_CASE("of several processes that count under the lock none loses a count") {
  const TempDir dir;
  test::spit(dir / "count", "0");
  std::vector<std::unique_ptr<Child>> children;
  for (int i = 0; i < 4; ++i) {
    children.push_back(std::make_unique<Child>([&] {
      for (int n = 0; n < 100; ++n) {
        const auto lock = FileLock::acquire(dir / "lock", 600s);
        if (!lock) return 1;
        test::spit(dir / "count", std::to_string(std::stoi(test::slurp(dir / "count")) + 1));
      }
      return 0;
    }));
  }
  for (auto& child : children) CHECK(child->exit_code() == 0);
  CHECK(test::slurp(dir / "count") == "400");
}
