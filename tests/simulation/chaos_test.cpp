// SPDX-License-Identifier: Apache-2.0
// A fixed set of seeds, so that what was mended stays mended, and some that nobody has tried before.
#include <chrono>
#include <cstdio>

#include "simulation/chaos_run.hpp"
#include "support/catch.hpp"

using namespace gearscale;

namespace {

void require_well(std::uint64_t seed, double hours) {
  const auto result = test::ChaosRun(seed, false).run(hours);
  if (result.broken.empty() && !result.still_acting) return;
  std::string text = "seed " + std::to_string(seed) + ", replay: simulation-chaos --seed " + std::to_string(seed) + " --hours " +
                     std::to_string(hours) + " --verbose";
  for (const auto& line : result.story) text += "\n  " + line;
  FAIL_CHECK(text);
}

}  // namespace

TEST_CASE("in a world with faults nothing is broken when they end, and at a constant load the actions stop: fixed seeds") {
  for (std::uint64_t seed = 1; seed <= GEARSCALE_SEEDS; ++seed) require_well(seed, 2);
}

TEST_CASE("the same with seeds that nobody has tried before") {
  const auto first = static_cast<std::uint64_t>(std::chrono::system_clock::now().time_since_epoch() / std::chrono::seconds(1)) * GEARSCALE_FRESH_SEEDS;
  const auto last = first + GEARSCALE_FRESH_SEEDS - 1;
  std::printf("fresh seeds: %llu to %llu\n", static_cast<unsigned long long>(first), static_cast<unsigned long long>(last));
  for (std::uint64_t seed = first; seed <= last; ++seed) require_well(seed, 2);
}

TEST_CASE("a seed replays exactly") {
  const auto once = test::ChaosRun(7, false).run(3);
  const auto again = test::ChaosRun(7, false).run(3);
  CHECK(once.ticks == again.ticks);
  CHECK(once.calamities == again.calamities);
  CHECK(once.gears == again.gears);
  CHECK(once.settled_in == again.settled_in);
}
