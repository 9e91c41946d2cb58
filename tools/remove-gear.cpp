// SPDX-License-Identifier: Apache-2.0
// remove-gear: removes gears by hand.
#include <iostream>

#include "gearscale/cli/exit_codes.hpp"
#include "gearscale/cli/gear_tool.hpp"
#include "gearscale/cli/options.hpp"

int main(int argc, char** argv) {
  using namespace gearscale;
  return cli::run_main("remove-gear", [&]() -> Result<int> {
    const auto parsed = cli::parse_remove_gear(cli::arguments_of(argc, argv));
    if (!parsed) return fail(parsed.error());
    for (const auto& note : parsed->notes) std::cerr << "remove-gear: " << note << "\n";
    if (parsed->answer) {
      std::cout << *parsed->answer;
      return cli::kExitDone;
    }
    return cli::run_gear_tool(cli::GearTool::remove, "remove-gear", parsed->options);
  });
}
