// SPDX-License-Identifier: Apache-2.0
#include "gearscale/core/capacity.hpp"

#include <cmath>

#include "support/catch.hpp"

using gearscale::core::capacity_pct;

TEST_CASE("capacity divides as real numbers, not as the original's integers") {
  CHECK(capacity_pct({17, 2, 10}) == Approx(85.0));  // the original of 2012 read 80
  CHECK(capacity_pct({9, 1, 10}) == Approx(90.0));
  CHECK(capacity_pct({15, 1, 16}) == Approx(93.75));
  CHECK(capacity_pct({7, 3, 10}) == Approx(23.3333333));
}

TEST_CASE("capacity without sessions is 0, without gears infinite") {
  CHECK(capacity_pct({0, 3, 10}) == 0);
  CHECK(capacity_pct({0, 0, 10}) == 0);
  CHECK(std::isinf(capacity_pct({1, 0, 10})));
}
