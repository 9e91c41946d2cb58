// SPDX-License-Identifier: Apache-2.0
// `show stat`: real replies of two HAProxy versions, and every way in which a reply can be bad.
#include "gearscale/codec/show_stat.hpp"

#include "damage.hpp"

using namespace gearscale;
using codec::BackendStat;
using codec::parse_show_stat;
using core::ServerState;
using test::contains;
using test::Exact;
using test::recorded;

namespace {

constexpr std::string_view kHeader = "# pxname,svname,qcur,scur,stot,status,addr,type,\n";
constexpr std::string_view kBackendRow = "express,BACKEND,1,7,27,UP,,1,\n";

std::string reply_of(std::string_view rows) { return std::string(kHeader) + std::string(rows) + std::string(kBackendRow) + "\n"; }

Errc code_of(std::string_view reply, std::string_view backend = "express") {
  BackendStat out;
  const Exact exact(reply);
  const auto parsed = parse_show_stat(exact.view(), backend, out);
  REQUIRE_FALSE(parsed);
  return parsed.error().code;
}

std::string message_of(std::string_view reply) {
  BackendStat out;
  const auto parsed = parse_show_stat(reply, "express", out);
  REQUIRE_FALSE(parsed);
  return parsed.error().message;
}

}  // namespace

TEST_CASE("real replies of HAProxy 2.6 and 3.0 give the servers of one backend with their states") {
  struct Expected {
    std::string_view name;
    ServerState state;
    int scur;
    std::string_view address;
  };
  const std::vector<Expected> expected{
      {"gear-00000001-prod", ServerState::up, 2, "127.0.0.1:18101"},     {"gear-00000002-prod", ServerState::down, 0, "127.0.0.1:18102"},
      {"gear-00000003-prod", ServerState::drain, 0, "127.0.0.1:18101"},  {"gear-00000004-prod", ServerState::maint, 0, "127.0.0.1:18101"},
      {"theirs", ServerState::up, 2, "127.0.0.1:18101"},                 {"their-backup", ServerState::up, 0, "127.0.0.1:18101"},
      {"follower", ServerState::maint, 0, "127.0.0.1:18101"},            {"unresolved", ServerState::maint, 0, ""},
      {"gear-00000005-prod", ServerState::up, 2, "127.0.0.1:18101"},     {"gear-00000006-prod", ServerState::up, 1, "127.0.0.1:18101"},
      {"gear-00000007-prod", ServerState::maint, 0, "127.0.0.1:18101"},
  };
  for (const auto* version : {"2.6.12", "3.0.11"}) {
    CAPTURE(version);
    const auto reply = recorded("show_stat/haproxy-" + std::string(version) + ".txt");
    const Exact exact(reply);
    BackendStat out;
    REQUIRE(parse_show_stat(exact.view(), "express", out));
    CHECK(out.scur == 7);
    CHECK(out.qcur == 0);
    REQUIRE(out.servers.size() == expected.size());
    for (std::size_t at = 0; at < expected.size(); ++at) {
      CAPTURE(expected[at].name);
      CHECK(out.servers[at].name == expected[at].name);
      CHECK(out.servers[at].state == expected[at].state);
      CHECK(out.servers[at].scur == expected[at].scur);
      CHECK(out.servers[at].address == expected[at].address);
    }
    CHECK(out.servers[9].stot >= 20);
  }
}

TEST_CASE("quoted fields with commas and doubled quotes do not shift a real row's columns") {
  for (const auto* version : {"2.6.12", "3.0.11"}) {
    CAPTURE(version);
    const auto reply = recorded("show_stat/haproxy-" + std::string(version) + ".txt");
    REQUIRE(contains(reply, "'it said \"\"no\"\", twice, loudly'"));
    BackendStat out;
    REQUIRE(parse_show_stat(reply, "quoted", out));
    REQUIRE(out.servers.size() == 2);
    CHECK(out.servers[1].name == "q2");
    CHECK(out.servers[1].state == ServerState::down);
    CHECK(out.servers[1].address == "127.0.0.1:18102");
  }
}

TEST_CASE("states in words: NOLB is down, UP 1/3 is up, a listener's row is not a server") {
  const auto reply = recorded("show_stat/haproxy-2.6.12.txt");
  BackendStat out;
  REQUIRE(parse_show_stat(reply, "nolb", out));
  REQUIRE(out.servers.size() == 2);
  CHECK(out.servers[0].state == ServerState::down);
  CHECK(out.servers[1].state == ServerState::up);
  REQUIRE(contains(reply, "express2,door,"));
  REQUIRE(parse_show_stat(reply, "express2", out));
  CHECK(out.servers.empty());
}

