// SPDX-License-Identifier: Apache-2.0
#include "gearscale/core/names.hpp"

#include "support/catch.hpp"

using namespace gearscale;
using namespace gearscale::core;

TEST_CASE("names follow the cartridge, with and without a namespace") {
  const Application with{"shop", "prod", "5f00"};
  CHECK(gear_name(with, "1f3a9c02") == "1f3a9c02-prod");
  CHECK(server_name(with, "1f3a9c02") == "gear-1f3a9c02-prod");
  CHECK(container_name(with, "1f3a9c02") == "shop-1f3a9c02-prod");
  CHECK(container_group(with) == "gearscale/shop/prod@5f00");
  CHECK(former_group(with) == "gearscale/shop/prod");
  const Application without{"shop", "", "5f00"};
  CHECK(server_name(without, "1f3a9c02") == "gear-1f3a9c02");
  CHECK(container_group(without) == "gearscale/shop@5f00");
  CHECK(former_group(without) == "gearscale/shop");
}

TEST_CASE("only servers of exactly our shape are ours") {
  const Application application{"shop", "prod"};
  CHECK(id_of_server(application, "gear-1f3a9c02-prod") == "1f3a9c02");
  for (const auto* name : {"gear-1f3a9c02", "gear-1f3a9c02-test", "gear-1f3a9c0-prod", "gear-1F3A9C02-prod", "gear-1f3a9c022-prod",
                           "local-gear", "filler", "gear-web", "xgear-1f3a9c02-prod", "gear--prod", "", "gear-1f3a9c02prod"}) {
    INFO(name);
    CHECK_FALSE(id_of_server(application, name).has_value());
  }
  CHECK_FALSE(id_of_server(Application{"shop", ""}, "gear-1f3a9c02-prod").has_value());
  CHECK(id_of_server(Application{"shop", ""}, "gear-1f3a9c02") == "1f3a9c02");
}

TEST_CASE("a person may name a gear in any of three ways") {
  const Application application{"shop", "prod"};
  for (const auto* name : {"1f3a9c02", "1f3a9c02-prod", "gear-1f3a9c02-prod", "shop-1f3a9c02-prod"}) {
    INFO(name);
    const auto id = parse_gear_name(application, name);
    REQUIRE(id);
    CHECK(*id == "1f3a9c02");
  }
  for (const auto& name :
       {std::string("../x"), std::string("1f3a9c02 "), std::string(300, 'a'), std::string("a\nb"), std::string(""), std::string("\"")}) {
    const auto id = parse_gear_name(application, name);
    REQUIRE_FALSE(id);
    CHECK(id.error().code == Errc::usage);
  }
}

TEST_CASE("application and namespace must be safe and short enough") {
  CHECK(check_application({"shop", "prod"}));
  CHECK(check_application({std::string(55, 'a'), ""}));
  CHECK_FALSE(check_application({std::string(56, 'a'), ""}));  // 56 + 1 + 8 characters
  for (const auto& bad : {std::string(), std::string("a b"), std::string("a\n"), std::string("../a"), std::string("a/b"), std::string("a'"),
                          std::string(300, 'a')}) {
    const auto checked = check_application({bad, ""});
    REQUIRE_FALSE(checked);
    CHECK(checked.error().code == Errc::config);
  }
  CHECK_FALSE(check_application({"shop", "a-b"}));
  CHECK_FALSE(check_application({"shop", "a b"}));
}
