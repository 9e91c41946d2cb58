// SPDX-License-Identifier: Apache-2.0
// The balancer at a real, running HAProxy: how gears leave, step by step, what their clients get meanwhile, and how they come back.
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

namespace {

std::string address(int host) { return format_ipv4(at(host)); }

}  // namespace

TEST_CASE("a draining gear keeps its sticky clients and gets no new ones; in maint it gets none at all") {
  RealHaproxy farm;
  haproxy::HaproxyBalancer balancer(farm.options());
  enrol(balancer, {{kFirst, 2}, {kSecond, 3}});
  const auto cookie = farm.cookie_of(2);
  REQUIRE(cookie.size() == 16);
  REQUIRE(error_of(balancer.drain(kFirst)) == "");
  CHECK(look(balancer).at(0).state == ServerState::drain);
  for (int i = 0; i < 20; ++i) REQUIRE(farm.get(cookie).server == address(2));
  CHECK(farm.cookie_of(2) == "");
  REQUIRE(error_of(balancer.maint(kFirst)) == "");
  CHECK(look(balancer).at(0).state == ServerState::maint);
  for (int i = 0; i < 20; ++i) {
    const auto answer = farm.get(cookie);
    REQUIRE(answer.status == 200);
    REQUIRE(answer.server != address(2));
  }
}

TEST_CASE("a gear that is recalled from its drain gets new clients at once, and kept its sticky ones all the time") {
  RealHaproxy farm;
  haproxy::HaproxyBalancer balancer(farm.options());
  enrol(balancer, {{kFirst, 2}, {kSecond, 3}});
  const auto cookie = farm.cookie_of(2);
  REQUIRE(cookie.size() == 16);
  REQUIRE(error_of(balancer.drain(kFirst)) == "");
  REQUIRE(farm.cookie_of(2) == "");
  REQUIRE(farm.get(cookie).server == address(2));
  REQUIRE(error_of(balancer.recall(kFirst)) == "");
  CHECK(look(balancer).at(0).state == ServerState::up);
  CHECK(farm.get(cookie).server == address(2));
  CHECK(farm.cookie_of(2) == cookie);
  CHECK(error_of(balancer.recall(kFirst)) == "");  // once more is no error
}

TEST_CASE("a gear is removed only from maint and when its last connection is gone; an absent one is gone already") {
  RealHaproxy farm;
  haproxy::HaproxyBalancer balancer(farm.options());
  CHECK(gone(balancer, kFirst));
  enrol(balancer, {{kFirst, 2}});
  const auto cookie = farm.cookie_of(2);
  auto held = farm.hold(cookie);
  REQUIRE(await([&] { return farm.servers().held() == 1; }));
  const auto too_early = balancer.remove(kFirst);
  REQUIRE(!too_early);
  CHECK(too_early.error().code == Errc::failed);
  CHECK(too_early.error().message ==
        "'del server express/gear-00000001-prod': HAProxy said 'Only servers in maintenance mode can be deleted.'");
  REQUIRE(error_of(balancer.maint(kFirst)) == "");
  CHECK(!gone(balancer, kFirst));  // busy
  CHECK(look(balancer) == std::vector<Seen>{{kFirst, ServerState::maint, at(2)}});
  farm.servers().release();
  CHECK(held.answer().server == address(2));  // the stream in flight was not hurt
  CHECK(await([&] { return gone(balancer, kFirst); }));
  CHECK(look(balancer).empty());
  CHECK(farm.row("gear-00000001-prod") == "");
  CHECK(gone(balancer, kFirst));
}

TEST_CASE("an address is free for another gear as soon as its gear is removed") {
  RealHaproxy farm;
  haproxy::HaproxyBalancer balancer(farm.options());
  enrol(balancer, {{kFirst, 2}});
  const auto cookie = farm.cookie_of(2);
  REQUIRE(error_of(balancer.maint(kFirst)) == "");
  REQUIRE(await([&] { return gone(balancer, kFirst); }));
  enrol(balancer, {{kSecond, 2}});
  CHECK(farm.cookie_of(2) == cookie);  // made from the address, so clients of the old one come to the new one
}

TEST_CASE("sessions that are left at the deadline are cut, and then the gear can be removed") {
  RealHaproxy farm;
  haproxy::HaproxyBalancer balancer(farm.options());
  enrol(balancer, {{kFirst, 2}, {kSecond, 3}});
  auto cut = farm.hold(farm.cookie_of(2));
  auto spared = farm.hold(farm.cookie_of(3));
  REQUIRE(await([&] { return farm.servers().held() == 2; }));
  REQUIRE(error_of(balancer.maint(kFirst)) == "");
  REQUIRE(!gone(balancer, kFirst));
  REQUIRE(error_of(balancer.cut_sessions(kFirst)) == "");
  CHECK(cut.answer().status != 200);
  CHECK(await([&] { return gone(balancer, kFirst); }));
  farm.servers().release();
  CHECK(spared.answer().server == address(3));
}
