// SPDX-License-Identifier: Apache-2.0
// gear-shell: the forced command of ssh keys that may scale and nothing else.
#include "gearscale/cli/exit_codes.hpp"
#include "gearscale/cli/gear_shell.hpp"
#include "gearscale/cli/options.hpp"

int main(int argc, char** argv) {
  using namespace gearscale;
  return cli::run_main("gear-shell", [&] { return cli::run_gear_shell(cli::arguments_of(argc, argv)); });
}
