// SPDX-License-Identifier: Apache-2.0
// Tests of replace_file on a full disk and under SIGKILL.
#include <sys/resource.h>

#include "gearscale/system/files.hpp"
#include "helpers.hpp"
#include "support/catch.hpp"

using namespace gearscale;
using system::replace_file;
using test::Child;
using test::error_of;
using test::Gate;
using test::slurp;
using test::spit;
using test::TempDir;

TEST_CASE("on a full disk the old file stays, the temp file goes, and the error says so") {
  const test::TinyDisk disk("size=64k");
  if (!disk.why_not().empty()) {
    WARN(disk.why_not());
    return;
  }
  REQUIRE(error_of(replace_file(disk / "f", "old")) == "");
  disk.fill(2);
  // Three pages do not fit into two: the first write is cut short and the second one fails.
  const auto refused = replace_file(disk / "f", std::string(3 * 4096, 'n'));
  REQUIRE(!refused);
  CHECK(refused.error().code == Errc::failed);
  CHECK(refused.error().sys_errno == ENOSPC);
  CHECK(refused.error().message == "cannot write " + (disk / "f") + ": no space left on device");
  CHECK(slurp(disk / "f") == "old");
  CHECK(test::files_in(disk / ".") == 2);  // f and the filler
  REQUIRE(error_of(replace_file(disk / "f", std::string(2 * 4096, 'n'))) == "");
  CHECK(slurp(disk / "f") == std::string(2 * 4096, 'n'));
}

TEST_CASE("without a free inode not even the temp file is made, and the error says so") {
  const test::TinyDisk disk("size=64k,nr_inodes=2");  // the root directory and one file
  if (!disk.why_not().empty()) {
    WARN(disk.why_not());
    return;
  }
  spit(disk / "f", "old");
  const auto refused = replace_file(disk / "f", "new");
  REQUIRE(!refused);
  CHECK(refused.error().sys_errno == ENOSPC);
  CHECK(slurp(disk / "f") == "old");
}

TEST_CASE("a limit on file sizes stops the write half way like a full disk") {
  const TempDir dir;
  spit(dir / "f", "old");
  Child child([&] {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{1000, 1000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    const auto refused = replace_file(dir / "f", std::string(2000, 'n'));
    return !refused && refused.error().sys_errno == EFBIG ? 0 : 1;
  });
  CHECK(child.exit_code() == 0);
  CHECK(slurp(dir / "f") == "old");
  CHECK(test::files_in(dir.path()) == 1);
}

TEST_CASE("killed between the write and the rename, the old file stays and the temp file is found later") {
  const TempDir dir;
  spit(dir / "f", "old");
  Child child([&] {
    const auto die = [](const std::string&) -> Result<void> {
      ::raise(SIGKILL);
      return {};
    };
    return replace_file(dir / "f", "new", {.validate = die}) ? 0 : 1;
  });
  CHECK(child.end_signal() == SIGKILL);
  CHECK(slurp(dir / "f") == "old");
  REQUIRE(test::files_in(dir.path()) == 2);
  CHECK(system::remove_stale_temps(dir.path()).value() == 0);  // it could be of a process that is at work
  for (const auto& entry : std::filesystem::directory_iterator(dir.path())) {
    const timespec times[2] = {{1, 0}, {1, 0}};
    ::utimensat(AT_FDCWD, entry.path().c_str(), times, 0);
  }
  CHECK(system::remove_stale_temps(dir.path()).value() == 1);
  CHECK(slurp(dir / "f") == "old");
}

TEST_CASE("killed at any moment, the file is one whole version, and never older than the last one reported") {
  const TempDir dir;
  const auto version = [](int number) { return std::string(20'000, static_cast<char>('a' + number)); };
  for (int round = 0; round < 40; ++round) {
    spit(dir / "f", version(0));
    Gate done;
    Child child([&] {
      for (int number = 1; number < 26; ++number) {
        if (!replace_file(dir / "f", version(number))) return 1;
        done.open(static_cast<char>('a' + number));
      }
      ::pause();
      return 0;
    });
    done.only_waits();
    char last = 'a';
    for (int progress = 0; progress < 1 + round % 20; ++progress) last = done.wait();
    child.kill(SIGKILL);
    REQUIRE(child.end_signal() == SIGKILL);
    for (char later = done.wait(); later != '\0'; later = done.wait()) last = later;
    const std::string content = slurp(dir / "f");
    REQUIRE(content.size() == 20'000);
    CHECK((content == version(last - 'a') || content == version(last + 1 - 'a')));
  }
}
