// SPDX-License-Identifier: Apache-2.0
#include "gearscale/gears/links.hpp"

#include "support/catch.hpp"

namespace gearscale::gears {

TEST_CASE("a network device that is not there is deleted already") { CHECK(delete_link("gs00000000")); }

TEST_CASE("what is no port of a bridge cannot be isolated") {
  for (const auto* device : {"gs00000000", "lo"}) {
    const auto isolated = isolate_port(device);
    REQUIRE_FALSE(isolated);
    CHECK(isolated.error().message.find("cannot isolate the bridge port " + std::string(device)) == 0);
    CHECK(isolated.error().message.find("isolate_gears = false") != std::string::npos);
  }
}

}  // namespace gearscale::gears
