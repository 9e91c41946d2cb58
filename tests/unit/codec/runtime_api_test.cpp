// SPDX-License-Identifier: Apache-2.0
// Runtime API: the exact commands, and the meaning of real replies of HAProxy 2.6 and 3.0.
#include "gearscale/codec/runtime_api.hpp"

#include "damage.hpp"

using namespace gearscale;
using namespace gearscale::codec;
using test::contains;
using test::recorded;

namespace {

const std::vector<std::string> kVersions{"2.6.12", "3.0.11"};

std::string reply_of(const std::string& version, const std::string& name) {
  return recorded("runtime/haproxy-" + version + "/" + name + ".txt");
}

ServerCommand gear() {
  return {
      .backend = "express", .server = "gear-1f3a9c02-prod", .address = "10.0.3.11", .port = 8080, .check = "check inter 500 fall 2 rise 1"};
}

}  // namespace

TEST_CASE("a new gear is added, checked, made ready and given its cookie by one line") {
  CHECK(add_server_line(gear()) ==
        "add server express/gear-1f3a9c02-prod 10.0.3.11:8080 check inter 500 fall 2 rise 1; enable health express/gear-1f3a9c02-prod; "
        "set server express/gear-1f3a9c02-prod state ready; enable dynamic-cookie backend express");
}

TEST_CASE("a gear without a check gets no 'enable health', which HAProxy would refuse") {
  auto command = gear();
  command.check.clear();
  command.maxconn = 8;
  CHECK(add_server_line(command) == "add server express/gear-1f3a9c02-prod 10.0.3.11:8080 maxconn 8; set server express/gear-1f3a9c02-prod "
                                    "state ready; enable dynamic-cookie backend express");
  for (const auto& version : kVersions) {
    CHECK(parse_add_reply(reply_of(version, "line_no_check")));
    CHECK_FALSE(parse_add_reply(reply_of(version, "line_health_without_check")));
    CHECK_FALSE(parse_silent_reply(reply_of(version, "enable_health_without_check")));
  }
}

TEST_CASE("server arguments: address, check, then maxconn when there is one") {
  auto command = gear();
  CHECK(server_arguments(command) == "10.0.3.11:8080 check inter 500 fall 2 rise 1");
  command.maxconn = 1;
  CHECK(server_arguments(command) == "10.0.3.11:8080 check inter 500 fall 2 rise 1 maxconn 1");
  command.check.clear();
  command.maxconn = 0;
  CHECK(server_arguments(command) == "10.0.3.11:8080");
}

TEST_CASE("real replies to adding a server") {
  for (const auto& version : kVersions) {
    CAPTURE(version);
    for (const auto* name : {"add_new", "line_new", "line_no_check"}) {
      const auto parsed = parse_add_reply(reply_of(version, name));
      REQUIRE(parsed);
      CHECK(*parsed == AddReply::added);
    }
    for (const auto* name : {"add_exists", "line_exists"}) {
      const auto parsed = parse_add_reply(reply_of(version, name));
      REQUIRE(parsed);
      CHECK(*parsed == AddReply::exists);
    }
    for (const auto* name : {"add_no_backend", "line_no_backend"}) {
      const auto parsed = parse_add_reply(reply_of(version, name));
      REQUIRE_FALSE(parsed);
      CHECK(parsed.error().code == Errc::config);
      CHECK(contains(parsed.error().message, "No such backend."));
    }
    const auto bad = parse_add_reply(reply_of(version, "add_unknown_keyword"));
    REQUIRE_FALSE(bad);
    CHECK(bad.error().code == Errc::failed);
    CHECK(contains(bad.error().message, "unknown keyword"));
    const auto in_line = parse_add_reply("No such server.\n\nunknown keyword 'bogus'.\n\nNo such server.\n\nNo such server.\n\n\n");
    REQUIRE_FALSE(in_line);
    CHECK(contains(in_line.error().message, "unknown keyword"));
    const auto late = parse_add_reply(reply_of(version, "line_health_without_check"));
    REQUIRE_FALSE(late);
    CHECK(contains(late.error().message, "Health check was not configured"));
  }
}

TEST_CASE("2.6 refuses `cookie` on a dynamic server, 3.0 takes it") {
  CHECK_FALSE(parse_add_reply(reply_of("2.6.12", "add_cookie_refused")));
  CHECK(parse_add_reply(reply_of("3.0.11", "add_cookie_refused")));
}

TEST_CASE("warnings before the verdict do not matter, errors after it do") {
  const auto warned = parse_add_reply("[WARNING] odd option\nNew server registered.\n\n\n\n");
  REQUIRE(warned);
  CHECK(*warned == AddReply::added);
  CHECK_FALSE(parse_add_reply("New server registered.\n\n\nNo such server.\n\n\n"));
  CHECK_FALSE(parse_add_reply("Already exists a server with the same name in backend.\n\n\n\nNo such backend.\n\n"));
}

