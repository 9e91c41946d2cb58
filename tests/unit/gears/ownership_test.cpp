// SPDX-License-Identifier: Apache-2.0
#include "gearscale/gears/ownership.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "gearscale/base/text.hpp"
#include "support/catch.hpp"
#include "temp_directory.hpp"

namespace gearscale::gears {

using test::TempDirectory;

namespace {

const core::Application kShop{.app = "shop", .ns = "prod", .uuid = "5f00"};
constexpr const char* kName = "shop-1f3a9c02-prod";
const std::string kOurs = "lxc.group = gearscale/shop/prod@5f00\nlxc.rootfs.path = dir:/x\n";
const std::string kForeign = "lxc.rootfs.path = dir:/x\n";

Place place(const TempDirectory& root) { return place_of(kShop, root.path(), "1f3a9c02"); }
system::Deadline soon(int ms = 5'000) { return system::Deadline(core::Millis(ms)); }

}  // namespace

TEST_CASE("a container is at its name, its note and its log beside it") {
  const auto at = place_of(kShop, "/var/lib/lxc", "1f3a9c02");
  CHECK(at.name == kName);
  CHECK(at.mark == "gearscale/shop/prod@5f00");
  CHECK(at.former_mark == "gearscale/shop/prod");
  CHECK(at.config() == "/var/lib/lxc/shop-1f3a9c02-prod/config");
  CHECK(at.note() == "/var/lib/lxc/.shop-1f3a9c02-prod.gearscale");
  CHECK(at.log() == "/var/lib/lxc/.shop-1f3a9c02-prod.gearscale.log");
}

TEST_CASE("the mark is one whole lxc.group line") {
  const auto marked = [](const char* config) { return config_has_mark(config, "gearscale/shop"); };
  CHECK(marked("lxc.group = gearscale/shop"));
  CHECK(marked("a = b\n  lxc.group=gearscale/shop  \nc = d\n"));
  CHECK(marked("lxc.group = other\nlxc.group = \"gearscale/shop\"\n"));
  for (const auto* config :
       {"", "# lxc.group = gearscale/shop", "lxc.group = gearscale/shop/prod", "lxc.group = gearscale/sho", "lxc.groups = gearscale/shop",
        "lxc.group gearscale/shop", "lxc.uts.name = gearscale/shop", "lxc.group = gearscale/shop\nlxc.group =\n"}) {
    INFO(config);
    CHECK_FALSE(marked(config));
  }
}

TEST_CASE("another mark takes the place of one, and of nothing else") {
  const auto marked = [](const char* config) { return config_with_mark(config, "gearscale/shop", "gearscale/shop@5f00"); };
  CHECK(marked("a = b\n  lxc.group=\"gearscale/shop\"  \n# lxc.group = gearscale/shop\nlxc.group = other") ==
        "a = b\nlxc.group = gearscale/shop@5f00\n# lxc.group = gearscale/shop\nlxc.group = other");
  CHECK(marked("lxc.group = gearscale/shop/prod\nlxc.group = gearscale/shop@5f01\n") ==
        "lxc.group = gearscale/shop/prod\nlxc.group = gearscale/shop@5f01\n");
  CHECK(marked("").empty());
}

TEST_CASE("the configured address is the one of the first network") {
  CHECK(config_address("lxc.net.0.ipv4.address = 10.87.0.12/24\n") == *parse_ipv4("10.87.0.12"));
  CHECK(config_address("lxc.net.0.ipv4.address = 10.87.0.12\n") == *parse_ipv4("10.87.0.12"));
  CHECK(config_address("lxc.net.0.ipv4.address = 10.9.9.9/24\nlxc.net.0.ipv4.address =\nlxc.net.0.ipv4.address = 10.87.0.12/24") ==
        *parse_ipv4("10.87.0.12"));
  CHECK(config_address("lxc.net.0.ipv4.address = 10.9.9.9/24\nlxc.net.0.ipv4.address = 10.87.0.12/24") == 0);
  CHECK(config_address("lxc.net.1.ipv4.address = 10.87.0.12/24") == 0);
  CHECK(config_address("lxc.net.0.ipv4.address = dhcp") == 0);
  CHECK(config_address("") == 0);
}

TEST_CASE("without a note a container is whole and ours, or foreign") {
  const TempDirectory root;
  const auto at = place(root);
  CHECK(*look(at) == Presence::nothing);

  SECTION("ours") {
    root.write(std::string(kName) + "/config", kOurs);
    CHECK(*look(at) == Presence::whole);
  }
  SECTION("somebody's") {
    root.write(std::string(kName) + "/config", kForeign);
    CHECK(*look(at) == Presence::foreign);
  }
  SECTION("another application's") {
    root.write(std::string(kName) + "/config", "lxc.group = gearscale/shop@5f00\n");
    CHECK(*look(at) == Presence::foreign);
  }
  SECTION("one of another application of the same name") {
    root.write(std::string(kName) + "/config", "lxc.group = gearscale/shop/prod@5f01\nlxc.rootfs.path = dir:/x\n");
    CHECK(*look(at) == Presence::foreign);
  }
  SECTION("with the mark of an earlier version, which had no uuid") {
    root.write(std::string(kName) + "/config", "lxc.group = gearscale/shop/prod\nlxc.rootfs.path = dir:/x\n");
    CHECK(*look(at) == Presence::foreign);
  }
  SECTION("an empty directory") {
    std::filesystem::create_directory(at.directory());
    CHECK(*look(at) == Presence::nothing);
  }
  SECTION("a directory with something, but no config") {
    root.write(std::string(kName) + "/precious", "");
    CHECK(*look(at) == Presence::foreign);
  }
  SECTION("a file") {
    root.write(kName, "");
    CHECK(*look(at) == Presence::foreign);
  }
  SECTION("a link that leads nowhere") {
    std::filesystem::create_symlink("/nowhere", at.directory());
    CHECK(*look(at) == Presence::foreign);
  }
  SECTION("a link to a directory that would pass for ours") {
    root.write("elsewhere/config", kOurs);
    std::filesystem::create_directory_symlink(root / "elsewhere", at.directory());
    CHECK(*look(at) == Presence::foreign);
  }
}

TEST_CASE("a place that cannot be read, or that others may write, is neither ours nor foreign: it is left alone, and why is said") {
  const TempDirectory root;
  const auto at = place(root);
  root.write(std::string(kName) + "/config", kOurs);
  REQUIRE(look(at));
  const auto why = [&] {
    const auto seen = look(at);
    return seen ? std::string("it was read") : seen.error().message;
  };
  const std::string no_file = at.config() + " is not a regular file: it is not touched";
  SECTION("its config is a directory") {
    std::filesystem::remove(at.config());
    std::filesystem::create_directory(at.config());
    CHECK(why() == no_file);
  }
  SECTION("its config is a FIFO") {
    std::filesystem::remove(at.config());
    REQUIRE(::mkfifo(at.config().c_str(), 0600) == 0);
    CHECK(why() == no_file);
  }
  SECTION("its config is a link") {
    std::filesystem::rename(at.config(), root / "config");
    std::filesystem::create_symlink(root / "config", at.config());
    CHECK(why() == no_file);
  }
  SECTION("everybody may write its config") {
    REQUIRE(::chmod(at.config().c_str(), 0666) == 0);
    CHECK(why().find(at.config() + " may be written by others than its owner") == 0);
  }
  SECTION("everybody may write its directory, while it is half made") {
    root.write(".shop-1f3a9c02-prod.gearscale", "gearscale/shop/prod@5f00\n");
    REQUIRE(::chmod(at.directory().c_str(), 0777) == 0);
    CHECK(why().find(at.directory() + " may be written by others than its owner") == 0);
  }
  SECTION("its note is a directory") {
    std::filesystem::create_directory(at.note());
    CHECK(why().find("cannot open " + at.note()) == 0);
  }
  SECTION("its note is a link") {
    std::filesystem::create_symlink(at.config(), at.note());
    CHECK(why().find("cannot open " + at.note()) == 0);
  }
}

TEST_CASE("what is somebody else's may be as open as he likes") {
  const TempDirectory root;
  root.write(std::string(kName) + "/config", kForeign);
  REQUIRE(::chmod(place(root).directory().c_str(), 0777) == 0);
  CHECK(*look(place(root)) == Presence::foreign);
}

TEST_CASE("with a note of ours it is half made, unless it is clearly somebody's") {
  const TempDirectory root;
  const auto at = place(root);
  root.write(".shop-1f3a9c02-prod.gearscale", "gearscale/shop/prod@5f00\n");
  CHECK(*look(at) == Presence::half_made);
  std::filesystem::create_directory(at.directory());
  CHECK(*look(at) == Presence::half_made);
  root.write(std::string(kName) + "/rootfs/file", "");
  CHECK(*look(at) == Presence::half_made);
  root.write(std::string(kName) + "/config", "");
  CHECK(*look(at) == Presence::half_made);
  root.write(std::string(kName) + "/config", "lxc.uts.name = x\nlxc.net");  // cut short
  CHECK(*look(at) == Presence::half_made);
  root.write(std::string(kName) + "/config", kOurs);
  CHECK(*look(at) == Presence::half_made);
  root.write(std::string(kName) + "/config", kForeign);
  CHECK(*look(at) == Presence::foreign);
}

TEST_CASE("a note of another application makes it foreign, an empty one only holds the lock") {
  const TempDirectory root;
  const auto at = place(root);
  for (const auto* mark : {"gearscale/other@5f00\n", "gearscale/shop/prod@5f01\n", "gearscale/shop/prod\n"}) {
    root.write(".shop-1f3a9c02-prod.gearscale", mark);
    CHECK(*look(at) == Presence::foreign);
  }
  root.write(std::string(kName) + "/config", kOurs);
  CHECK(*look(at) == Presence::foreign);
  root.write(".shop-1f3a9c02-prod.gearscale", "");
  CHECK(*look(at) == Presence::whole);
}

TEST_CASE("the places of an application are found by directory and by note") {
  const TempDirectory root;
  root.write("shop-00000002-prod/config", "");
  root.write(".shop-00000001-prod.gearscale", "");
  root.write("shop-00000003-prod/config", "");
  root.write(".shop-00000003-prod.gearscale", "");
  root.write(".shop-00000004-prod.gearscale.log", "");
  root.write("shop-00000005/config", "");
  root.write("shop-0000000x-prod/config", "");
  root.write("other-00000006-prod/config", "");
  CHECK(*ids_under(kShop, root.path()) == std::vector<std::string>{"00000001", "00000002", "00000003"});
  const auto nowhere = ids_under(kShop, root / "nowhere");
  REQUIRE_FALSE(nowhere);
  CHECK(nowhere.error().code == Errc::config);
}

TEST_CASE("a note that announces nothing goes away by itself, an announced one stays until it is withdrawn") {
  const TempDirectory root;
  const auto at = place(root);
  {
    auto note = WorkNote::take(at, soon());
    REQUIRE(note);
    CHECK(*look(at) == Presence::nothing);
  }
  CHECK_FALSE(std::filesystem::exists(at.note()));
  {
    auto note = WorkNote::take(at, soon());
    REQUIRE(note);
    REQUIRE(note->announce());
    CHECK(*look(at) == Presence::half_made);
  }
  CHECK(*look(at) == Presence::half_made);  // as after a crash
  {
    auto note = WorkNote::take(at, soon());
    REQUIRE(note);
    CHECK(*look(at) == Presence::half_made);
    REQUIRE(note->withdraw());
    CHECK(*look(at) == Presence::nothing);
  }
  CHECK_FALSE(std::filesystem::exists(at.note()));
}

TEST_CASE("one at a time: the second waits for the first, or gives up at its deadline") {
  const TempDirectory root;
  const auto at = place(root);
  auto first = std::make_unique<Result<WorkNote>>(WorkNote::take(at, soon()));
  REQUIRE(*first);
  const auto second = WorkNote::take(at, soon(20));
  REQUIRE_FALSE(second);
  CHECK(second.error().code == Errc::unavailable);
  CHECK(second.error().message.find("another process works on container shop-1f3a9c02-prod") == 0);

  const pid_t waiter = ::fork();
  REQUIRE(waiter >= 0);
  if (waiter == 0) {
    (*first)->~WorkNote();  // its copy of the lock: gone, so that only the parent's counts
    ::_exit(WorkNote::take(at, soon(20'000)) ? 0 : 1);
  }
  first.reset();
  int status = -1;
  ::waitpid(waiter, &status, 0);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
}

TEST_CASE("a process that inherited the lock keeps it") {
  const TempDirectory root;
  const auto at = place(root);
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  Fd reading(ends[0]), writing(ends[1]);
  pid_t heir = -1;
  {
    auto note = WorkNote::take(at, soon());
    REQUIRE(note);
    REQUIRE(note->announce());
    heir = ::fork();
    REQUIRE(heir >= 0);
    if (heir == 0) {
      writing.reset();
      char byte = 0;
      static_cast<void>(::read(reading.get(), &byte, 1));  // until the test closes its end
      ::_exit(0);
    }
  }
  CHECK_FALSE(WorkNote::take(at, soon(20)));
  writing.reset();
  ::waitpid(heir, nullptr, 0);
  CHECK(WorkNote::take(at, soon()));
}

TEST_CASE("without an lxc_path there is no note") {
  const auto note = WorkNote::take(place_of(kShop, "/nowhere/at/all", "1f3a9c02"), soon());
  REQUIRE_FALSE(note);
  CHECK(note.error().code == Errc::config);
}

}  // namespace gearscale::gears
