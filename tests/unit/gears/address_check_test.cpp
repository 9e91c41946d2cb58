// SPDX-License-Identifier: Apache-2.0
#include "gearscale/gears/address_check.hpp"

#include <algorithm>

#include "gearscale/base/text.hpp"
#include "support/catch.hpp"

namespace gearscale::gears {

namespace {

core::AddressPool pool(const char* first, const char* last, int prefix = 24) { return {*parse_ipv4(first), *parse_ipv4(last), prefix}; }

InterfaceAddress on(const char* device, const char* address, int prefix = 24) { return {device, *parse_ipv4(address), prefix}; }

const std::vector<InterfaceAddress> kMachine = {on("lo", "127.0.0.1", 8), on("br0", "10.87.0.1")};

std::string refusal(const PoolQuestion& question, const std::vector<InterfaceAddress>& interfaces = kMachine,
                    const std::vector<DhcpRange>& dhcp = {}) {
  const auto checked = check_pool(question, interfaces, dhcp);
  if (checked) return "";
  CHECK(checked.error().code == Errc::config);
  return checked.error().message;
}

PoolQuestion ask(const core::AddressPool& which) { return {.pool = which, .bridge = "br0"}; }

}  // namespace

TEST_CASE("a pool in the bridge's network is good, up to the last usable address") {
  CHECK(refusal(ask(pool("10.87.0.10", "10.87.0.250"))).empty());
  CHECK(refusal(ask(pool("10.87.0.2", "10.87.0.254"))).empty());
  CHECK(refusal(ask(pool("10.87.0.10", "10.87.0.10"))).empty());
}

TEST_CASE("a pool that is no range of one network is refused") {
  CHECK(refusal(ask(pool("10.87.0.10", "10.87.0.9"))) == "address_pool 10.87.0.10-10.87.0.9/24 ends before it begins");
  CHECK(refusal(ask(pool("10.87.0.10", "10.87.1.10"))) == "address_pool 10.87.0.10-10.87.1.10/24 is not within one /24 network");
  CHECK(refusal(ask(pool("10.87.0.0", "10.87.0.10"))).find("begins with the network's own address") != std::string::npos);
  CHECK(refusal(ask(pool("10.87.0.10", "10.87.0.255"))).find("ends with the network's broadcast address") != std::string::npos);
  for (const int prefix : {-1, 0, 7, 31, 32, 33}) {
    CHECK(refusal(ask(pool("10.87.0.10", "10.87.0.20", prefix))).find("prefix length outside 8 to 30") != std::string::npos);
  }
  CHECK(refusal(ask(pool("10.87.0.10", "10.87.0.20", 8)), {on("br0", "10.87.0.1", 8)}).empty());
  CHECK(refusal(ask(pool("10.87.0.2", "10.87.0.2", 30)), {on("br0", "10.87.0.1", 30)}).empty());
}

TEST_CASE("a pool with as many addresses as needed is good, with one less it is refused") {
  auto question = ask(pool("10.87.0.10", "10.87.0.19"));
  question.needed = 10;
  CHECK(refusal(question).empty());
  question.needed = 11;
  CHECK(refusal(question) ==
        "address_pool 10.87.0.10-10.87.0.19/24 has 10 addresses, but 11 are needed: make it larger, or lower scale_max");
}

TEST_CASE("the gateway is in the pool's network and not in the pool") {
  auto question = ask(pool("10.87.0.10", "10.87.0.20"));
  question.gateway = *parse_ipv4("10.87.0.1");
  CHECK(refusal(question).empty());
  for (const auto* inside : {"10.87.0.10", "10.87.0.20"}) {
    question.gateway = *parse_ipv4(inside);
    CHECK(refusal(question).find("holds the gateway") != std::string::npos);
  }
  question.gateway = *parse_ipv4("10.88.0.1");
  CHECK(refusal(question) == "gateway 10.88.0.1 is not in the network of address_pool 10.87.0.10-10.87.0.20/24");
}

TEST_CASE("a pool away from the bridge is refused, with what the bridge has") {
  CHECK(refusal(ask(pool("10.88.0.10", "10.88.0.20"))) ==
        "address_pool 10.88.0.10-10.88.0.20/24 is not in the network of bridge br0, which has 10.87.0.1/24");
  // Inside the bridge's larger network, but to the gears the bridge is elsewhere.
  CHECK_FALSE(refusal(ask(pool("10.87.1.10", "10.87.1.20")), {on("br0", "10.87.0.1", 16)}).empty());
  CHECK(refusal(ask(pool("10.87.1.10", "10.87.1.20", 16)), {on("br0", "10.87.0.1", 16)}).empty());
  // The other way round.
  CHECK_FALSE(refusal(ask(pool("10.87.0.100", "10.87.0.120", 24)), {on("br0", "10.87.0.1", 26)}).empty());
  // One of several addresses is enough.
  CHECK(refusal(ask(pool("10.88.0.10", "10.88.0.20")), {on("br0", "10.87.0.1"), on("br0", "10.88.0.1")}).empty());
  CHECK(refusal(ask(pool("10.87.0.10", "10.87.0.20")), {on("br1", "10.87.0.1")}).find("bridge br0 has no IPv4 address") == 0);
  CHECK(refusal(ask(pool("10.87.0.10", "10.87.0.20")), {}).find("ip address add 10.87.0.1/24 dev br0") != std::string::npos);
}

TEST_CASE("a pool that holds an address of this machine is refused") {
  CHECK(refusal(ask(pool("10.87.0.1", "10.87.0.20"))) ==
        "address_pool 10.87.0.1-10.87.0.20/24 holds 10.87.0.1, this machine's own address on br0");
  CHECK(refusal(ask(pool("10.87.0.10", "10.87.0.20")), {on("br0", "10.87.0.1"), on("eth7", "10.87.0.20", 32)}).find("on eth7") !=
        std::string::npos);
}

TEST_CASE("a pool that shares an address with a DHCP range is refused, a neighbour is not") {
  const auto question = ask(pool("10.87.0.10", "10.87.0.20"));
  const auto with = [&](const char* first, const char* last) {
    return refusal(question, kMachine, {{*parse_ipv4(first), *parse_ipv4(last), 77}});
  };
  CHECK(with("10.87.0.2", "10.87.0.9").empty());
  CHECK(with("10.87.0.21", "10.87.0.254").empty());
  CHECK(with("10.87.0.2", "10.87.0.10").find("shares addresses with what dnsmasq (pid 77) hands out by DHCP, 10.87.0.2-10.87.0.10") !=
        std::string::npos);
  CHECK_FALSE(with("10.87.0.20", "10.87.0.254").empty());
  CHECK_FALSE(with("10.87.0.2", "10.87.0.254").empty());
  CHECK_FALSE(with("10.87.0.15", "10.87.0.15").empty());
}

TEST_CASE("this machine has its loopback address") {
  const auto addresses = interface_addresses();
  REQUIRE(addresses);
  const auto loopback =
      std::find_if(addresses->begin(), addresses->end(), [](const InterfaceAddress& each) { return each.device == "lo"; });
  REQUIRE(loopback != addresses->end());
  CHECK(format_ipv4(loopback->address) == "127.0.0.1");
  CHECK(loopback->prefix == 8);
}

}  // namespace gearscale::gears
