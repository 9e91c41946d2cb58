// SPDX-License-Identifier: Apache-2.0
// Tests of appending whole lines and of rotating.
#include "gearscale/system/append_file.hpp"

#include "helpers.hpp"
#include "support/catch.hpp"

using namespace gearscale;
using system::AppendFile;
using system::rotate_if_longer;
using test::Child;
using test::error_of;
using test::exists;
using test::slurp;
using test::spit;
using test::TempDir;

TEST_CASE("lines are appended to what is there, in a file of mode 0640, closed on exec") {
  const TempDir dir;
  AppendFile file(dir / "log");
  REQUIRE(error_of(file.append("one\n")) == "");
  REQUIRE(error_of(file.append("two\n")) == "");
  CHECK(slurp(dir / "log") == "one\ntwo\n");
  CHECK(file.refresh().value() == 8);
  struct stat info {};
  REQUIRE(::stat((dir / "log").c_str(), &info) == 0);
  CHECK((info.st_mode & 07777) == 0640);
}

TEST_CASE("a file that was renamed, deleted or replaced since the last line is opened anew") {
  const TempDir dir;
  AppendFile file(dir / "log");
  REQUIRE(error_of(file.append("one\n")) == "");
  std::filesystem::rename(dir / "log", dir / "log.1");
  REQUIRE(error_of(file.append("two\n")) == "");
  CHECK(slurp(dir / "log.1") == "one\n");
  CHECK(slurp(dir / "log") == "two\n");
  REQUIRE(::unlink((dir / "log").c_str()) == 0);
  REQUIRE(error_of(file.append("three\n")) == "");
  CHECK(slurp(dir / "log") == "three\n");
  spit(dir / "other", "other\n");
  std::filesystem::rename(dir / "other", dir / "log");
  REQUIRE(error_of(file.append("four\n")) == "");
  CHECK(slurp(dir / "log") == "other\nfour\n");
}

TEST_CASE("a file that was truncated by its rotator goes on at its start") {
  const TempDir dir;
  AppendFile file(dir / "log");
  REQUIRE(error_of(file.append("one\n")) == "");
  REQUIRE(::truncate((dir / "log").c_str(), 0) == 0);
  REQUIRE(error_of(file.append("two\n")) == "");
  CHECK(slurp(dir / "log") == "two\n");
}

TEST_CASE("a torn line is ended before the next one begins") {
  const TempDir dir;
  spit(dir / "log", "whole\ntor");
  AppendFile file(dir / "log");
  REQUIRE(error_of(file.append("next\n")) == "");
  CHECK(slurp(dir / "log") == "whole\ntor\nnext\n");
}

TEST_CASE("a log path that is a link, a directory or a FIFO is refused and what it points to is untouched") {
  const TempDir dir;
  spit(dir / "victim", "precious\n");
  REQUIRE(::symlink("victim", (dir / "link").c_str()) == 0);
  REQUIRE(::symlink("not-yet", (dir / "dangling").c_str()) == 0);
  REQUIRE(::mkfifo((dir / "fifo").c_str(), 0600) == 0);
  for (const auto& name : {"link", "dangling", "fifo", "none/log", "."}) {
    AppendFile file(dir / name);
    CHECK(!file.append("evil\n"));
  }
  CHECK(slurp(dir / "victim") == "precious\n");
  CHECK(!exists(dir / "not-yet"));
  // Also when the link appears while the log is open.
  AppendFile file(dir / "log");
  REQUIRE(error_of(file.append("one\n")) == "");
  std::filesystem::rename(dir / "log", dir / "log.1");
  REQUIRE(::symlink("victim", (dir / "log").c_str()) == 0);
  CHECK(file.append("evil\n").error().message == "cannot open " + (dir / "log") + ": it is a symbolic link, which is refused here");
  CHECK(slurp(dir / "victim") == "precious\n");
}

