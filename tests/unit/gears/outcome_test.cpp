// SPDX-License-Identifier: Apache-2.0
#include "gearscale/gears/outcome.hpp"

#include "support/catch.hpp"

namespace gearscale::gears {

TEST_CASE("what a job says comes through as it was") {
  SECTION("success") {
    const auto out = parse_outcome(
        format_outcome({.detail = std::string("ready in 3 ms\nreally"), .init = 4711, .frozen = true, .log = {"a: 1", "", "b"}}));
    CHECK(out.detail.value() == "ready in 3 ms\nreally");
    CHECK(out.init == 4711);
    CHECK(out.frozen);
    CHECK(out.log == std::vector<std::string>{"a: 1", "", "b"});
  }
  SECTION("nothing at all") {
    const auto out = parse_outcome(format_outcome({}));
    CHECK(out.detail.value().empty());
    CHECK(out.init == 0);
    CHECK_FALSE(out.frozen);
    CHECK(out.log.empty());
  }
  SECTION("an error keeps its kind, and what hooks printed before it") {
    const auto out = parse_outcome(format_outcome({.detail = fail(Errc::config, "no such thing", 2), .log = {"pre_start_gear: oh"}}));
    REQUIRE_FALSE(out.detail);
    CHECK(out.detail.error().code == Errc::config);
    CHECK(out.detail.error().message == "no such thing");
    CHECK(out.detail.error().sys_errno == 2);
    CHECK(out.log == std::vector<std::string>{"pre_start_gear: oh"});
  }
}

TEST_CASE("a malformed answer of a job is an error") {
  for (const auto* text : {"", "ready", "-1 0 1 0\nx", "-1 0 1 0 0 0\nx", "5 0 0 0 0\nx", "-2 0 0 0 0\n", "-1 0 99999999999 0 0\n"}) {
    INFO(text);
    const auto out = parse_outcome(text);
    REQUIRE_FALSE(out.detail);
    CHECK(out.detail.error().message == "the job answered something unreadable");
  }
  CHECK(parse_outcome("-1 0 0 0 2147483647\nx\n").log.size() == 1);  // fewer lines than it says
}

}  // namespace gearscale::gears
