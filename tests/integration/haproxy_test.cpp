// SPDX-License-Identifier: Apache-2.0
// The balancer at a real, running HAProxy: what it sees, and what clients get while gears come and go.
#include <algorithm>
#include <map>

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
using test::kThird;
using test::look;
using test::RealHaproxy;
using test::Seen;

namespace {

std::string address(int host) { return format_ipv4(at(host)); }

// The columns that no call of ours may ever change: name, limit, status, weight and address.
std::string lasting(const std::string& row) {
  const auto fields = split(row, ',');
  REQUIRE(fields.size() > 73);
  std::string text;
  for (const std::size_t column : {1U, 6U, 17U, 18U, 73U}) text += std::string(fields[column]) + " ";
  return text;
}

}  // namespace

TEST_CASE("gears are counted by name and state, whatever other servers there are") {
  RealHaproxy farm;
  haproxy::HaproxyBalancer balancer(farm.options_with_quick_check());
  CHECK(look(balancer).empty());
  for (const auto& [id, host] : std::map<std::string, int>{{kFirst, 2}, {kSecond, 3}, {kThird, 4}, {"00000004", test::kNobody}}) {
    enrol(balancer, {{id, host}});
  }
  REQUIRE(error_of(balancer.drain(kSecond)) == "");
  REQUIRE(error_of(balancer.maint(kThird)) == "");
  const std::vector<Seen> expected{{kFirst, ServerState::up, at(2)},
                                   {kSecond, ServerState::drain, at(3)},
                                   {kThird, ServerState::maint, at(4)},
                                   {"00000004", ServerState::down, at(test::kNobody)}};
  CHECK(await([&] { return look(balancer) == expected; }));  // the last one needs two failed checks to be DOWN
}

TEST_CASE("two applications in one backend see their own gears only") {
  RealHaproxy farm;
  haproxy::HaproxyBalancer balancer(farm.options());
  auto options = farm.options();
  options.application.ns = "test";
  haproxy::HaproxyBalancer other(options);
  enrol(balancer, {{kFirst, 2}});
  REQUIRE(error_of(other.add({kFirst, at(3)})) == "");
  CHECK(look(balancer) == std::vector<Seen>{{kFirst, ServerState::up, at(2)}});
  CHECK(look(other) == std::vector<Seen>{{kFirst, ServerState::up, at(3)}});
}

TEST_CASE("sessions are those of the whole backend, in the full sample and in the fast one") {
  RealHaproxy farm;
  haproxy::HaproxyBalancer balancer(farm.options());
  enrol(balancer, {{kFirst, 2}});
  CHECK(balancer.sessions().value_or(-1) == 0.0);
  std::vector<test::Request> held;
  for (int i = 1; i <= 7; ++i) {
    held.push_back(farm.hold(""));
    REQUIRE(await([&] { return farm.servers().held() == i; }));
  }
  CHECK(balancer.sessions().value_or(-1) == 7.0);
  const auto view = balancer.observe();
  REQUIRE(view);
  CHECK((*view)->sessions == 7.0);
  REQUIRE((*view)->gears.size() == 1);
  CHECK((*view)->gears[0].scur >= 1);  // leastconn: two or three of the seven
  CHECK((*view)->gears[0].scur <= 3);
  CHECK((*view)->gears[0].stot == static_cast<std::uint64_t>((*view)->gears[0].scur));
  farm.servers().release();
  CHECK(await([&] { return balancer.sessions().value_or(-1) == 0.0; }));
}

TEST_CASE("a sample says which process answered: after a reload it is the new one") {
  RealHaproxy farm;
  haproxy::HaproxyBalancer balancer(farm.options());
  REQUIRE(error_of(test::write_file(balancer, {{kFirst, at(2)}})) == "");
  CHECK(test::demand(balancer.observe())->pid == farm.pid());
  const auto before = farm.pid();
  farm.reload();
  REQUIRE(farm.pid() != before);
  const auto view = balancer.observe();
  REQUIRE(error_of(view) == "");
  CHECK((*view)->pid == farm.pid());
  CHECK((*view)->gears.size() == 1);
}

