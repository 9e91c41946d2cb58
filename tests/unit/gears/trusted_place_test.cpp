// SPDX-License-Identifier: Apache-2.0
#include "gearscale/gears/trusted_place.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "support/catch.hpp"
#include "temp_directory.hpp"

namespace gearscale::gears {

using test::TempDirectory;

namespace {

constexpr const char* kName = "shop-1f3a9c02";
constexpr uid_t kGearsRoot = 1'000'000;

// A container's directory as clones have it.
struct Container {
  TempDirectory root;
  std::string directory = root / kName;
  std::string config = root.write(std::string(kName) + "/config", "lxc.uts.name = x\n");
  Container() {
    REQUIRE(::chmod(directory.c_str(), 0710) == 0);
    REQUIRE(::chmod(config.c_str(), 0640) == 0);
  }
};

std::string refusal(const std::string& directory) {
  const auto checked = check_place(directory);
  if (checked) return "";
  CHECK(checked.error().code == Errc::config);
  return checked.error().message;
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("what is root's alone is believed, and what is not there is nobody's fault") {
  const Container at;
  CHECK(check_place(at.directory));
  CHECK(check_place(at.root / "nowhere"));
  std::filesystem::remove(at.config);
  CHECK(check_place(at.directory));
}

TEST_CASE("a directory or a file that others may write is refused, with what to do") {
  const Container at;
  const std::string what = GENERATE("", "/config", "/lxc_rdepends");
  at.root.write(std::string(kName) + "/lxc_rdepends", "");
  const auto path = at.directory + what;
  for (const mode_t mode : {0755U, 0711U, 0700U}) {
    REQUIRE(::chmod(path.c_str(), mode) == 0);
    CHECK(refusal(at.directory).empty());
  }
  for (const mode_t mode : {0720U, 0702U}) {
    REQUIRE(::chmod(path.c_str(), mode) == 0);
    CHECK(contains(refusal(at.directory), path + " may be written by others than its owner"));
    CHECK(contains(refusal(at.directory), "then run: chmod 0"));
  }
}

TEST_CASE("what belongs to a gear's root is refused, whatever its mode") {
  if (::geteuid() != 0) {
    WARN("not root: nothing can be given away");
    return;
  }
  const Container at;
  const std::string what = GENERATE("", "/config", "/lxc_rdepends");
  at.root.write(std::string(kName) + "/lxc_rdepends", "");
  const auto path = at.directory + what;
  REQUIRE(::chown(path.c_str(), kGearsRoot, 0) == 0);
  CHECK(contains(refusal(at.directory), path + " belongs to user 1000000, who could tell root what to do"));
  REQUIRE(::chown(path.c_str(), 0, kGearsRoot) == 0);
  CHECK(refusal(at.directory).empty());
}

TEST_CASE("links, second names and what is no file are refused, and nothing waits for a FIFO") {
  const Container at;
  const auto other = at.root.write("other", "lxc.hook.destroy = /evil\n");
  SECTION("the directory is a link") {
    std::filesystem::create_directory_symlink(at.directory, at.root / "link");
    CHECK(contains(refusal(at.root / "link"), "is not a directory"));
    CHECK_FALSE(read_in_place(at.root / "link", "config", 100)->has_value());
  }
  SECTION("the place is a file") { CHECK(contains(refusal(other), "is not a directory")); }
  SECTION("the config has a second name") {
    std::filesystem::create_hard_link(at.config, at.root / "second");
    CHECK(contains(refusal(at.directory), "config has a second name"));
  }
  std::filesystem::remove(at.config);
  SECTION("the config is a link") { std::filesystem::create_symlink(other, at.config); }
  SECTION("the config is a link to nothing") { std::filesystem::create_symlink("/nowhere", at.config); }
  SECTION("the config is a directory") { std::filesystem::create_directory(at.config); }
  SECTION("the config is a FIFO") { REQUIRE(::mkfifo(at.config.c_str(), 0600) == 0); }
  if (std::filesystem::symlink_status(at.config).type() == std::filesystem::file_type::not_found) return;
  CHECK(contains(refusal(at.directory), "config is not a regular file: it is not touched"));
  const auto text = read_in_place(at.directory, "config", 100);
  REQUIRE_FALSE(text);
  CHECK(contains(text.error().message, "config is not a regular file: it is not touched"));
}

TEST_CASE("a directory is closed when others do not pass it, and the gears' root does") {
  const Container at;
  const auto group = ::getegid();
  const auto closed = [&](mode_t mode, gid_t of) {
    REQUIRE(::chmod(at.directory.c_str(), mode) == 0);
    return check_closed(at.directory, of).has_value();
  };
  CHECK(closed(0710, group));
  CHECK(closed(0750, group));
  CHECK_FALSE(closed(0711, group));
  CHECK_FALSE(closed(0714, group));
  CHECK_FALSE(closed(0710, group + 1));
  CHECK_FALSE(closed(0700, group + 1));
  CHECK(closed(0700, 0));
  CHECK_FALSE(closed(0701, 0));
  CHECK(contains(check_closed(at.directory, 7).error().message, "Run: chown root:7 " + at.directory + "; chmod 0710 " + at.directory));
}

TEST_CASE("a file in a place is read whole, to its bound") {
  const Container at;
  CHECK(**read_in_place(at.directory, "config", 17) == "lxc.uts.name = x\n");
  CHECK_FALSE(read_in_place(at.directory, "config", 16));
  CHECK_FALSE(read_in_place(at.directory, "nothing", 100)->has_value());
  CHECK_FALSE(read_in_place(at.root / "nowhere", "config", 100)->has_value());
}

TEST_CASE("what a clone was made of is opened when it is destroyed, so it is looked at, too") {
  const Container at;
  at.root.write("template/config", "");
  at.root.write(std::string(kName) + "/lxc_rdepends", at.root.path() + "\ntemplate\n" + at.root.path() + "\ngone\n");
  CHECK(check_place_and_its_sources(at.directory));
  REQUIRE(::chmod((at.root / "template").c_str(), 0777) == 0);
  CHECK(check_place(at.directory));
  const auto checked = check_place_and_its_sources(at.directory);
  REQUIRE_FALSE(checked);
  CHECK(contains(checked.error().message, "template may be written by others"));
}

}  // namespace gearscale::gears
