// SPDX-License-Identifier: Apache-2.0
// haproxy_ctld_daemon: the controller in the background.
#include <iostream>

#include "gearscale/cli/config.hpp"
#include "gearscale/cli/controller_run.hpp"
#include "gearscale/cli/daemon.hpp"
#include "gearscale/cli/exit_codes.hpp"
#include "gearscale/cli/options.hpp"
#include "gearscale/cli/resolve.hpp"

int main(int argc, char** argv) {
  using namespace gearscale;
  return cli::run_main("haproxy_ctld_daemon", [&]() -> Result<int> {
    const auto parsed = cli::parse_daemon(cli::arguments_of(argc, argv));
    if (!parsed) return fail(parsed.error());
    for (const auto& note : parsed->notes) std::cerr << "haproxy_ctld_daemon: " << note << "\n";
    if (parsed->answer) {
      std::cout << *parsed->answer;
      return cli::kExitDone;
    }
    const auto& options = parsed->options;
    // The rest of the configuration is the controller's business: stop and status work while it is wrong.
    const auto& common = options.controller.common;
    const auto files = cli::find_daemon_files(cli::process_sources(common.settings, common.config_file));
    if (!files) return fail(files.error());
    cli::Daemon daemon;
    daemon.pid_file = files->pid_file;
    daemon.output_file = files->output_file;
    daemon.out = &std::cout;
    daemon.err = &std::cerr;
    const bool foreground = options.command == cli::DaemonCommand::run;
    daemon.controller = [&](cli::ReadyReport& ready) { return cli::run_controller_loop(options.controller, ready, foreground); };
    return cli::control_daemon(daemon, options.command);
  });
}
