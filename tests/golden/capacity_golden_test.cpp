// SPDX-License-Identifier: Apache-2.0
// Our capacity against every row that the original controllers computed.
#include <cmath>

#include "gearscale/core/capacity.hpp"
#include "recording.hpp"

using namespace gearscale;
using test::read_recording;

TEST_CASE("capacity is that of the controller of 2017, and so is whether to add") {
  const auto rows = read_recording("capacity_v2017.csv", ',', true);
  CHECK(rows.size() == 15675);
  for (const auto& row : rows) {
    REQUIRE(row.size() == 5);
    const double capacity =
        core::capacity_pct({.sessions = std::stod(row[0]), .gears = std::stoi(row[1]), .sessions_per_gear = std::stod(row[2])});
    const double original = std::stod(row[3]);
    // It divides in another order, so the last bit may differ.
    const bool same = std::abs(capacity - original) <= 4e-16 * std::max(1.0, original);
    const bool same_verdict = (capacity >= 90.0) == (row[4] == "true");
    if (!same || !same_verdict) {
      FAIL(row[0] << " sessions on " << row[1] << " gears of " << row[2] << ": " << capacity << ", original " << original);
    }
  }
}

TEST_CASE("capacity differs from the controller of 2012 exactly where its integer division floored") {
  const auto rows = read_recording("capacity_v2012.csv", ',', true);
  CHECK(rows.size() == 5225);
  int floored = 0;
  for (const auto& row : rows) {
    REQUIRE(row.size() == 4);
    const int sessions = std::stoi(row[0]);
    const int gears = std::stoi(row[1]);
    const double original = std::stod(row[2]);
    const double ours = core::capacity_pct({.sessions = static_cast<double>(sessions), .gears = gears, .sessions_per_gear = 10.0});
    const int lost = sessions % gears;
    // floor(s / g) * 10 = (s - s mod g) / g * 10: what it did not count is the rest of the division, spread over the gears.
    const double expected = original + 10.0 * lost / gears;
    if (std::abs(ours - expected) > 1e-9) FAIL(sessions << " on " << gears << ": " << ours << ", original " << original);
    if ((lost != 0) != (ours > original + 1e-9)) FAIL(sessions << " on " << gears << " differs for no reason");
    if (lost != 0) ++floored;
    // At 10 sessions per gear and 90%, nine sessions on each gear make the same verdict.
    if ((ours >= 90.0) != (row[3] == "true")) FAIL(sessions << " on " << gears << " gives another verdict");
  }
  CHECK(floored > 1000);
}

TEST_CASE("17 sessions on 2 gears are 85%, not 80%") {
  CHECK(core::capacity_pct({.sessions = 17, .gears = 2, .sessions_per_gear = 10}) == 85.0);
}
