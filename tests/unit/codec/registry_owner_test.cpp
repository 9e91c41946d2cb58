// SPDX-License-Identifier: Apache-2.0
#include "gearscale/codec/registry_owner.hpp"

#include "support/catch.hpp"

using namespace gearscale;
using namespace gearscale::codec;

TEST_CASE("a registry is ours by app, namespace and uuid, where both have one") {
  const core::Application ours{"shop", "prod", "5f00"};
  CHECK(check_registry_owner({"shop", "prod", "5f00"}, ours));
  CHECK(check_registry_owner({"shop", "prod", ""}, ours));
  CHECK(check_registry_owner(ours, {"shop", "prod", ""}));
  for (const auto& other : {core::Application{"shop", "prod", "5f01"}, {"shop", "", "5f00"}, {"shop2", "prod", "5f00"}}) {
    const auto owned = check_registry_owner(other, ours);
    REQUIRE_FALSE(owned);
    CHECK(owned.error().code == Errc::config);
    CHECK(owned.error().message ==
          "gear-registry.json belongs to application '" + other.app + "' with namespace '" + other.ns + "' and uuid '" + other.uuid +
              "', not to 'shop' with namespace 'prod' and uuid '5f00': correct app, namespace or uuid, or haproxy_dir");
  }
}

TEST_CASE("a registry that says where its gears are is read from there alone") {
  CHECK(check_registry_place("/var/lib/lxc", "/var/lib/lxc"));
  CHECK(check_registry_place("", "/var/lib/lxc"));
  const auto placed = check_registry_place("/var/lib/lxc", "/srv/lxc");
  REQUIRE_FALSE(placed);
  CHECK(placed.error().code == Errc::config);
}