TEST_CASE("real replies to removing a server") {
  struct Expected {
    const char* name;
    RemoveReply meaning;
  };
  for (const auto& version : kVersions) {
    CAPTURE(version);
    for (const auto& [name, meaning] : {Expected{"del_done", RemoveReply::removed}, Expected{"maint_del", RemoveReply::removed},
                                        Expected{"del_no_server", RemoveReply::absent},
                                        Expected{"maint_del_no_server", RemoveReply::absent}, Expected{"del_busy", RemoveReply::busy}}) {
      CAPTURE(name);
      const auto parsed = parse_remove_reply(reply_of(version, name));
      REQUIRE(parsed);
      CHECK(*parsed == meaning);
    }
    const auto alive = parse_remove_reply(reply_of(version, "del_not_maint"));
    REQUIRE_FALSE(alive);
    CHECK(alive.error().code == Errc::failed);
    CHECK(contains(alive.error().message, "maintenance mode"));
    const auto nowhere = parse_remove_reply(reply_of(version, "del_no_backend"));
    REQUIRE_FALSE(nowhere);
    CHECK(nowhere.error().code == Errc::config);
  }
}

TEST_CASE("a refusal beside another word is not a removal") {
  CHECK_FALSE(parse_remove_reply("No such server.\n\nServer deleted.\n"));
  CHECK_FALSE(parse_remove_reply("Permission denied\n\nPermission denied\n\n"));
  CHECK_FALSE(parse_remove_reply("\n"));
}

TEST_CASE("real replies to commands that succeed in silence") {
  for (const auto& version : kVersions) {
    CAPTURE(version);
    for (const auto* name : {"enable_health", "enable_cookie", "set_ready", "shutdown_sessions"}) {
      CAPTURE(name);
      CHECK(parse_silent_reply(reply_of(version, name)));
    }
    for (const auto* name : {"enable_cookie_no_backend", "set_no_backend", "unprivileged"}) {
      CAPTURE(name);
      const auto parsed = parse_silent_reply(reply_of(version, name));
      REQUIRE_FALSE(parsed);
      CHECK(parsed.error().code == Errc::config);
    }
    for (const auto* name : {"set_no_server", "set_bad_state", "shutdown_no_server", "unknown_command", "enable_health_without_check"}) {
      CAPTURE(name);
      const auto parsed = parse_silent_reply(reply_of(version, name));
      REQUIRE_FALSE(parsed);
      CHECK(parsed.error().code == Errc::failed);
    }
  }
}

TEST_CASE("no reply at all is not silence: HAProxy is going or coming") {
  CHECK(parse_silent_reply("\n"));
  const auto silent = parse_silent_reply("");
  REQUIRE_FALSE(silent);
  CHECK(silent.error().code == Errc::unavailable);
  const auto add = parse_add_reply("");
  REQUIRE_FALSE(add);
  CHECK(add.error().code == Errc::unavailable);
  const auto remove = parse_remove_reply("");
  REQUIRE_FALSE(remove);
  CHECK(remove.error().code == Errc::unavailable);
  const auto info = parse_show_info("");
  REQUIRE_FALSE(info);
  CHECK(info.error().code == Errc::unavailable);
}

TEST_CASE("show info of real HAProxys gives version and pid") {
  const auto old = parse_show_info(reply_of("2.6.12", "show_info"));
  REQUIRE(old);
  CHECK(old->version == HaproxyVersion{2, 6});
  CHECK(old->version_text == "2.6.12-1+deb12u4");
  CHECK(old->pid > 0);
  CHECK(check_version(*old));
  const auto newer = parse_show_info(reply_of("3.0.11", "show_info"));
  REQUIRE(newer);
  CHECK(newer->version == HaproxyVersion{3, 0});
}

TEST_CASE("the replies to two commands on one line are told apart by the empty line that ends the first") {
  for (const auto& version : kVersions) {
    CAPTURE(version);
    const auto info = reply_of(version, "show_info");
    const auto line = info + "# pxname\n\n";
    const auto both = split_replies(line);
    CHECK(both.first == info);
    CHECK(both.second == "# pxname\n\n");
  }
  CHECK(split_replies("").first.empty());
  CHECK(split_replies("a\nb\n").first == "a\nb\n");
  CHECK(split_replies("a\nb\n").second.empty());
  CHECK(split_replies("a\n\n").second.empty());
  CHECK(split_replies("\n\nb").second == "b");
  CHECK(split_replies("a\n\nb\n\nc").second == "b\n\nc");
}

