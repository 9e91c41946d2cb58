// SPDX-License-Identifier: Apache-2.0
#include "gearscale/gears/netlink.hpp"

#include <net/if.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>

#include "support/catch.hpp"

namespace gearscale::gears {

TEST_CASE("attributes come out as they were put in, nested ones inside theirs") {
  NetlinkMessage message(RTM_SETLINK, NLM_F_REQUEST, ifinfomsg{});
  message.text(IFLA_IFNAME, "gs1").begin(IFLA_LINKINFO).number(1, std::uint8_t{7}).end().number(IFLA_MASTER, std::uint32_t{42});
  const auto bytes = message.finished(3);
  nlmsghdr header{};
  std::memcpy(&header, bytes.data(), sizeof header);
  CHECK(header.nlmsg_len == bytes.size());
  CHECK(header.nlmsg_seq == 3);
  ifinfomsg link{};
  std::string_view rest;
  REQUIRE(take_body(bytes.substr(sizeof header), link, rest));
  const NetlinkAttributes attributes(rest);
  CHECK(attributes.text(IFLA_IFNAME) == "gs1");
  CHECK(attributes.number(IFLA_MASTER, std::uint32_t{0}) == 42);
  CHECK(attributes.number(IFLA_MASTER, std::uint8_t{9}) == 9);  // of another size
  CHECK(NetlinkAttributes(attributes.find(IFLA_LINKINFO)).number(1, std::uint8_t{0}) == 7);
  CHECK_FALSE(attributes.has(IFLA_MTU));
}

TEST_CASE("attributes that say that they are longer or shorter than they can be end the reading") {
  for (const int length : {0, 3, 9, 0xffff}) {
    const rtattr header{.rta_len = static_cast<std::uint16_t>(length), .rta_type = 1};
    std::string bytes(reinterpret_cast<const char*>(&header), sizeof header);
    bytes += std::string(4, 'x');
    CHECK_FALSE(NetlinkAttributes(bytes).has(1));
  }
  CHECK_FALSE(NetlinkAttributes(std::string_view("\1\0\0", 3)).has(0));
  ifinfomsg link{};
  std::string_view rest;
  CHECK_FALSE(take_body("short", link, rest));
}

TEST_CASE("the kernel answers what is asked, and each error comes out") {
  Netlink kernel;
  std::vector<std::string> names;
  ifinfomsg all{};
  CHECK(kernel.dump(NetlinkMessage(RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP, all), [&](std::string_view entry) {
    ifinfomsg link{};
    std::string_view rest;
    if (take_body(entry, link, rest)) names.push_back(NetlinkAttributes(rest).text(IFLA_IFNAME));
  }) == 0);
  CHECK(std::ranges::find(names, "lo") != names.end());
  all.ifi_index = 0x7ffffff0;
  const int failed = kernel.ask(NetlinkMessage(RTM_DELLINK, NLM_F_REQUEST | NLM_F_ACK, all));
  CHECK((failed == ENODEV || failed == EPERM));
}

}  // namespace gearscale::gears
