// SPDX-License-Identifier: Apache-2.0
#include "gearscale/gears/take_over.hpp"

#include <sys/stat.h>

#include <fstream>
#include <sstream>

#include "support/catch.hpp"
#include "temp_directory.hpp"

namespace gearscale::gears {

using test::TempDirectory;

namespace {

constexpr const char* kConfig = "shop-1f3a9c02/config";
constexpr const char* kNote = ".shop-1f3a9c02.gearscale";
const std::string kFormer = "lxc.group = gearscale/shop\nlxc.rootfs.path = dir:/x\n";
const std::string kOurs = "lxc.group = gearscale/shop@5f00\nlxc.rootfs.path = dir:/x\n";

Place place(const TempDirectory& root) { return place_of({.app = "shop", .uuid = "5f00"}, root.path(), "1f3a9c02"); }
Result<void> take(const TempDirectory& root) { return take_over(place(root), system::Deadline(core::Millis(100))); }
std::string slurp(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

}  // namespace

TEST_CASE("a container with the former mark gets ours, and nothing else of it changes") {
  const TempDirectory root;
  const auto config = root.write(kConfig, kFormer);
  REQUIRE(::chmod(config.c_str(), 0604) == 0);
  for (int again = 0; again < 2; ++again) {
    REQUIRE(take(root));
    CHECK(slurp(config) == kOurs);
    CHECK(*look(place(root)) == Presence::whole);
  }
  struct stat info {};
  REQUIRE(::stat(config.c_str(), &info) == 0);
  CHECK((info.st_mode & 07777) == 0604);
  CHECK_FALSE(std::filesystem::exists(place(root).note()));
}

TEST_CASE("one that was half made stays so, also when a crash came between its config and its note") {
  const TempDirectory root;
  root.write(kNote, "gearscale/shop\n");
  SECTION("without a config") {}
  SECTION("with one") { root.write(kConfig, kFormer); }
  SECTION("with one that is ours already") { root.write(kConfig, kOurs); }
  REQUIRE(take(root));
  CHECK(slurp(root / kNote) == "gearscale/shop@5f00\n");
  CHECK(*look(place(root)) == Presence::half_made);
}

TEST_CASE("what does not have the former mark is left as it is") {
  const TempDirectory root;
  REQUIRE(take(root));  // nothing there
  CHECK(std::filesystem::is_empty(root.path()));
  for (const std::string text : {"lxc.rootfs.path = dir:/x\n", "lxc.group = gearscale/shop@5f01\n", "lxc.group = gearscale/shop/prod\n"}) {
    const auto config = root.write(kConfig, text);
    REQUIRE(take(root));
    CHECK(slurp(config) == text);
  }
  root.write(kNote, "gearscale/shop@5f01\n");
  REQUIRE(take(root));
  CHECK(slurp(root / kNote) == "gearscale/shop@5f01\n");
}

TEST_CASE("what is no plain file is not read, written or followed") {
  const TempDirectory root;
  std::filesystem::create_directories(root / "shop-1f3a9c02");
  const auto elsewhere = root.write("elsewhere", kFormer);
  SECTION("a link") { std::filesystem::create_symlink(elsewhere, root / kConfig); }
  SECTION("a directory") { std::filesystem::create_directory(root / kConfig); }
  SECTION("a FIFO") { REQUIRE(::mkfifo((root / kConfig).c_str(), 0600) == 0); }
  CHECK(take(root));
  CHECK(slurp(elsewhere) == kFormer);
}

TEST_CASE("nothing is written where somebody else could put a link meanwhile") {
  const TempDirectory root;
  const auto config = root.write(kConfig, kFormer);
  const auto directory = place(root).directory();
  REQUIRE(::chmod(directory.c_str(), 0777) == 0);
  const auto taken = take(root);
  REQUIRE_FALSE(taken);
  CHECK(taken.error().code == Errc::config);
  CHECK(taken.error().message.find("may be written by others") != std::string::npos);
  CHECK(slurp(config) == kFormer);
  REQUIRE(::chmod(directory.c_str(), 0710) == 0);
  CHECK(take(root));
  CHECK(slurp(config) == kOurs);
}

TEST_CASE("one that somebody works on is not taken over") {
  const TempDirectory root;
  const auto config = root.write(kConfig, kFormer);
  const auto note = WorkNote::take(place(root), system::Deadline(core::Millis(100)));
  REQUIRE(note);
  const auto taken = take(root);
  REQUIRE_FALSE(taken);
  CHECK(taken.error().code == Errc::unavailable);
  CHECK(slurp(config) == kFormer);
}

}  // namespace gearscale::gears
