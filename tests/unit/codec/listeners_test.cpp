// SPDX-License-Identifier: Apache-2.0
// Tests of the tables of TCP sockets. They are as a machine prints them that stores the lowest byte first, as this one has to.
#include "gearscale/codec/listeners.hpp"

#include <bit>
#include <string>

#include "damage.hpp"

using namespace gearscale;
using codec::has_listener;

static_assert(std::endian::native == std::endian::little);

namespace {

constexpr std::uint32_t kAddress = 0x0a4d2a0b;  // 10.77.42.11
const std::string kHead = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";
const std::string kRest = " 00000000:00000000 00:00000000 00000000     0        0 1177 1 0000000000000000 100 0 0 10 0\n";

std::string table(const std::string& local, const std::string& state = "0A", const std::string& remote = "00000000:0000") {
  return kHead + "   0: " + local + " " + remote + " " + state + kRest;
}

}  // namespace

TEST_CASE("a socket that listens on any address, or on the gear's own, takes connections to it") {
  CHECK(has_listener(table("00000000:1F90"), kAddress, 8080));
  CHECK(has_listener(table("0B2A4D0A:1F90"), kAddress, 8080));
  CHECK(has_listener(table("00000000000000000000000000000000:1F90"), kAddress, 8080));
  CHECK(has_listener(table("0000000000000000FFFF00000B2A4D0A:1F90"), kAddress, 8080));
}

TEST_CASE("one on another address or port, and one that does not listen, does not") {
  CHECK(!has_listener(table("0100007F:1F90"), kAddress, 8080));
  CHECK(!has_listener(table("0B2A4D0A:1F91"), kAddress, 8080));
  CHECK(!has_listener(table("0B2A4D0A:1F90", "01", "012A4D0A:C001"), kAddress, 8080));
  CHECK(!has_listener(table("00000000000000000000000001000000:1F90"), kAddress, 8080));
  CHECK(!has_listener(table("000080FE00000000FF005450FE0B2A4D:1F90"), kAddress, 8080));
}

TEST_CASE("one among others is found") {
  auto text = table("0100007F:0050");
  text += "   1: 00000000:1F90 00000000:0000 0A" + kRest;
  CHECK(has_listener(text, kAddress, 8080));
}

TEST_CASE("what is no line of a table is passed over") {
  CHECK(!has_listener("", kAddress, 8080));
  CHECK(!has_listener(kHead, kAddress, 8080));
  CHECK(!has_listener("   0: 00000000:1F90 00000000:0000", kAddress, 8080));
  for (const auto* local : {"00000000", ":1F90", "0000000:1F90", "0000000g:1F90", "00000000:", "00000000:+1F90", "00000000:1F901F901F90"}) {
    CAPTURE(local);
    CHECK(!has_listener(table(local), kAddress, 8080));
  }
}

TEST_CASE("no damage to a table does harm") {
  test::Damage damage(17);
  for (int i = 0; i < 2'000; ++i) static_cast<void>(has_listener(damage.one(table("0B2A4D0A:1F90")), kAddress, 8080));
}