TEST_CASE("a gear is UP at once, gets requests, and hands out a cookie of its own") {
  RealHaproxy farm;
  haproxy::HaproxyBalancer balancer(farm.options());
  enrol(balancer, {{kFirst, 2}});
  CHECK(look(balancer) == std::vector<Seen>{{kFirst, ServerState::up, at(2)}});  // no await: before the first health check
  enrol(balancer, {{kSecond, 3}});
  const auto first = farm.cookie_of(2);
  const auto second = farm.cookie_of(3);
  CHECK(first.size() == 16);  // a hash of address, port and key
  CHECK(second.size() == 16);
  CHECK(first != second);
  for (int i = 0; i < 20; ++i) {
    REQUIRE(farm.get(first).server == address(2));
    REQUIRE(farm.get(second).server == address(3));
  }
}

TEST_CASE("a gear without a health check is UP and serves, too") {
  RealHaproxy farm;
  auto options = farm.options();
  options.check.clear();
  haproxy::HaproxyBalancer balancer(options);
  enrol(balancer, {{kFirst, 2}});
  CHECK(look(balancer) == std::vector<Seen>{{kFirst, ServerState::up, at(2)}});
  CHECK(farm.cookie_of(2).size() == 16);
}

TEST_CASE("the health check of an added gear works in both directions") {
  RealHaproxy farm;
  haproxy::HaproxyBalancer balancer(farm.options_with_quick_check());
  enrol(balancer, {{kFirst, test::kNobody}});
  REQUIRE(await([&] { return look(balancer).at(0).state == ServerState::down; }));
  enrol(balancer, {{kFirst, 2}});
  CHECK(await([&] { return look(balancer).at(0).state == ServerState::up; }));
}

TEST_CASE("a client stays on its gear while others come and go, in one and the same HAProxy process") {
  RealHaproxy farm;
  haproxy::HaproxyBalancer balancer(farm.options());
  const auto web = lasting(farm.row("web1"));
  const auto gear_web = lasting(farm.row("gear-web"));
  enrol(balancer, {{kFirst, 2}});
  const auto cookie = farm.cookie_of(2);
  REQUIRE(cookie.size() == 16);
  for (int round = 0; round < 5; ++round) {
    for (const auto& [id, host] : std::map<std::string, int>{{kSecond, 3}, {kThird, 4}}) {
      enrol(balancer, {{id, host}});
      REQUIRE(farm.get(cookie).server == address(2));
    }
    for (const auto& id : {kSecond, kThird}) {
      REQUIRE(error_of(balancer.drain(id)) == "");
      REQUIRE(farm.get(cookie).server == address(2));
      REQUIRE(error_of(balancer.maint(id)) == "");
      REQUIRE(farm.get(cookie).server == address(2));
      REQUIRE(await([&] { return gone(balancer, id); }));
      REQUIRE(farm.get(cookie).server == address(2));
    }
  }
  const auto info = balancer.info();
  REQUIRE(info);
  CHECK(info->pid == farm.pid());
  CHECK(lasting(farm.row("web1")) == web);
  CHECK(lasting(farm.row("gear-web")) == gear_web);
}

TEST_CASE("adding a gear that is there already makes it ready, from whatever state") {
  struct Case {
    const char* what;
    Result<void> (*before)(haproxy::HaproxyBalancer&);
  };
  const auto [what, before] = GENERATE(Case{"ready", [](haproxy::HaproxyBalancer&) { return Result<void>(); }},
                                       Case{"drain", [](haproxy::HaproxyBalancer& balancer) { return balancer.drain(kFirst); }},
                                       Case{"maint", [](haproxy::HaproxyBalancer& balancer) { return balancer.maint(kFirst); }});
  INFO(what);
  RealHaproxy farm;
  haproxy::HaproxyBalancer balancer(farm.options());
  enrol(balancer, {{kFirst, 2}});
  const auto cookie = farm.cookie_of(2);
  REQUIRE(error_of(before(balancer)) == "");
  enrol(balancer, {{kFirst, 2}});
  CHECK(look(balancer) == std::vector<Seen>{{kFirst, ServerState::up, at(2)}});
  CHECK(farm.cookie_of(2) == cookie);  // new clients come to it again
}