TEST_CASE("the BACKEND row alone is a whole reply") {
  BackendStat out;
  REQUIRE(parse_show_stat(recorded("show_stat/haproxy-2.6.12-backend-row.txt"), "express", out));
  CHECK(out.scur == 7);
  CHECK(out.servers.empty());
}

TEST_CASE("each status word of HAProxy has its state, an unknown one refuses the reply") {
  const std::vector<std::pair<std::string, ServerState>> words{
      {"UP", ServerState::up},          {"UP 1/2", ServerState::up},        {"no check", ServerState::up},
      {"DOWN", ServerState::down},      {"DOWN 1/2", ServerState::down},    {"DOWN (agent)", ServerState::down},
      {"NOLB", ServerState::down},      {"NOLB 1/2", ServerState::down},    {"DRAIN", ServerState::drain},
      {"DRAIN 1/2", ServerState::drain}, {"DRAIN (agent)", ServerState::drain}, {"MAINT", ServerState::maint},
      {"MAINT (via a/b)", ServerState::maint}, {"MAINT (resolution)", ServerState::maint}, {"\"MAINT (via a,b)\"", ServerState::maint}};
  for (const auto& [word, state] : words) {
    CAPTURE(word);
    BackendStat out;
    const auto reply = reply_of("express,g1,0,3,4," + word + ",10.0.0.1:80,2,\n");
    REQUIRE(parse_show_stat(reply, "express", out));
    REQUIRE(out.servers.size() == 1);
    CHECK(out.servers[0].state == state);
  }
  for (const auto* word : {"", "OPEN", "up", "checked", "STOP", " UP"}) {
    CAPTURE(word);
    CHECK(code_of(reply_of("express,g1,0,3,4," + std::string(word) + ",10.0.0.1:80,2,\n")) == Errc::unavailable);
  }
}

TEST_CASE("columns are found by name, wherever they stand") {
  const std::string_view reply =
      "# pxname,type,addr,status,new,stot,scur,qcur,svname\nexpress,2,10.0.0.1:80,UP,,18446744073709551615,3,0,g1\n"
      "express,1,,UP,,9,4,1,BACKEND\n\n";
  BackendStat out;
  REQUIRE(parse_show_stat(reply, "express", out));
  CHECK(out.scur == 4);
  CHECK(out.qcur == 1);
  REQUIRE(out.servers.size() == 1);
  CHECK(out.servers[0].name == "g1");
  CHECK(out.servers[0].stot == 18446744073709551615u);
  CHECK(out.servers[0].address == "10.0.0.1:80");
}

TEST_CASE("a needed column that is missing is named") {
  for (const std::string name : {"svname", "qcur", "scur", "stot", "status", "addr"}) {
    CAPTURE(name);
    auto reply = reply_of("");
    const auto at = reply.find("," + name + ",") + 1;
    reply.replace(at, name.size(), "other");
    CHECK(code_of(reply) == Errc::unavailable);
    CHECK(contains(message_of(reply), "no column '" + name + "'"));
  }
  CHECK(code_of("# svname,qcur,scur,stot,status,addr,type,\n\n") == Errc::unavailable);
}

TEST_CASE("rows of other backends are not looked at, but for their number of fields") {
  BackendStat out;
  REQUIRE(parse_show_stat(reply_of("other,g1,x,y,z,whatever,,2,\nexpress2,g1,0,1,1,UP,,2,\nexpres,g1,0,1,1,UP,,2,\n"), "express", out));
  CHECK(out.servers.empty());
  CHECK(code_of(reply_of("other,g1,0,0\n")) == Errc::unavailable);
}

TEST_CASE("a bad reply is refused whole, saying what is wrong") {
  struct Bad {
    std::string reply;
    std::string_view says;
  };
  const std::vector<Bad> all{
      {"", "empty"},
      {"\n", "no header line"},
      {"\n\n", "no header line"},
      {"garbage", "no header line"},
      {"<html>\n\n", "no header line"},
      {"Unknown command.\n\n", "no header line"},
      {"Permission denied\n\n", "no header line"},
      {std::string(kHeader), "truncated"},
      {std::string(kHeader) + std::string(kBackendRow), "truncated"},
      {reply_of("express,g1,0,0,0,UP,,2\n"), "8 instead of 9 fields"},
      {reply_of("\n"), "1 instead of 9 fields"},
      {reply_of("") + reply_of(""), "1 instead of 9 fields"},
      {reply_of("express,g1,0,,0,UP,,2,\n"), "bad scur ''"},
      {reply_of("express,g1,0,-1,0,UP,,2,\n"), "bad scur '-1'"},
      {reply_of("express,g1,0,2147483648,0,UP,,2,\n"), "bad scur"},
      {reply_of("express,g1,0,1 ,0,UP,,2,\n"), "bad scur"},
      {reply_of("express,g1,0,1,18446744073709551616,UP,,2,\n"), "bad stot"},
      {reply_of("express,g1,0,1,1.5,UP,,2,\n"), "bad stot"},
      {reply_of("express,g1,0,1,1,\"UP,,2,\n"), "open quote"},
      {reply_of("express,BACKEND,0,x,1,UP,,1,\n"), "bad scur 'x'"},
      {reply_of("express,BACKEND,x,0,1,UP,,1,\n"), "bad qcur 'x'"},
      {"# \"a\n\n", "truncated"},
  };
  for (const auto& [reply, says] : all) {
    CAPTURE(reply);
    CHECK(code_of(reply) == Errc::unavailable);
    CAPTURE(message_of(reply));
    CHECK(contains(message_of(reply), says));
  }
}

