// SPDX-License-Identifier: Apache-2.0
// Tests of reading and replacing files and of directories. Full disks and crashes are in files_crash_test.cpp.
#include "gearscale/system/files.hpp"

#include <sys/time.h>

#include <thread>

#include "helpers.hpp"
#include "support/catch.hpp"

using namespace gearscale;
using system::replace_file;
using test::error_of;
using test::exists;
using test::slurp;
using test::spit;
using test::TempDir;

namespace {

struct stat info_of(const std::string& path) {
  struct stat info {};
  REQUIRE(::stat(path.c_str(), &info) == 0);
  return info;
}
mode_t mode_of(const std::string& path) { return info_of(path).st_mode & 07777; }

}  // namespace

TEST_CASE("read_file reads a file of exactly the longest length and refuses one byte more") {
  const TempDir dir;
  const std::string content = std::string(99, 'a') + std::string(1, '\0');
  spit(dir / "f", content);
  const auto read = system::read_file(dir / "f", 100);
  REQUIRE(error_of(read) == "");
  CHECK(*read == content);
  const auto refused = system::read_file(dir / "f", 99);
  REQUIRE(!refused);
  CHECK(refused.error().sys_errno == EFBIG);
  CHECK(refused.error().message == "cannot read " + (dir / "f") + ": longer than 99 bytes");
}

TEST_CASE("read_file reads an empty file, one of /proc and through a symbolic link") {
  const TempDir dir;
  spit(dir / "empty", "");
  CHECK(system::read_file(dir / "empty", 10).value() == "");
  CHECK(system::read_file("/proc/self/comm", 100).value().back() == '\n');
  REQUIRE(::symlink("empty", (dir / "link").c_str()) == 0);
  CHECK(system::read_file(dir / "link", 10).has_value());
}

TEST_CASE("read_file refuses what is no regular file, without waiting for a FIFO's writer") {
  const TempDir dir;
  REQUIRE(::mkfifo((dir / "fifo").c_str(), 0600) == 0);
  const struct {
    std::string path;
    int why;
    std::string says;
  } cases[] = {{dir.path(), EISDIR, "is a directory"},
               {dir / "fifo", EINVAL, "not a regular file"},
               {"/dev/null", EINVAL, "not a regular file"},
               {dir / "none", ENOENT, "no such file or directory"}};
  for (const auto& each : cases) {
    const auto read = system::read_file(each.path, 100);
    REQUIRE(!read);
    CHECK(read.error().sys_errno == each.why);
    CHECK(read.error().message == "cannot open " + each.path + ": " + each.says);
  }
}

TEST_CASE("a write that signals cut into pieces arrives whole") {
  // A FIFO holds 64 KiB, so that most writes stop half way and are cut short by the timer's signal, which does not restart system calls.
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  const Fd out(ends[0]);
  Fd in(ends[1]);
  std::string sent(1 << 20, '\0');
  for (std::size_t i = 0; i < sent.size(); ++i) sent[i] = static_cast<char>(i * 31 >> 3);
  test::Child writer([&] {
    struct sigaction action {};
    action.sa_handler = [](int) {};
    ::sigaction(SIGALRM, &action, nullptr);
    const itimerval often{{0, 500}, {0, 500}};
    ::setitimer(ITIMER_REAL, &often, nullptr);
    return system::write_all(in.get(), sent);
  });
  in.reset();
  std::string received;
  char buffer[5000];
  for (ssize_t got = 0; (got = ::read(out.get(), buffer, sizeof buffer)) > 0;) {
    received.append(buffer, static_cast<std::size_t>(got));
    if (received.size() % 7 == 0) std::this_thread::yield();
  }
  CHECK(writer.exit_code() == 0);
  CHECK((received == sent));
}

TEST_CASE("a new file gets the mode that was asked for whatever the umask says") {
  const TempDir dir;
  const mode_t before = ::umask(0077);
  const auto written = replace_file(dir / "f", "hello\n", {.mode_if_new = 0644});
  ::umask(before);
  REQUIRE(error_of(written) == "");
  CHECK(slurp(dir / "f") == "hello\n");
  CHECK(mode_of(dir / "f") == 0644);
  CHECK(test::files_in(dir.path()) == 1);
}

