// SPDX-License-Identifier: Apache-2.0
// Tests of the balancer against replies that a real HAProxy gives rarely or never. tests/integration has the real one.
#include "gearscale/haproxy/haproxy_balancer.hpp"

#include <atomic>

#include "fake_haproxy.hpp"
#include "support/catch.hpp"
#include "unit/system/helpers.hpp"

using namespace gearscale;
using haproxy::HaproxyBalancer;
using test::error_of;
using test::FakeHaproxy;
using test::say;
using test::TempDir;

namespace {

const std::string kInfo = "Name: HAProxy\nVersion: 2.6.12-1+deb12u4\nPid: 4711\n\n";
const std::string kHeader = "# pxname,svname,qcur,qmax,scur,smax,slim,stot,status,weight,addr,type,\n";
const std::string kBackend = "express,BACKEND,0,0,3,3,,30,UP,1,,1,\n";
const std::string kGear = "express,gear-00000001-prod,0,0,3,3,,30,UP,1,10.0.3.11:8080,2,\n";
const std::string kGood = kHeader + kGear + kBackend + "\n";

// Says who it is when that is asked first, and this to every other command.
std::string reply_to(const std::string& commands, const std::string& text) {
  if (commands == "show info") return kInfo;
  return commands.starts_with("show info;") ? kInfo + text : text;
}
test::Behaviour answering(std::string text) {
  return [text = std::move(text)](const std::string& commands, int socket) { say(socket, reply_to(commands, text)); };
}

haproxy::Options options(const TempDir& dir) {
  haproxy::Options options;
  options.application = core::Application{"shop", "prod"};
  options.stats_socket = dir / "stats";
  options.config_file = dir / "haproxy.cfg";
  options.check = "check inter 500";
  options.deadline = core::Millis{20'000};
  return options;
}

}  // namespace

TEST_CASE("what `show stat` must not say is refused whole, by the full sample and by the fast one") {
  struct Case {
    const char* what;
    std::string stat;
    Errc code;
    const char* says;
  };
  const Case cases[] = {
      {"nothing", "", Errc::unavailable, "is empty"},
      {"garbage", "\x01\x02 what?\n\n", Errc::unavailable, "has no header line"},
      {"an error page", "<html>503</html>\n\n", Errc::unavailable, "has no header line"},
      {"a header alone", kHeader + "\n", Errc::config, "no backend 'express'"},
      {"no end", kHeader + kGear + kBackend, Errc::unavailable, "truncated"},
      {"cut within a row", kGood.substr(0, kGood.size() - 20), Errc::unavailable, "truncated"},
      {"a row that is too short", kHeader + "express,BACKEND,0\n\n", Errc::unavailable, "fields"},
      {"a bad number", kHeader + "express,BACKEND,0,0,-3,3,,30,UP,1,,1,\n\n", Errc::unavailable, "bad scur"},
      {"a missing column", "# pxname,svname,qcur,stot,status,addr,\nexpress,BACKEND,0,0,UP,,\n\n", Errc::unavailable, "no column 'scur'"},
      {"no such backend", "No such proxy.\n\n", Errc::config, "setting 'backend'"},
      {"not permitted", "Permission denied\n\n", Errc::unavailable, "Permission denied"},
  };
  for (const auto& [what, stat, code, says] : cases) {
    INFO(what);
    const TempDir dir;
    const FakeHaproxy haproxy(dir / "stats", answering(stat));
    HaproxyBalancer balancer(options(dir));
    const auto seen = balancer.observe();
    const auto sessions = balancer.sessions();
    REQUIRE(!seen);
    REQUIRE(!sessions);
    for (const auto& error : {seen.error(), sessions.error()}) {
      INFO(error.message);
      CHECK(error.code == code);
      CHECK(error.message.find(says) != std::string::npos);
    }
  }
}

TEST_CASE("a good reply is understood, by the full sample and by the fast one") {
  const TempDir dir;
  const FakeHaproxy haproxy(dir / "stats", answering(kGood));
  HaproxyBalancer balancer(options(dir));
  const auto seen = balancer.observe();
  REQUIRE(error_of(seen) == "");
  CHECK((*seen)->sessions == 3.0);
  REQUIRE((*seen)->gears.size() == 1);
  CHECK((*seen)->gears[0].id == "00000001");
  CHECK((*seen)->gears[0].state == core::ServerState::up);
  CHECK((*seen)->gears[0].scur == 3);
  CHECK((*seen)->gears[0].stot == 30);
  CHECK((*seen)->gears[0].address == 0x0a00030b);
  CHECK(balancer.sessions().value_or(-1) == 3.0);
  CHECK((*seen)->pid == 4711);
  // One exchange each, which tells the version as well, and only the rows that are needed are asked for.
  CHECK(haproxy.commands() == std::vector<std::string>{"show info;show stat express 6 -1", "show stat express 2 -1"});
}

TEST_CASE("a HAProxy whose version is too old or not to be had gets no command that changes it") {
  struct Case {
    const char* what;
    std::string info;
    Errc code;
    const char* says;
  };
  const Case cases[] = {
      {"2.4", "Name: HAProxy\nVersion: 2.4.22-0ubuntu0.22.04.3\nPid: 4711\n\n", Errc::config, "HAProxy 2.4.22-0ubuntu0.22.04.3 is too old"},
      {"the last one below", "Name: HAProxy\nVersion: 2.5.14\nPid: 4711\n\n", Errc::config, "install 2.6 or later"},
      {"1.4", "Name: HAProxy\nVersion: 1.4.22\nPid: 4711\n\n", Errc::config, "too old"},
      {"no version", "Name: HAProxy\nPid: 4711\n\n", Errc::unavailable, "no Version line"},
      {"garbage", "what?\n", Errc::unavailable, "no Version line"},
      {"nothing", "", Errc::unavailable, "without a reply"},
  };
  for (const auto& [what, info, code, says] : cases) {
    INFO(what);
    const TempDir dir;
    const std::string text = info;
    const FakeHaproxy haproxy(dir / "stats", [&text](const std::string&, int socket) { say(socket, text); });
    HaproxyBalancer balancer(options(dir));
    const auto seen = balancer.observe();
    REQUIRE(!seen);
    for (const auto& error : {seen.error(), balancer.sessions().error(), balancer.add({"00000001", 1}).error(), balancer.info().error()}) {
      INFO(error.message);
      CHECK(error.code == code);
      CHECK(error.message.find(says) != std::string::npos);
    }
    CHECK(haproxy.commands() == std::vector<std::string>{"show info;show stat express 6 -1", "show info", "show info", "show info"});
  }
}

TEST_CASE("the version is asked again after a sample failed: it may be another HAProxy now") {
  const TempDir dir;
  std::atomic<bool> starting = false;
  const FakeHaproxy haproxy(dir / "stats", [&](const std::string& commands, int socket) {
    if (!starting) say(socket, reply_to(commands, kGood));
  });
  HaproxyBalancer balancer(options(dir));
  REQUIRE(balancer.sessions());
  REQUIRE(balancer.sessions());
  starting = true;
  CHECK(!balancer.sessions());
  starting = false;
  CHECK(balancer.sessions());
  const std::string fast = "show stat express 2 -1";
  CHECK(haproxy.commands() == std::vector<std::string>{"show info", fast, fast, fast, "show info", fast});
  starting = true;
  CHECK(!balancer.observe());
  starting = false;
  CHECK(balancer.sessions());
  CHECK(haproxy.commands().at(7) == "show info");
}

TEST_CASE("each sample says which process answered: another one was reloaded or restarted") {
  const TempDir dir;
  std::atomic<int> pid = 4711;
  const FakeHaproxy haproxy(dir / "stats", [&](const std::string&, int socket) {
    say(socket, "Name: HAProxy\nVersion: 2.6.12\nPid: " + std::to_string(pid) + "\nnode: vm\n\n" + kGood);
  });
  HaproxyBalancer balancer(options(dir));
  for (const int expected : {4711, 4711, 12}) {
    pid = expected;
    const auto seen = balancer.observe();
    REQUIRE(error_of(seen) == "");
    CHECK((*seen)->pid == expected);
    CHECK((*seen)->gears.size() == 1);
  }
}

TEST_CASE("of two replies neither may be missing or strange") {
  struct Case {
    const char* what;
    std::string reply;
    const char* says;
  };
  const Case cases[] = {
      {"the statistics alone", kGood, "no Version line"},
      {"who it is alone", kInfo, "'show stat' is empty"},
      {"who it is, cut", kInfo.substr(0, kInfo.size() - 1), "'show stat' is empty"},
      {"no empty line in between", kInfo.substr(0, kInfo.size() - 1) + kGood, "'show stat' is empty"},
      {"the other way round", kGood + kInfo, "no Version line"},
      {"no pid", "Version: 2.6.12\n\n" + kGood, "no Pid line"},
      {"a strange pid", "Version: 2.6.12\nPid: -3\n\n" + kGood, "strange pid"},
  };
  for (const auto& [what, reply, says] : cases) {
    INFO(what);
    const TempDir dir;
    const std::string text = reply;
    const FakeHaproxy haproxy(dir / "stats", [&text](const std::string&, int socket) { say(socket, text); });
    HaproxyBalancer balancer(options(dir));
    const auto seen = balancer.observe();
    REQUIRE(!seen);
    INFO(seen.error().message);
    CHECK(seen.error().code == Errc::unavailable);
    CHECK(seen.error().message.find(says) != std::string::npos);
  }
}

TEST_CASE("a command without the reply it should have is an error that names the command") {
  struct Case {
    const char* what;
    std::string reply;
    Errc code;
  };
  const Case cases[] = {
      {"nothing", "", Errc::unavailable},
      {"garbage", "what?\n\n", Errc::failed},
      {"no such backend", "No such backend.\n\n", Errc::config},
      {"not permitted", "Permission denied\n\n", Errc::config},
  };
  for (const auto& [what, reply, code] : cases) {
    INFO(what);
    const TempDir dir;
    const FakeHaproxy haproxy(dir / "stats", answering(reply));
    HaproxyBalancer balancer(options(dir));
    for (const auto& error :
         {balancer.add({"00000001", 1}).error(), balancer.drain("00000001").error(), balancer.recall("00000001").error(),
          balancer.maint("00000001").error(), balancer.cut_sessions("00000001").error(), balancer.remove("00000001").error()}) {
      INFO(error.message);
      CHECK(error.code == code);
      CHECK(error.message.find("server") != std::string::npos);
      CHECK(error.message.find("express/gear-00000001-prod") != std::string::npos);
    }
  }
}

TEST_CASE("an addition whose later commands fail is not taken for done") {
  const TempDir dir;
  const FakeHaproxy haproxy(dir / "stats", [](const std::string& commands, int socket) {
    const std::string added = "No such server.\n\nNew server registered.\n\n\n";
    say(socket, commands == "show info" ? kInfo : added + "Unknown command: 'enable dynamic-cookie'\n\n");
  });
  HaproxyBalancer balancer(options(dir));
  const auto added = balancer.add({"00000001", 0x0a00030b});
  REQUIRE(!added);
  CHECK(added.error().message.find("dynamic-cookie") != std::string::npos);
  CHECK(haproxy.commands().back() ==
        "set server express/gear-00000001-prod addr 10.0.3.11 port 8080; set server express/gear-00000001-prod health up; "
        "add server express/gear-00000001-prod 10.0.3.11:8080 check inter 500; enable health express/gear-00000001-prod; "
        "set server express/gear-00000001-prod state ready; enable dynamic-cookie backend express");
}

TEST_CASE("a gear that is refused for its connections is put into maint once more, unless one is in use") {
  const bool in_use = GENERATE(false, true);
  const std::string conns = "# bkname/svname used_cur idle_cur\nexpress/gear-00000001-prod " + std::string(in_use ? "1 0" : "0 1") + "\n\n";
  const TempDir dir;
  const FakeHaproxy haproxy(dir / "stats", [&conns](const std::string& commands, int socket) {
    if (commands.starts_with("del ")) return say(socket, "Server still has connections attached to it, cannot remove it.\n");
    say(socket, commands.starts_with("show ") ? conns : "\n\n");
  });
  HaproxyBalancer balancer(options(dir));
  const auto removed = balancer.remove("00000001");
  REQUIRE(error_of(removed) == "");
  CHECK(!*removed);
  std::vector<std::string> expected{"del server express/gear-00000001-prod", "show servers conn express"};
  if (!in_use) {
    expected.push_back("set server express/gear-00000001-prod state drain; set server express/gear-00000001-prod state maint");
  }
  CHECK(haproxy.commands() == expected);
}
