// SPDX-License-Identifier: Apache-2.0
#include "gearscale/gears/links.hpp"

#include "support/catch.hpp"

namespace gearscale::gears {

TEST_CASE("a network device that is not there is deleted already") { CHECK(delete_link("gs00000000")); }

TEST_CASE("a network device is waited for until the deadline") {
  CHECK_FALSE(await_up("gs00000000", system::Deadline(core::Millis(0))));
  CHECK_FALSE(await_up("gs00000000", system::Deadline(core::Millis(30))));
}

}  // namespace gearscale::gears