TEST_CASE("version numbers in the shapes that HAProxy has") {
  const std::vector<std::pair<std::string, HaproxyVersion>> good{{"2.6.12", {2, 6}}, {"2.10-dev5", {2, 10}}, {"3.4-dev0-4c25ef-12", {3, 4}},
                                                                 {"2.6", {2, 6}},    {"2.8.0+x", {2, 8}},    {"10.0~rc1", {10, 0}}};
  for (const auto& [text, version] : good) {
    CAPTURE(text);
    const auto info = parse_show_info("Version: " + text + "\nPid: 1\n\n");
    REQUIRE(info);
    CHECK(info->version == version);
    CHECK(info->version_text == text);
  }
  for (const auto* text : {"", "2", "2.", ".6", "x.6", "2.x", "2.6x", "-2.6", "2.-6", "99999.1", "2.99999"}) {
    CAPTURE(text);
    const auto info = parse_show_info("Version: " + std::string(text) + "\nPid: 1\n\n");
    REQUIRE_FALSE(info);
    CHECK(info.error().code == Errc::unavailable);
  }
}

TEST_CASE("show info without version or with a bad pid is refused") {
  for (const auto* reply : {"Pid: 1\n", "Version: 2.6.1\n", "garbage", "Version: 2.6.1\nPid: x\n", "Version: 2.6.1\nPid: 0\n",
                            "Version: 2.6.1\nPid: -4\n", "Version 2.6.1\nPid 3\n", "\n\n"}) {
    CAPTURE(reply);
    const auto info = parse_show_info(reply);
    REQUIRE_FALSE(info);
    CHECK(info.error().code == Errc::unavailable);
  }
}

TEST_CASE("HAProxy before 2.6 is refused with what to do, 2.6 is not") {
  const auto old = check_version({.version = {2, 5}, .version_text = "2.5.14", .pid = 1});
  REQUIRE_FALSE(old);
  CHECK(old.error().code == Errc::config);
  CHECK(contains(old.error().message, "2.5.14"));
  CHECK(contains(old.error().message, "2.6"));
  CHECK_FALSE(check_version({.version = {1, 9}, .version_text = "1.9", .pid = 1}));
  CHECK(check_version({.version = {2, 6}, .version_text = "2.6", .pid = 1}));
  CHECK(check_version({.version = {3, 0}, .version_text = "3.0", .pid = 1}));
}

TEST_CASE("connections in use are counted without the idle ones") {
  for (const auto* version : {"2.6.12", "3.0.11"}) {
    CAPTURE(version);
    const auto reply = reply_of(version, "show_servers_conn");
    CHECK(used_connections(reply, "express/theirs") == 1);
    CHECK(used_connections(reply, "express/gear-00000001-prod") == 0);  // has an idle one
    CHECK(used_connections(reply, "express/gear-00000002-prod") == 0);  // has none
    CHECK(used_connections(reply, "express/gear-00000001") == std::nullopt);
    CHECK(used_connections(reply, "nope/theirs") == std::nullopt);
  }
  CHECK(used_connections("# bkname/svname used_cur\nb/s 7\n", "b/s") == 7);
  CHECK(used_connections("# used_cur\nb/s 7\n", "b/s") == std::nullopt);  // 'b/s' itself is no number
  for (const auto* reply : {"", "\n", "b/s 1 2 3\n", "# bkname/svname idle_cur\nb/s 1\n", "# bkname/svname used_cur\nb/s\n",
                            "# bkname/svname used_cur\nb/s x\n", "# bkname/svname used_cur\nb/s -1\n", "No such backend.\n"}) {
    CAPTURE(reply);
    CHECK(used_connections(reply, "b/s") == std::nullopt);
  }
}

TEST_CASE("a socket that may change nothing is found out, words that are not known are let pass") {
  for (const auto* level : {"user\n\n", "operator\n\n"}) {
    const auto checked = check_cli_level(level);
    REQUIRE_FALSE(checked);
    CHECK(checked.error().code == Errc::config);
    CHECK(contains(checked.error().message, "level admin"));
  }
  CHECK(check_cli_level("admin\n\n"));
  CHECK(check_cli_level("Unknown command: 'show cli level'\n\n"));
  CHECK(check_cli_level(""));
}

TEST_CASE("damaged replies never do more than fail") {
  test::Damage damage(20260612);
  const auto add = reply_of("2.6.12", "line_new");
  const auto info = reply_of("2.6.12", "show_info");
  for (int round = 0; round < 2000; ++round) {
    const test::Exact text(damage.one(round % 2 == 0 ? add : info));
    static_cast<void>(parse_add_reply(text.view()));
    static_cast<void>(parse_remove_reply(text.view()));
    static_cast<void>(parse_silent_reply(text.view()));
    static_cast<void>(used_connections(text.view(), "express/theirs"));
    static_cast<void>(split_replies(text.view()));
    if (const auto parsed = parse_show_info(text.view()); parsed && parsed->pid <= 0) FAIL("a pid of " << parsed->pid);
  }
}