TEST_CASE("a file that is opened and made has exactly its mode, one that is there keeps it") {
  const TempDir dir;
  for (const mode_t mask : {0000U, 0022U, 0077U, 0777U}) {
    const auto name = dir / ("f" + std::to_string(mask));
    const mode_t before = ::umask(mask);
    const auto made = system::open_regular(name, {.flags = O_RDWR | O_CREAT | O_NOFOLLOW, .mode = 0640});
    ::umask(before);
    REQUIRE(error_of(made) == "");
    CHECK(mode_of(name) == 0640);
    REQUIRE(::chmod(name.c_str(), 0600) == 0);
    REQUIRE(error_of(system::open_regular(name, {.flags = O_RDWR | O_CREAT | O_NOFOLLOW, .mode = 0640})) == "");
    CHECK(mode_of(name) == 0600);
  }
}

TEST_CASE("nothing is made where a link leads, whether links may be followed or not") {
  const TempDir dir;
  REQUIRE(::symlink("target", (dir / "link").c_str()) == 0);
  CHECK(system::open_regular(dir / "link", {.flags = O_RDWR | O_CREAT | O_NOFOLLOW, .mode = 0640}).error().sys_errno == ELOOP);
  CHECK(system::open_regular(dir / "link", {.flags = O_RDWR | O_CREAT, .mode = 0640}).error().sys_errno == ENOENT);
  CHECK_FALSE(exists(dir / "target"));
}

TEST_CASE("a replaced file keeps its owner and mode") {
  const TempDir dir;
  spit(dir / "f", "old");
  REQUIRE(::chmod((dir / "f").c_str(), 0604) == 0);
  if (::getuid() == 0) REQUIRE(::chown((dir / "f").c_str(), 1234, 2345) == 0);
  const auto before = info_of(dir / "f");
  REQUIRE(error_of(replace_file(dir / "f", "new", {.mode_if_new = 0600})) == "");
  const auto after = info_of(dir / "f");
  CHECK(slurp(dir / "f") == "new");
  CHECK(after.st_mode == before.st_mode);
  CHECK(after.st_uid == before.st_uid);
  CHECK(after.st_gid == before.st_gid);
  CHECK(after.st_ino != before.st_ino);
}

TEST_CASE("a symbolic link stays and its target in another directory is replaced") {
  const TempDir dir;
  REQUIRE(error_of(system::make_directory(dir / "real", 0755)) == "");
  spit(dir / "real/f", "old");
  REQUIRE(::symlink("real/f", (dir / "link").c_str()) == 0);
  REQUIRE(::symlink("link", (dir / "link2").c_str()) == 0);
  REQUIRE(error_of(replace_file(dir / "link2", "new")) == "");
  CHECK(std::filesystem::is_symlink(dir / "link"));
  CHECK(std::filesystem::is_symlink(dir / "link2"));
  CHECK(slurp(dir / "real/f") == "new");
  CHECK(test::files_in(dir / "real") == 1);
}

TEST_CASE("a file is not replaced through a link of somebody else's") {
  if (::geteuid() != 0) {
    WARN("skipped: giving links to somebody else needs root");
    return;
  }
  const TempDir dir;
  REQUIRE(error_of(system::make_directory(dir / "real", 0755)) == "");
  spit(dir / "real/f", "old");
  REQUIRE(::symlink("real", (dir / "way").c_str()) == 0);
  REQUIRE(::symlink("way/f", (dir / "link").c_str()) == 0);
  for (const auto& link : {dir / "way", dir / "link"}) {
    REQUIRE(::lchown(link.c_str(), 12345, 0) == 0);
    const auto refused = replace_file(dir / "link", "new");
    CHECK(error_of(refused).find("cannot write " + (dir / "link") + ": " + link + ": a link of user 12345, ") == 0);
    CHECK(refused.error().code == Errc::config);
    CHECK(slurp(dir / "real/f") == "old");
    REQUIRE(::lchown(link.c_str(), 0, 0) == 0);
  }
  CHECK(error_of(replace_file(dir / "link", "new")) == "");
}

