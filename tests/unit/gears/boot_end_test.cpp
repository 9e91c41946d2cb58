// SPDX-License-Identifier: Apache-2.0
// What needs no container; tests/integration/settle_test.cpp has the rest.
#include "gearscale/gears/boot_end.hpp"

#include "support/catch.hpp"

using namespace std::chrono_literals;

namespace gearscale::gears {

TEST_CASE("systemd's word for the system's state tells whether init still has jobs to do; any other word tells nothing") {
  for (const auto* word : {"running\n", "degraded\n", "maintenance\n", "running"}) CHECK(boot_state(word) == BootState::ended);
  for (const auto* word : {"starting\n", "initializing\n", "stopping\n"}) CHECK(boot_state(word) == BootState::goes_on);
  for (const auto* word : {"", "\n", "offline\n", "unknown\n", "running\nrunning\n", "running?", "Running\n", "/bin/sh: systemctl: not found"}) {
    CHECK(boot_state(word) == BootState::unknown);
  }
}

TEST_CASE("quiet is under 2% of a processor for the whole time") {
  constexpr core::Time kNow{1h};
  Quiet quiet(1s);
  CHECK_FALSE(quiet.see(kNow, 5s));
  CHECK_FALSE(quiet.see(kNow + 999ms, 5s + 19'999us));
  CHECK(quiet.see(kNow + 1s, 5s + 19'999us));
  SECTION("2% is not quiet, and the time begins anew") {
    CHECK_FALSE(quiet.see(kNow + 1s, 5s + 20ms));
    CHECK_FALSE(quiet.see(kNow + 2s - 1ms, 5s + 20ms));
    CHECK(quiet.see(kNow + 2s, 5s + 20ms));
  }
  SECTION("where it cannot be measured the time alone counts") {
    CHECK(quiet.see(kNow + 1s, std::nullopt));
    Quiet blind(1s);
    CHECK_FALSE(blind.see(kNow, std::nullopt));
    CHECK_FALSE(blind.see(kNow + 999ms, std::nullopt));
    CHECK(blind.see(kNow + 1s, std::nullopt));
  }
}

TEST_CASE("a gear that works without a pause is never quiet, however often it is looked at") {
  Quiet quiet(100ms);
  for (int i = 0; i < 1'000; ++i) REQUIRE_FALSE(quiet.see(core::Time{1h} + i * 10ms, i * 300us));
}

}  // namespace gearscale::gears