TEST_CASE("a file is rotated when it would become longer than the limit, not at the limit") {
  const TempDir dir;
  spit(dir / "log", std::string(90, 'x'));
  REQUIRE(error_of(rotate_if_longer(dir / "log", 10, {.limit = 100})) == "");
  CHECK(!exists(dir / "log.1"));
  REQUIRE(error_of(rotate_if_longer(dir / "log", 11, {.limit = 100})) == "");
  CHECK(!exists(dir / "log"));
  CHECK(slurp(dir / "log.1").size() == 90);
  REQUIRE(error_of(rotate_if_longer(dir / "log", 1000, {.limit = 100})) == "");  // none there
  spit(dir / "log", "");
  REQUIRE(error_of(rotate_if_longer(dir / "log", 1000, {.limit = 100})) == "");  // a line longer than the limit does not help an empty one
  CHECK(exists(dir / "log"));
}

TEST_CASE("four old files are kept, the oldest goes") {
  const TempDir dir;
  for (int i = 1; i <= 6; ++i) {
    spit(dir / "log", "file " + std::to_string(i));
    REQUIRE(error_of(rotate_if_longer(dir / "log", 1, {.limit = 1})) == "");
  }
  for (int number = 1; number <= 4; ++number) CHECK(slurp(dir / ("log." + std::to_string(number))) == "file " + std::to_string(7 - number));
  CHECK(!exists(dir / "log.5"));
}

TEST_CASE("a gap that a crash left is filled before anything is pushed out") {
  const TempDir dir;
  for (const auto& number : {"1", "3", "4"}) spit(dir / ("log." + std::string(number)), number);
  spit(dir / "log", "0");
  REQUIRE(error_of(rotate_if_longer(dir / "log", 1, {.limit = 1})) == "");
  CHECK(slurp(dir / "log.1") == "0");
  CHECK(slurp(dir / "log.2") == "1");
  CHECK(slurp(dir / "log.3") == "3");
  CHECK(slurp(dir / "log.4") == "4");
}

TEST_CASE("while another process rotates nothing is done, and it is no error") {
  const TempDir dir;
  spit(dir / "log", "long");
  const Fd lock(::open((dir / "log.rotate.lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640));
  struct flock wanted {};
  wanted.l_type = F_WRLCK;
  REQUIRE(::fcntl(lock.get(), F_SETLK, &wanted) == 0);
  Child other([&] { return rotate_if_longer(dir / "log", 1, {.limit = 1}) ? 0 : 1; });
  CHECK(other.exit_code() == 0);
  CHECK(exists(dir / "log"));
  CHECK(!exists(dir / "log.1"));
}

TEST_CASE("a rotation lock that is a symbolic link is refused") {
  const TempDir dir;
  spit(dir / "log", "long");
  spit(dir / "victim", "precious");
  REQUIRE(::symlink("victim", (dir / "log.rotate.lock").c_str()) == 0);
  CHECK(!rotate_if_longer(dir / "log", 1, {.limit = 1}));
  CHECK(exists(dir / "log"));
  CHECK(slurp(dir / "victim") == "precious");
}

TEST_CASE("killed while it rotates again and again, no number but the oldest loses its file") {
  const TempDir dir;
  test::Gate progress;
  Child child([&] {
    AppendFile file(dir / "log");
    for (int i = 0;; ++i) {
      if (!file.append("line " + std::to_string(i) + "\n")) return 1;
      if (!rotate_if_longer(dir / "log", 1, {.limit = 1})) return 1;
      progress.open();
    }
  });
  progress.only_waits();
  for (int i = 0; i < 200; ++i) REQUIRE(progress.wait() == 'x');
  child.kill(SIGKILL);
  child.status();
  // At most one gap, and the files are in their order.
  int last = 1 << 30, there = 0;
  for (const auto* name : {"log", "log.1", "log.2", "log.3", "log.4"}) {
    if (!exists(dir / name) || slurp(dir / name).empty()) continue;
    const int number = std::stoi(slurp(dir / name).substr(5));
    CHECK(number < last);
    last = number;
    ++there;
  }
  CHECK(there >= 3);
}
