// SPDX-License-Identifier: Apache-2.0
// Tests of the deadline's edges.
#include "gearscale/system/deadline.hpp"

#include "support/catch.hpp"

using namespace gearscale;
using namespace std::chrono_literals;
using system::Deadline;

TEST_CASE("a deadline of nothing or less is over at once") {
  for (const auto patience : {core::Millis(0), core::Millis(-1), core::Millis::min()}) {
    const Deadline deadline(patience);
    CHECK(deadline.is_over());
    CHECK(deadline.poll_timeout() == 0);
  }
}

TEST_CASE("a long one is not over, and the longest is a day") {
  CHECK(!Deadline(1h).is_over());
  CHECK(Deadline(1h).left() <= 1h);
  CHECK(Deadline(core::Millis::max()).left() <= 24h);
  CHECK(Deadline(core::Millis::max()).poll_timeout() > 0);
}

TEST_CASE("what is left is rounded up: less than a millisecond is not over") {
  const auto start = std::chrono::steady_clock::now();
  const Deadline deadline(1ms);
  auto left = deadline.left();
  for (; left != 0ms; left = deadline.left()) REQUIRE(left == 1ms);
  CHECK(std::chrono::steady_clock::now() - start >= 1ms);
}
