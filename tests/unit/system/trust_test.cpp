// SPDX-License-Identifier: Apache-2.0
#include "gearscale/system/trust.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include "helpers.hpp"
#include "support/catch.hpp"

using namespace gearscale;
using system::check_links;
using system::check_trusted;
using test::error_of;

namespace {

constexpr uid_t kStranger = 12'345;

// A directory in /tmp, which everybody may write, with the sticky bit; conf/file is in it.
struct Place {
  test::TempDir directory;
  std::string conf = directory / "conf";
  std::string file = conf + "/file";
  Place() {
    REQUIRE(::mkdir(conf.c_str(), 0755) == 0);
    test::spit(file, "x");
    REQUIRE(::chmod(file.c_str(), 0644) == 0);
  }
  std::string why() const { return error_of(check_trusted(file)); }
};

bool is_root() {
  if (::geteuid() == 0) return true;
  WARN("skipped: giving files to somebody else needs root");
  return false;
}

}  // namespace

TEST_CASE("what belongs to us and is not open to everybody is trusted, also below /tmp") {
  Place place;
  CHECK(place.why().empty());
  CHECK(error_of(check_trusted(place.conf)).empty());
  CHECK(error_of(check_trusted("/")).empty());
  CHECK(error_of(check_trusted(place.conf + "/../conf/./file")).empty());
  CHECK(error_of(check_trusted("/../.." + place.file)).empty());
}

TEST_CASE("what is not there is nobody's fault, as long as nobody can put it there") {
  Place place;
  CHECK(error_of(check_trusted(place.conf + "/none")).empty());
  CHECK(error_of(check_trusted(place.file + "/none")).empty());
  CHECK(error_of(check_trusted("/none/none")).empty());
  REQUIRE(::chmod(place.conf.c_str(), 0757) == 0);
  CHECK_FALSE(error_of(check_trusted(place.conf + "/none")).empty());
}

TEST_CASE("a file or a directory above it that everybody may write is not trusted") {
  Place place;
  REQUIRE(::chmod(place.file.c_str(), 0646) == 0);
  CHECK(place.why() == place.file + ": everybody may write it and so change what is done here. Run: chmod o-w " + place.file);
  CHECK(check_trusted(place.file).error().code == Errc::config);
  REQUIRE(::chmod(place.file.c_str(), 01646) == 0);
  CHECK_FALSE(place.why().empty());  // the sticky bit of a file means nothing
  REQUIRE(::chmod(place.file.c_str(), 0664) == 0);
  CHECK(place.why().empty());
  for (const auto& directory : {place.conf, place.directory.path()}) {
    REQUIRE(::chmod(directory.c_str(), 0757) == 0);
    CHECK(place.why() == directory + ": everybody may write it and so change what is done here. Run: chmod o-w " + directory);
    REQUIRE(::chmod(directory.c_str(), 01777) == 0);
    CHECK(place.why().empty());
    REQUIRE(::chmod(directory.c_str(), 0775) == 0);
    CHECK(place.why().empty());
  }
}

TEST_CASE("what belongs to neither root nor us is not trusted") {
  if (!is_root()) return;
  Place place;
  for (const auto& path : {place.file, place.conf, place.directory.path()}) {
    REQUIRE(::chown(path.c_str(), kStranger, 0) == 0);
    CHECK(place.why() == path + ": a " + (path == place.file ? "file" : "directory") +
                             " of user 12345, who could change what is done here: it must be root's. Run: chown -h root " + path);
    CHECK(error_of(check_links(place.file)).empty());
    REQUIRE(::chown(path.c_str(), 0, 0) == 0);
  }
  // Somebody who is not root trusts root and himself.
  REQUIRE(::chown(place.directory.path().c_str(), kStranger, 0) == 0);
  REQUIRE(::chmod(place.directory.path().c_str(), 0755) == 0);
  test::Child child([&] {
    if (::setuid(kStranger) != 0) return 2;
    return check_trusted(place.file) ? 0 : 1;
  });
  CHECK(child.exit_code() == 0);
}

TEST_CASE("what somebody may not look at, he is not told about") {
  if (!is_root()) return;
  Place place;
  REQUIRE(::chmod(place.directory.path().c_str(), 0700) == 0);
  test::Child child([&] {
    if (::setuid(kStranger) != 0) return 2;
    return check_trusted(place.file) ? 0 : 1;
  });
  CHECK(child.exit_code() == 0);
}

TEST_CASE("links are followed, and each is judged like what it leads to") {
  Place place;
  const auto link = place.directory / "link";
  const auto other = place.directory / "other";
  REQUIRE(::mkdir(other.c_str(), 0755) == 0);
  REQUIRE(::symlink("other/second", link.c_str()) == 0);
  REQUIRE(::symlink("../conf", (other + "/second").c_str()) == 0);
  CHECK(error_of(check_trusted(link + "/file")).empty());
  CHECK(error_of(check_links(link + "/file")).empty());
  REQUIRE(::chmod(other.c_str(), 0777) == 0);  // the second link could be another one tomorrow
  CHECK(error_of(check_trusted(link + "/file")).find(other + ": everybody may write it") == 0);
  CHECK(error_of(check_links(link + "/file")).empty());
  REQUIRE(::chmod(other.c_str(), 0755) == 0);
  REQUIRE(::chmod(place.conf.c_str(), 0777) == 0);
  CHECK(error_of(check_trusted(link + "/file")).find(place.conf + ": everybody may write it") == 0);
  REQUIRE(::unlink(link.c_str()) == 0);
  REQUIRE(::symlink(place.file.c_str(), link.c_str()) == 0);  // an absolute one
  CHECK(error_of(check_trusted(link)).find(place.conf + ": everybody may write it") == 0);
  if (!is_root()) return;
  REQUIRE(::chmod(place.conf.c_str(), 0755) == 0);
  REQUIRE(::lchown(link.c_str(), kStranger, 0) == 0);
  for (const auto& result : {check_trusted(link), check_links(link)}) {
    CHECK(error_of(result) == link + ": a link of user 12345, who could change what is done here: it must be root's. Run: chown -h root " + link);
  }
}

TEST_CASE("links in a circle are an error, a link to nothing is none") {
  Place place;
  const auto link = place.directory / "link";
  REQUIRE(::symlink("link", link.c_str()) == 0);
  CHECK(error_of(check_trusted(link)).find("cannot follow " + link + ": ") == 0);
  REQUIRE(::unlink(link.c_str()) == 0);
  REQUIRE(::symlink("none", link.c_str()) == 0);
  CHECK(error_of(check_trusted(link)).empty());
}
