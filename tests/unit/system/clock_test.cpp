// SPDX-License-Identifier: Apache-2.0
// Tests of the real clocks, the boot id and fresh gear ids.
#include "gearscale/system/clock.hpp"

#include <set>

#include "gearscale/core/names.hpp"
#include "helpers.hpp"
#include "support/catch.hpp"

using namespace gearscale;

TEST_CASE("the steady clock never goes back and agrees with that of another process") {
  system::SystemClock clock;
  const auto before = clock.now();
  test::Child child([&] { return system::SystemClock().now() >= before ? 0 : 1; });
  CHECK(child.exit_code() == 0);
  CHECK(clock.now() >= before);
}

TEST_CASE("the system clock counts microseconds since the epoch") {
  system::SystemClock clock;
  CHECK(clock.system_micros() / 1'000'000 > 1'700'000'000);
  CHECK(clock.system_micros() / 1'000'000 < 10'000'000'000);
}

TEST_CASE("the boot id is that of the kernel, without its line end") {
  const auto id = system::boot_id();
  REQUIRE(test::error_of(id) == "");
  CHECK(*id + "\n" == test::slurp("/proc/sys/kernel/random/boot_id"));
  CHECK(id->size() == 36);
}

TEST_CASE("fresh gear ids are gear ids and differ") {
  std::set<std::string> ids;
  for (int i = 0; i < 1000; ++i) {
    const auto id = system::random_gear_id();
    REQUIRE(core::is_gear_id(id));
    ids.insert(id);
  }
  CHECK(ids.size() >= 999);  // two alike among 1,000 of 2^32: once in 8,600 runs
}
