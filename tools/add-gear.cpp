// SPDX-License-Identifier: Apache-2.0
// add-gear: adds gears by hand.
#include <iostream>

#include "gearscale/cli/exit_codes.hpp"
#include "gearscale/cli/gear_tool.hpp"
#include "gearscale/cli/options.hpp"

int main(int argc, char** argv) {
  using namespace gearscale;
  return cli::run_main("add-gear", [&]() -> Result<int> {
    const auto parsed = cli::parse_add_gear(cli::arguments_of(argc, argv));
    if (!parsed) return fail(parsed.error());
    for (const auto& note : parsed->notes) std::cerr << "add-gear: " << note << "\n";
    if (parsed->answer) {
      std::cout << *parsed->answer;
      return cli::kExitDone;
    }
    return cli::run_gear_tool(cli::GearTool::add, "add-gear", parsed->options);
  });
}