TEST_CASE("a gear that was found DOWN in an earlier life, and comes again, is UP at once, from whatever state") {
  const auto state = GENERATE(ServerState::down, ServerState::drain, ServerState::maint);
  INFO(core::to_string(state));
  RealHaproxy farm;
  haproxy::HaproxyBalancer balancer(farm.options_with_quick_check());
  enrol(balancer, {{kFirst, test::kNobody}});
  REQUIRE(await([&] { return look(balancer).at(0).state == ServerState::down; }));
  if (state == ServerState::drain) REQUIRE(error_of(balancer.drain(kFirst)) == "");
  if (state == ServerState::maint) REQUIRE(error_of(balancer.maint(kFirst)) == "");
  enrol(balancer, {{kFirst, 2}});
  CHECK(look(balancer) == std::vector<Seen>{{kFirst, ServerState::up, at(2)}});
  CHECK(farm.cookie_of(2).size() == 16);
}

TEST_CASE("a gear left in drain or maint by an earlier life, that comes with another address, is served from there, its cookie too") {
  const bool drained = GENERATE(false, true);
  INFO((drained ? "drain" : "maint"));
  RealHaproxy farm;
  haproxy::HaproxyBalancer balancer(farm.options());
  enrol(balancer, {{kFirst, 2}});
  const auto old_cookie = farm.cookie_of(2);
  REQUIRE(error_of(drained ? balancer.drain(kFirst) : balancer.maint(kFirst)) == "");
  enrol(balancer, {{kFirst, 3}});
  CHECK(look(balancer) == std::vector<Seen>{{kFirst, ServerState::up, at(3)}});
  CHECK(farm.cookie_of(2) == "");
  const auto cookie = farm.cookie_of(3);
  CHECK(cookie.size() == 16);
  CHECK(cookie != old_cookie);
  for (int i = 0; i < 10; ++i) REQUIRE(farm.get(cookie).server == address(3));
}

TEST_CASE("a call about a gear that is not there says so and changes nothing") {
  RealHaproxy farm;
  haproxy::HaproxyBalancer balancer(farm.options());
  for (const auto& result : {balancer.drain(kFirst), balancer.recall(kFirst), balancer.maint(kFirst), balancer.cut_sessions(kFirst)}) {
    REQUIRE(!result);
    CHECK(result.error().code == Errc::failed);
    CHECK(result.error().message.find("express/gear-00000001-prod") != std::string::npos);
    CHECK(result.error().message.find("No such server.") != std::string::npos);
  }
  CHECK(look(balancer).empty());
}

TEST_CASE("what a running HAProxy cannot do for these settings is a configuration error that says why") {
  RealHaproxy farm;
  struct Case {
    const char* what;
    void (*change)(haproxy::Options&, const RealHaproxy&);
    bool may_observe;
    const char* says;
  };
  const auto [what, change, may_observe, says] = GENERATE(
      Case{"no such backend",
           [](haproxy::Options& options, const RealHaproxy&) { options.backend = "nowhere"; },
           false,
           "setting 'backend'"},
      Case{"a socket that may only look",
           [](haproxy::Options& options, const RealHaproxy& real) { options.stats_socket = real.user_socket(); },
           true,
           "level admin"});
  INFO(what);
  auto options = farm.options();
  change(options, farm);
  haproxy::HaproxyBalancer balancer(options);
  const auto seen = balancer.observe();
  const auto sessions = balancer.sessions();
  CHECK(seen.has_value() == may_observe);
  CHECK(sessions.has_value() == may_observe);
  std::vector<Error> errors;
  if (!seen) errors.push_back(seen.error());
  if (!sessions) errors.push_back(sessions.error());
  errors.push_back(balancer.add({kFirst, at(2)}).error());
  errors.push_back(balancer.drain(kFirst).error());
  errors.push_back(balancer.remove(kFirst).error());
  for (const auto& error : errors) {
    INFO(error.message);
    CHECK(error.code == Errc::config);
    CHECK(error.message.find(says) != std::string::npos);
  }
}