TEST_CASE("what cannot be replaced is refused and nothing is left behind") {
  const TempDir dir;
  REQUIRE(error_of(system::make_directory(dir / "folder", 0755)) == "");
  REQUIRE(::symlink("nowhere", (dir / "dangling").c_str()) == 0);
  REQUIRE(::symlink("loop", (dir / "loop").c_str()) == 0);
  REQUIRE(::mkfifo((dir / "fifo").c_str(), 0600) == 0);
  const auto before = test::files_in(dir.path());
  CHECK(replace_file(dir / "folder", "x").error().message == "cannot write " + (dir / "folder") + ": is a directory");
  CHECK(replace_file(dir / "dangling", "x").error().sys_errno == ENOENT);
  CHECK(replace_file(dir / "loop", "x").error().sys_errno == ELOOP);
  CHECK(replace_file(dir / "fifo", "x").error().sys_errno == EINVAL);
  CHECK(replace_file(dir / "none/f", "x").error().sys_errno == ENOENT);
  CHECK(test::files_in(dir.path()) == before);
}

TEST_CASE("validate sees the complete new file beside the old one, and its refusal leaves the old one") {
  const TempDir dir;
  spit(dir / "f", "old");
  std::string seen, temp;
  const auto refuse = [&](const std::string& path) -> Result<void> {
    seen = slurp(path);
    temp = path;
    return fail(Errc::config, "line 7 is bad");
  };
  const auto refused = replace_file(dir / "f", "new content", {.validate = refuse});
  REQUIRE(!refused);
  CHECK(refused.error().code == Errc::config);
  CHECK(refused.error().message == "line 7 is bad");
  CHECK(seen == "new content");
  CHECK(temp.find("/.gearscale-") != std::string::npos);
  CHECK(slurp(dir / "f") == "old");
  CHECK(test::files_in(dir.path()) == 1);
  REQUIRE(error_of(replace_file(dir / "f", "new", {.validate = [](const std::string&) -> Result<void> { return {}; }})) == "");
  CHECK(slurp(dir / "f") == "new");
}

TEST_CASE("stale temps are those of ours that are older than a minute") {
  const TempDir dir;
  const auto make = [&](const std::string& name, int age) {
    spit(dir / name, "x");
    timespec times[2] = {{::time(nullptr) - age, 0}, {::time(nullptr) - age, 0}};
    ::utimensat(AT_FDCWD, (dir / name).c_str(), times, AT_SYMLINK_NOFOLLOW);
  };
  make(".gearscale-AbCd12", 62);
  make(".gearscale-young1", 0);
  make(".gearscale-other.conf", 3600);
  make("gearscale-AbCd12", 3600);
  REQUIRE(::mkdir((dir / ".gearscale-folder").c_str(), 0700) == 0);
  const auto removed = system::remove_stale_temps(dir.path());
  REQUIRE(error_of(removed) == "");
  CHECK(*removed == 1);
  CHECK(!exists(dir / ".gearscale-AbCd12"));
  CHECK(test::files_in(dir.path()) == 4);
  CHECK(system::remove_stale_temps(dir / "none").error().sys_errno == ENOENT);
}

TEST_CASE("make_directory makes the parents too, sets exactly the mode, and leaves an existing one alone") {
  const TempDir dir;
  const mode_t before = ::umask(0077);
  const auto made = system::make_directory(dir / "a/b/c/", 0750);
  ::umask(before);
  REQUIRE(error_of(made) == "");
  CHECK(mode_of(dir / "a/b/c") == 0750);
  REQUIRE(error_of(system::make_directory(dir / "a/b/c", 0700)) == "");
  CHECK(mode_of(dir / "a/b/c") == 0750);
  spit(dir / "file", "");
  CHECK(system::make_directory(dir / "file/x", 0755).error().sys_errno == ENOTDIR);
  CHECK(system::make_directory(dir / "file", 0755).error().sys_errno == ENOTDIR);
  CHECK(system::make_directory("", 0755).error().sys_errno == ENOENT);
}

TEST_CASE("directory_of and name_of take a path apart") {
  CHECK(system::directory_of("/a/b.txt") == "/a");
  CHECK(system::directory_of("b.txt") == ".");
  CHECK(system::directory_of("/b.txt") == "/");
  CHECK(system::name_of("/a/b.txt") == "b.txt");
}
