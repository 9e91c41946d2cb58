// SPDX-License-Identifier: Apache-2.0
// Tests of watching one file. The kernel queues an event before the call that causes it returns, so nothing has to be waited for.
#include "gearscale/system/file_watch.hpp"

#include <poll.h>

#include "gearscale/system/files.hpp"
#include "helpers.hpp"
#include "support/catch.hpp"

using namespace gearscale;
using system::FileWatch;
using test::error_of;
using test::spit;
using test::TempDir;

namespace {

FileWatch watch(const std::string& path) {
  auto made = FileWatch::open(path);
  REQUIRE(error_of(made) == "");
  return std::move(*made);
}

}  // namespace

TEST_CASE("a write, a replacement and a removal are seen, each once") {
  const TempDir dir;
  auto file = watch(dir / "f");
  CHECK(!file.drain());
  spit(dir / "f", "made");
  CHECK(file.drain());
  CHECK(!file.drain());
  spit(dir / "f", "written");
  CHECK(file.drain());
  REQUIRE(error_of(system::replace_file(dir / "f", "replaced")) == "");
  CHECK(file.drain());
  std::filesystem::rename(dir / "f", dir / "g");
  CHECK(file.drain());
  spit(dir / "f", "again");
  CHECK(file.drain());
  ::unlink((dir / "f").c_str());
  CHECK(file.drain());
  CHECK(!file.drain());
}

TEST_CASE("the descriptor is readable when something happened, and other files do not count") {
  const TempDir dir;
  auto file = watch(dir / "f");
  pollfd watched{file.fd(), POLLIN, 0};
  CHECK(::poll(&watched, 1, 0) == 0);
  for (int i = 0; i < 500; ++i) spit(dir / ("other" + std::to_string(i)), "x");  // more than one buffer of events
  spit(dir / "ff", "x");
  CHECK(::poll(&watched, 1, 0) == 1);
  CHECK(!file.drain());
  CHECK(::poll(&watched, 1, 0) == 0);
  for (int i = 0; i < 500; ++i) spit(dir / ("other" + std::to_string(i)), "x");
  spit(dir / "f", "x");
  CHECK(file.drain());
}

TEST_CASE("a directory that is removed or renamed is watched again when it is back") {
  const TempDir dir;
  REQUIRE(::mkdir((dir / "conf").c_str(), 0755) == 0);
  auto file = watch(dir / "conf/f");
  SECTION("removed") { std::filesystem::remove(dir / "conf"); }
  SECTION("renamed") { std::filesystem::rename(dir / "conf", dir / "gone"); }
  CHECK(file.drain());
  CHECK(!file.drain());
  REQUIRE(::mkdir((dir / "conf").c_str(), 0755) == 0);
  CHECK(file.drain());
  CHECK(!file.drain());
  spit(dir / "conf/f", "x");
  CHECK(file.drain());
}

TEST_CASE("without the directory there is nothing to watch") {
  const TempDir dir;
  CHECK(FileWatch::open(dir / "none/f").error().sys_errno == ENOENT);
  spit(dir / "file", "");
  CHECK(FileWatch::open(dir / "file/f").error().sys_errno == ENOTDIR);
}
