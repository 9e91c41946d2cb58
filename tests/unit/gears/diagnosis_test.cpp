// SPDX-License-Identifier: Apache-2.0
#include "gearscale/gears/diagnosis.hpp"

#include "support/catch.hpp"

namespace gearscale::gears {

namespace {

constexpr std::uint32_t kAddress = 0x0a4d2a0b;  // 10.77.42.11
const GearNetwork kWhole{.has_device = true, .is_up = true, .has_address = true, .listens = true};

std::string missing(const GearNetwork& network) { return missing_in(network, kAddress, 8080); }

}  // namespace

TEST_CASE("the first thing is named that a gear's network lacks") {
  CHECK(missing(kWhole).empty());
  auto network = kWhole;
  network.listens = false;
  CHECK(missing(network) == "no port: nothing listens on 10.77.42.11:8080");
  network.has_address = false;
  CHECK(missing(network) == "no address: none of its network devices has 10.77.42.11");
  network.is_up = false;
  CHECK(missing(network) == "no link: its network device is down");
  network.has_device = false;
  CHECK(missing(network) == "no link: it has no network device");
}

TEST_CASE("what could not be looked at is not called missing") {
  auto network = kWhole;
  network.listens = std::nullopt;
  CHECK(missing(network).empty());
}

TEST_CASE("of no gears nothing is asked, and a container that is not there is no process") {
  Options options;
  options.lxc_path = "/nonexistent";
  CHECK(diagnose(options, {}).empty());
  options.application = {"shop", "prod"};
  const auto found = diagnose(options, {{.id = "1f3a9c02", .address = kAddress}});
  REQUIRE(found.size() == 1);
  CHECK(found[0].id == "1f3a9c02");
  CHECK(found[0].text == "no process: its container is absent");
}

}  // namespace gearscale::gears
