// SPDX-License-Identifier: Apache-2.0
// Looks again until it is sure.
#include "gearscale/cli/check_run.hpp"

#include <unistd.h>

#include <iostream>
#include <nlohmann/json.hpp>
#include <set>

#include "gearscale/app/check.hpp"
#include "gearscale/cli/exit_codes.hpp"
#include "gearscale/cli/real_parts.hpp"
#include "gearscale/system/deadline.hpp"
#include "gearscale/system/files.hpp"

namespace gearscale::cli {

namespace {

constexpr core::Millis kPatience{5'000};
constexpr useconds_t kPauseMicros = 250'000;

std::vector<std::string> temp_files(const Config& config) {
  std::set<std::string> directories;
  for (const auto* path : {&config.paths.haproxy_cfg, &config.paths.registry}) directories.insert(system::directory_of(*path));
  std::vector<std::string> found;
  for (const auto& directory : directories) {
    const auto names = system::list_directory(directory);
    if (!names) continue;  // the look itself will say so
    for (const auto& name : *names) {
      if (system::is_temp_name(name)) found.push_back("the temp file " + directory + "/" + name);
    }
  }
  return found;
}

void print(const app::CheckReport& report, bool json) {
  if (json) {
    const auto object =
        nlohmann::ordered_json{{"holds", report.broken.empty()}, {"gears", report.gears}, {"at_rest", report.at_rest}, {"broken", report.broken}};
    std::cout << object.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << "\n";
    return;
  }
  for (const auto& sentence : report.broken) std::cout << sentence << "\n";
  if (report.broken.empty()) {
    std::cout << "Registry, containers, HAProxy and haproxy.cfg agree: " << report.gears << (report.gears == 1 ? " gear" : " gears")
              << (report.at_rest ? "" : ", some between two states") << "\n";
  }
}

}  // namespace

Result<int> run_check(const ControllerOptions& options) {
  auto config = load_config(options.common);
  if (!config) return fail(config.error());
  if (::geteuid() != 0) return fail(Errc::config, "this needs root: only root sees all containers; run it with sudo");
  if (const auto named = require_uuid(*config); !named) return fail(named.error());
  RealParts parts(*config, Mirror::none);
  const system::Deadline deadline(kPatience);
  for (;;) {
    const auto limits = parts.files.strict_limits();
    if (!limits) return fail(limits.error());
    auto report = app::check(parts.ports, *limits, kPatience, temp_files(*config));
    if (report) {
      for (auto& sentence : parts.files.open_to_everybody()) report->broken.push_back(std::move(sentence));
    }
    if (report && report->broken.empty()) {
      print(*report, options.json);
      return kExitDone;
    }
    if (deadline.is_over()) {
      if (!report) return fail(report.error());
      print(*report, options.json);
      return fail(Errc::failed, std::to_string(report->broken.size()) +
                                    " thing(s) do not agree: a running controller mends what it can; scale_events.log says what it does");
    }
    ::usleep(kPauseMicros);
  }
}

}  // namespace gearscale::cli
