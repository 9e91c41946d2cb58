// SPDX-License-Identifier: Apache-2.0
// haproxy_ctld: the controller, in the foreground or for one action.
#include <iostream>

#include "gearscale/cli/controller_run.hpp"
#include "gearscale/cli/exit_codes.hpp"
#include "gearscale/cli/options.hpp"

int main(int argc, char** argv) {
  using namespace gearscale;
  return cli::run_main("haproxy_ctld", [&]() -> Result<int> {
    const auto parsed = cli::parse_controller(cli::arguments_of(argc, argv));
    if (!parsed) return fail(parsed.error());
    for (const auto& note : parsed->notes) std::cerr << "haproxy_ctld: " << note << "\n";
    if (parsed->answer) {
      std::cout << *parsed->answer;
      return cli::kExitDone;
    }
    if (parsed->options.mode != cli::ControllerMode::automatic) return cli::run_controller_once(parsed->options);
    cli::ReadyReport ready("haproxy_ctld", std::cerr);
    return cli::run_controller_loop(parsed->options, ready, true);
  });
}
