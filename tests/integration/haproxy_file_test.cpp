// SPDX-License-Identifier: Apache-2.0
// haproxy.cfg as HAProxy itself sees it: what is written is accepted, serves the same gears after a restart, and nothing else changes.
#include <sys/stat.h>
#include <unistd.h>

#include "gearscale/system/subprocess.hpp"
#include "integration/real_haproxy.hpp"
#include "support/catch.hpp"

using namespace gearscale;
using core::ServerState;
using test::at;
using test::await;
using test::enrol;
using test::error_of;
using test::gone;
using test::kFirst;
using test::kSecond;
using test::look;
using test::RealHaproxy;
using test::Seen;
using test::slurp;
using test::spit;
using test::write_file;

namespace {

struct stat file_info(const std::string& path) {
  struct stat info {};
  REQUIRE(::lstat(path.c_str(), &info) == 0);
  return info;
}

std::string begin_line() { return "    " + codec::begin_marker("express") + "\n"; }
std::string end_line() { return "    " + codec::end_marker("express") + "\n"; }

void check_accepted(const std::string& file) {
  const auto checked = system::run_process({"haproxy", "-c", "-f", file}, core::Millis{20'000});
  REQUIRE(checked);
  INFO(checked->output);
  CHECK(checked->exit_code == 0);
}

// Nothing else may be left beside it, whatever happened.
bool has_temp_files(const std::string& directory) {
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    if (entry.path().filename().string().starts_with(".gearscale-")) return true;
  }
  return false;
}

}  // namespace

TEST_CASE("the block holds exactly the given gears, every other byte stays, and HAProxy accepts the file") {
  RealHaproxy farm;
  haproxy::HaproxyBalancer balancer(farm.options());
  auto text = farm.text();
  text.insert(0, "# Umlaute \xfc\xf6 and a\ttab  \n\n");
  text += "\n\n# the last line\r\n";
  spit(farm.config(), text);
  REQUIRE(::chmod(farm.config().c_str(), 0640) == 0);
  const gid_t group = ::geteuid() == 0 ? 65534 : ::getegid();
  REQUIRE(::chown(farm.config().c_str(), ::geteuid(), group) == 0);
  const auto head = text.substr(0, text.find(begin_line()) + begin_line().size());
  const auto tail = text.substr(text.find(end_line()));
  const auto arguments = ":" + std::to_string(farm.servers().port()) + " check inter 10s fall 3 rise 1\n";
  const auto first = "    server gear-00000001-prod 127.0.0.2" + arguments;
  const auto second = "    server gear-00000002-prod 127.0.0.3" + arguments;

  REQUIRE(error_of(write_file(balancer, {{kFirst, at(2)}})) == "");
  CHECK(slurp(farm.config()) == head + first + tail);
  check_accepted(farm.config());
  REQUIRE(error_of(write_file(balancer, {{kFirst, at(2)}, {kSecond, at(3)}})) == "");
  CHECK(slurp(farm.config()) == head + first + second + tail);
  check_accepted(farm.config());
  REQUIRE(error_of(write_file(balancer, {{kSecond, at(3)}})) == "");
  CHECK(slurp(farm.config()) == head + second + tail);
  REQUIRE(error_of(write_file(balancer, {})) == "");
  CHECK(slurp(farm.config()) == text);
  CHECK((file_info(farm.config()).st_mode & 07777) == 0640);
  CHECK(file_info(farm.config()).st_gid == group);
  CHECK(!has_temp_files(farm.directory().path()));
}

TEST_CASE("a block that is right already is not written again, not even checked") {
  RealHaproxy farm;
  auto options = farm.options();
  REQUIRE(error_of(write_file(haproxy::HaproxyBalancer(options), {{kFirst, at(2)}})) == "");
  const auto before = file_info(farm.config());
  options.binary = "/nonexistent/haproxy";
  haproxy::HaproxyBalancer balancer(options);
  REQUIRE(error_of(write_file(balancer, {{kFirst, at(2)}})) == "");
  const auto after = file_info(farm.config());
  CHECK(after.st_ino == before.st_ino);
  CHECK(after.st_mtim.tv_sec == before.st_mtim.tv_sec);
  CHECK(after.st_mtim.tv_nsec == before.st_mtim.tv_nsec);
  const auto unchecked = write_file(balancer, {});
  REQUIRE(!unchecked);
  CHECK(unchecked.error().code == Errc::config);
  CHECK(file_info(farm.config()).st_ino == before.st_ino);
}

TEST_CASE("whether the block holds exactly these gears is seen in the file itself") {
  RealHaproxy farm;
  haproxy::HaproxyBalancer balancer(farm.options());
  const std::vector<ServerSpec> gears{{kFirst, at(2)}, {kSecond, at(3)}};
  CHECK(balancer.file_holds({}).value_or(false));
  CHECK_FALSE(balancer.file_holds(gears).value_or(true));
  REQUIRE(error_of(write_file(balancer, gears)) == "");
  CHECK(balancer.file_holds(gears).value_or(false));
  CHECK(haproxy::HaproxyBalancer(farm.options()).file_holds(gears).value_or(false));
  CHECK_FALSE(balancer.file_holds({{kFirst, at(2)}}).value_or(true));
  CHECK_FALSE(balancer.file_holds({{kFirst, at(2)}, {kSecond, at(4)}}).value_or(true));
  spit(farm.config(), slurp(farm.config()) + "# mine\n");
  CHECK(balancer.file_holds(gears).value_or(false));
  spit(farm.config(), farm.text());
  CHECK_FALSE(balancer.file_holds(gears).value_or(true));
  spit(farm.config(), "global\n");
  const auto no_block = balancer.file_holds({});
  REQUIRE(!no_block);
  CHECK(no_block.error().code == Errc::config);
}

TEST_CASE("a full restart of HAProxy serves the same gears with the same cookies, and they can still be drained and removed") {
  RealHaproxy farm;
  haproxy::HaproxyBalancer balancer(farm.options());
  enrol(balancer, {{kFirst, 2}, {kSecond, 3}});
  REQUIRE(error_of(write_file(balancer, {{kFirst, at(2)}, {kSecond, at(3)}})) == "");
  const auto first = farm.cookie_of(2);
  const auto second = farm.cookie_of(3);
  REQUIRE(first.size() == 16);
  const auto running = look(balancer);

  farm.stop();
  const auto lost = balancer.observe();
  REQUIRE(!lost);
  CHECK(lost.error().code == Errc::unavailable);
  farm.start();
  CHECK(look(balancer) == running);
  CHECK(farm.get(first).server == "127.0.0.2");
  CHECK(farm.get(second).server == "127.0.0.3");
  CHECK(farm.cookie_of(2) == first);
  CHECK(farm.cookie_of(3) == second);

  REQUIRE(error_of(balancer.add({kFirst, at(2)})) == "");  // there already, this time from the file
  REQUIRE(error_of(balancer.drain(kFirst)) == "");
  CHECK(farm.get(first).server == "127.0.0.2");
  REQUIRE(error_of(balancer.maint(kFirst)) == "");
  CHECK(await([&] { return gone(balancer, kFirst); }));
  CHECK(look(balancer) == std::vector<Seen>{{kSecond, ServerState::up, at(3)}});
}

TEST_CASE("a gear from the file that was in use when it went to maint can be removed as soon as its last request is done") {
  RealHaproxy farm;
  haproxy::HaproxyBalancer balancer(farm.options());
  REQUIRE(error_of(write_file(balancer, {{kFirst, at(2)}})) == "");
  farm.stop();
  farm.start();
  const auto cookie = farm.cookie_of(2);
  auto held = farm.hold(cookie);
  REQUIRE(await([&] { return farm.servers().held() == 1; }));
  REQUIRE(error_of(balancer.maint(kFirst)) == "");
  CHECK(!gone(balancer, kFirst));
  farm.servers().release();
  CHECK(held.answer().server == "127.0.0.2");
  // The connection to the gear is idle now and kept for reuse. HAProxy 2.6 itself would drop it only after some 15 s.
  CHECK(await([&] { return gone(balancer, kFirst); }));
}

TEST_CASE("gear_maxconn stands in the running state and in the file, and nowhere without the setting") {
  RealHaproxy farm;
  const int maxconn = GENERATE(0, 6);
  auto options = farm.options();
  options.gear_maxconn = maxconn;
  haproxy::HaproxyBalancer balancer(options);
  REQUIRE(error_of(balancer.add({kFirst, at(2)})) == "");
  REQUIRE(error_of(write_file(balancer, {{kFirst, at(2)}})) == "");
  const auto limit = [&] { return std::string(split(farm.row("gear-00000001-prod"), ',').at(6)); };
  CHECK(limit() == (maxconn == 0 ? "" : "6"));
  const auto line = slurp(farm.config());
  CHECK((line.find("rise 1 maxconn 6\n") != std::string::npos) == (maxconn != 0));
  farm.stop();
  farm.start();
  CHECK(limit() == (maxconn == 0 ? "" : "6"));
}

TEST_CASE("what cannot become a good file leaves the old one as it is") {
  RealHaproxy farm;
  const auto good = farm.text();
  const auto begin = good.find(begin_line());
  struct Case {
    const char* what;
    std::string text;
    std::string says;
  };
  const auto block = begin_line() + end_line();
  const auto without = std::string(good).erase(begin, block.size());
  const auto cases = {
      Case{"the user's own broken line", good + "    frobnicate yes\n", "unknown keyword 'frobnicate' in 'backend' section"},
      Case{"no markers", without, "are missing"},
      Case{"only the begin marker", std::string(without).insert(begin, begin_line()), "is missing while its partner is there"},
      Case{"the markers twice", std::string(good).insert(begin, block), "is there 2 times"},
      Case{"the markers in the wrong order", std::string(without).insert(begin, end_line() + begin_line()), "before the begin marker"},
      Case{"the markers in another section", block + without, "not both inside the section"},
  };
  for (const auto& [what, text, says] : cases) {
    INFO(what);
    spit(farm.config(), text);
    const auto before = file_info(farm.config());
    const auto refused = write_file(haproxy::HaproxyBalancer(farm.options()), {{kFirst, at(2)}});
    REQUIRE(!refused);
    INFO(refused.error().message);
    CHECK(refused.error().code == Errc::config);
    CHECK(refused.error().message.find(says) != std::string::npos);
    CHECK(refused.error().message.find(farm.config()) != std::string::npos);
    CHECK(refused.error().message.find(".gearscale-") == std::string::npos);
    CHECK(slurp(farm.config()) == text);
    CHECK(file_info(farm.config()).st_ino == before.st_ino);
    CHECK(!has_temp_files(farm.directory().path()));
  }
}

TEST_CASE("check_file wants a readable file with our block that HAProxy accepts") {
  RealHaproxy farm;
  haproxy::HaproxyBalancer balancer(farm.options());
  CHECK(error_of(balancer.check_file()) == "");
  spit(farm.config(), farm.text() + "    frobnicate yes\n");
  const auto refused = balancer.check_file();
  REQUIRE(!refused);
  CHECK(refused.error().code == Errc::config);
  CHECK(refused.error().message.find("HAProxy refuses " + farm.config() + ": ") != std::string::npos);
  spit(farm.config(), "global\n");
  const auto no_block = balancer.check_file();
  REQUIRE(!no_block);
  CHECK(no_block.error().code == Errc::config);
  REQUIRE(::unlink(farm.config().c_str()) == 0);
  for (const auto& missing : {balancer.check_file(), write_file(balancer, {})}) {
    REQUIRE(!missing);
    CHECK(missing.error().code == Errc::config);
    CHECK(missing.error().sys_errno == ENOENT);
  }
  CHECK(!test::exists(farm.config()));
}

TEST_CASE("a haproxy.cfg that is a symbolic link stays one, and its target gets the gears") {
  RealHaproxy farm;
  const auto target = farm.directory() / "kept-elsewhere.cfg";
  REQUIRE(::rename(farm.config().c_str(), target.c_str()) == 0);
  REQUIRE(::symlink("kept-elsewhere.cfg", farm.config().c_str()) == 0);
  REQUIRE(error_of(write_file(haproxy::HaproxyBalancer(farm.options()), {{kFirst, at(2)}})) == "");
  CHECK(S_ISLNK(file_info(farm.config()).st_mode));
  CHECK(S_ISREG(file_info(target).st_mode));
  CHECK(slurp(target).find("server gear-00000001-prod 127.0.0.2:") != std::string::npos);
}

TEST_CASE("a full disk is an error that leaves the old file and no other") {
  RealHaproxy farm;
  // The small disk lives in a mount namespace of the child; what went wrong there is its exit code.
  test::Child child([&] {
    const test::TinyDisk disk("size=64k");
    if (!disk.why_not().empty()) return 77;
    auto options = farm.options();
    options.config_file = disk / "haproxy.cfg";
    const auto text = farm.text() + "# " + std::string(10'000, 'x') + "\n";
    spit(options.config_file, text);
    disk.fill(2);
    const auto files = test::files_in(disk / ".");
    haproxy::HaproxyBalancer balancer(options);
    const auto refused = write_file(balancer, {{kFirst, at(2)}});
    if (refused || refused.error().code != Errc::failed || refused.error().sys_errno != ENOSPC) return 1;
    if (refused.error().message.find("no space left on device") == std::string::npos) return 2;
    if (slurp(options.config_file) != text) return 3;
    if (test::files_in(disk / ".") != files) return 4;
    disk.free();
    return write_file(balancer, {{kFirst, at(2)}}) && slurp(options.config_file) != text ? 0 : 5;
  });
  const int code = child.exit_code();
  if (code == 77 && ::geteuid() != 0) {
    WARN("skipped: no small disk can be mounted without root");
    return;
  }
  CHECK(code == 0);
}
