// SPDX-License-Identifier: Apache-2.0
// What needs no container; tests/integration/standby_test.cpp has the rest.
#include "gearscale/gears/held_gears.hpp"

#include <poll.h>
#include <unistd.h>

#include "support/catch.hpp"

namespace gearscale::gears {

TEST_CASE("what is not held cannot be woken and does not die") {
  HeldGears gears;
  const auto refused = [&](const char* id) {
    const auto woken = gears.wake(id);
    REQUIRE_FALSE(woken);
    CHECK(woken.error().code == Errc::failed);
    CHECK(woken.error().message == "gear " + std::string(id) + " is not held frozen by this process");
  };
  refused("1f3a9c02");
  // Not a process of that container, no process at all, none.
  gears.hold({.id = "1f3a9c02", .container = "shop-1f3a9c02", .init = ::getpid(), .frozen = true});
  gears.hold({.id = "1f3a9c03", .container = "shop-1f3a9c03", .init = 0x7ffffffe, .frozen = true});
  gears.hold({.id = "1f3a9c04", .container = "shop-1f3a9c04", .init = 0, .frozen = true});
  for (const auto* id : {"1f3a9c02", "1f3a9c03", "1f3a9c04"}) refused(id);
  gears.release("1f3a9c02");
  CHECK(gears.died().empty());
  pollfd ready{gears.ready_fd(), POLLIN, 0};
  CHECK(::poll(&ready, 1, 0) == 0);
}

}  // namespace gearscale::gears