TEST_CASE("a backend that HAProxy does not have is a configuration error") {
  CHECK(code_of(reply_of(""), "nope") == Errc::config);
  CHECK(code_of(recorded("show_stat/haproxy-2.6.12-no-such-proxy.txt")) == Errc::config);
  CHECK(code_of(std::string(kHeader) + "\n") == Errc::config);
  // Servers without a BACKEND row are no backend either.
  CHECK(code_of(std::string(kHeader) + "express,g1,0,0,0,UP,,2,\n\n") == Errc::config);
}

TEST_CASE("what an earlier reply left is gone, also after an error") {
  BackendStat out;
  const auto full = reply_of("express,g1,0,1,1,UP,,2,\n");
  REQUIRE(parse_show_stat(full, "express", out));
  REQUIRE(out.servers.size() == 1);
  REQUIRE(parse_show_stat(reply_of(""), "express", out));
  CHECK(out.servers.empty());
  REQUIRE(parse_show_stat(full, "express", out));
  REQUIRE_FALSE(parse_show_stat("", "express", out));
  CHECK(out.servers.empty());
  CHECK(out.scur == 0);
}

TEST_CASE("a line end inside quotes is text") {
  BackendStat out;
  const auto reply = reply_of("other,g1,0,0,0,\"a\n\n\"\"b\",,2,\nexpress,g2,0,1,1,UP,10.0.0.2:80,2,\n");
  REQUIRE(parse_show_stat(reply, "express", out));
  REQUIRE(out.servers.size() == 1);
  CHECK(out.servers[0].name == "g2");
}

TEST_CASE("rows longer than any known one are split the slow way with the same outcome") {
  const std::string padding(3000, ',');
  const std::string reply = "# pxname,svname,qcur,scur,stot,status,addr" + padding + "\nexpress,g1,0,1,1,UP,10.0.0.1:80" + padding +
                            "\nexpress,BACKEND,0,2,1,UP," + padding + "\n\n";
  BackendStat out;
  REQUIRE(parse_show_stat(reply, "express", out));
  CHECK(out.scur == 2);
  REQUIRE(out.servers.size() == 1);
  CHECK(out.servers[0].address == "10.0.0.1:80");
}

TEST_CASE("every truncated prefix of a real reply is refused") {
  for (const auto* version : {"2.6.12", "3.0.11"}) {
    const auto reply = recorded("show_stat/haproxy-" + std::string(version) + ".txt");
    for (std::size_t length = 0; length < reply.size(); ++length) {
      const Exact exact(std::string_view(reply).substr(0, length));
      BackendStat out;
      const auto parsed = parse_show_stat(exact.view(), "express", out);
      if (parsed) FAIL("a reply of " << length << " of " << reply.size() << " bytes was taken");
    }
  }
}

TEST_CASE("a damaged reply is refused or understood, and no view leaves it") {
  const auto reply = recorded("show_stat/haproxy-2.6.12.txt");
  test::Damage damage(20260611);
  int refused = 0;
  for (int round = 0; round < 3000; ++round) {
    const Exact exact(damage.one(reply));
    BackendStat out;
    if (!parse_show_stat(exact.view(), "express", out)) {
      ++refused;
      continue;
    }
    for (const auto& server : out.servers) {
      for (const auto part : {server.name, server.address}) {
        const bool inside =
            part.empty() || (part.data() >= exact.view().data() && part.data() + part.size() <= exact.view().data() + exact.view().size());
        if (!inside) FAIL("a view points outside the reply");
      }
      if (server.scur < 0) FAIL("negative sessions");
    }
  }
  CHECK(refused > 500);
  CHECK(refused < 3000);
}
