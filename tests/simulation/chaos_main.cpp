// SPDX-License-Identifier: Apache-2.0
// simulation-chaos: many simulated hours over many seeds, each of which replays exactly. Prints what broke, with the seed, and one line of result.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "simulation/chaos_run.hpp"

namespace {

constexpr const char* kUsage =
    "Usage: simulation-chaos [--seeds A-B] [--hours H] [--seed N] [--verbose]\n"
    "  --seeds A-B  these seeds (default 1-100)\n"
    "  --seed N     this one only\n"
    "  --hours H    simulated by each seed, about (default 10)\n"
    "  --verbose    print everything that happens\n"
    "Exit codes: 0 nothing broke, 1 something did, 2 wrong usage.\n";

struct Wanted {
  std::uint64_t first = 1, last = 100;
  double hours = 10;
  bool verbose = false;
};

bool read(int argc, char** argv, Wanted& wanted) {
  for (int i = 1; i < argc; ++i) {
    const std::string option = argv[i];
    if (option == "--verbose") {
      wanted.verbose = true;
      continue;
    }
    if (++i >= argc) return false;
    char* end = argv[i];
    if (option == "--hours") {
      wanted.hours = std::strtod(argv[i], &end);
    } else if (option == "--seed" || option == "--seeds") {
      wanted.first = wanted.last = std::strtoull(argv[i], &end, 10);
      if (option == "--seeds" && *end == '-') wanted.last = std::strtoull(end + 1, &end, 10);
    } else {
      return false;
    }
    if (end == argv[i] || *end != '\0') return false;
  }
  return wanted.hours > 0 && wanted.first <= wanted.last;
}

}  // namespace

int main(int argc, char** argv) {
  Wanted wanted;
  if (!read(argc, argv, wanted)) {
    std::fputs(kUsage, stderr);
    return 2;
  }
  double hours = 0;
  long broken = 0, acting = 0, ticks = 0, calamities = 0, kills = 0, gears = 0;
  std::vector<double> settled;
  const auto begin = std::chrono::steady_clock::now();
  for (auto seed = wanted.first; seed <= wanted.last; ++seed) {
    const auto result = gearscale::test::ChaosRun(seed, wanted.verbose).run(wanted.hours);
    hours += result.hours;
    broken += static_cast<long>(result.broken.size());
    acting += result.still_acting ? 1 : 0;
    ticks += result.ticks;
    calamities += result.calamities;
    kills += result.kills;
    gears += result.gears;
    settled.insert(settled.end(), result.settled_in.begin(), result.settled_in.end());
    if (result.story.empty()) continue;
    std::printf("seed %llu (replay: simulation-chaos --seed %llu --hours %g --verbose)\n", static_cast<unsigned long long>(seed),
                static_cast<unsigned long long>(seed), wanted.hours);
    for (const auto& line : result.story) std::printf("  %s\n", line.c_str());
    std::fflush(stdout);
  }
  const auto minutes = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count() / 60;
  std::sort(settled.begin(), settled.end());
  const auto part = [&](double of) {
    return settled.empty() ? 0.0 : settled[static_cast<std::size_t>(of * static_cast<double>(settled.size() - 1))];
  };
  std::printf("%ld ticks, %ld calamities, %ld ends of a process, %ld gears; %.0f hours a minute\n", ticks, calamities, kills, gears,
              hours / minutes);
  std::printf("%zu calms, mended after %.1f s (p50), %.1f s (p99), %.1f s (most)\n", settled.size(), part(0.5), part(0.99), part(1));
  std::printf("simulation: %.0f hours over %llu seeds, %ld broken invariants, %ld runs still acting at constant load (target 0, 0)\n",
              hours, static_cast<unsigned long long>(wanted.last - wanted.first + 1), broken, acting);
  return broken == 0 && acting == 0 ? 0 : 1;
}
