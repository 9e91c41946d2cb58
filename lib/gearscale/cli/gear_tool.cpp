// SPDX-License-Identifier: Apache-2.0
// The gear tools: a forced decision, then waiting for its gears.
#include "gearscale/cli/gear_tool.hpp"

#include <algorithm>
#include <iostream>
#include <map>

#include "gearscale/base/text.hpp"
#include "gearscale/cli/exit_codes.hpp"
#include "gearscale/cli/gear_report.hpp"
#include "gearscale/cli/real_parts.hpp"
#include "gearscale/system/pid_file.hpp"

namespace gearscale::cli {

namespace {

using Action = app::ManualRequest::Kind;

Result<std::vector<std::string>> ids_of(const core::Application& application, const std::vector<std::string>& names) {
  std::vector<std::string> ids;
  for (const auto& name : names) {
    auto id = core::parse_gear_name(application, name);
    if (!id) return fail(id.error());
    ids.push_back(std::move(*id));
  }
  return ids;
}

std::string_view action_name(Action kind) {
  switch (kind) {
    case Action::add: return "add";
    case Action::remove: return "remove";
    case Action::pin: return "pin";
    case Action::unpin: return "unpin";
  }
  return "?";
}

struct Errand {
  RealParts& parts;
  const GearToolOptions& options;
  core::Limits limits;
  app::ControlSettings settings;
};

GearReport report_of(const Errand& errand, Action kind, const app::ManualResult& result, const std::string& outcome) {
  GearReport report{errand.parts.config.application, std::string(action_name(kind)), result.decision, {}};
  for (const auto& id : result.ids) report.gears.push_back(GearLine{id, "", outcome});
  return report;
}

// Addresses from the registry, for gears that are in it.
void fill_addresses(Errand& errand, GearReport& report) {
  const auto loaded = errand.parts.store.load();
  if (!loaded) return;
  for (auto& line : report.gears) {
    if (const auto* gear = core::find_gear(*loaded->registry, line.id)) {
      line.address = format_ipv4(gear->address) + ":" + std::to_string(errand.parts.config.gears.gear_port);
    }
  }
}

// The sessions of each server, by gear id, for the progress of a drain.
SessionCounts sessions_of(RealParts& parts) {
  SessionCounts counts;
  if (const auto seen = parts.balancer.observe()) {
    for (const auto& row : (*seen)->gears) counts.emplace(row.id, row.scur);
  }
  return counts;
}

Result<int> wait_for(Errand& errand, Action kind, const app::ManualResult& result, system::SignalFd& signals, app::Controller& controller) {
  auto watch = system::FileWatch::open(errand.parts.config.paths.registry);
  const auto hooks = make_hooks(errand.parts, signals, watch ? &*watch : nullptr);
  GearReport report = report_of(errand, kind, result, "pending");
  std::map<std::string, std::string> reasons;  // of gears that failed; their entries leave the registry soon after
  bool interrupted = false;
  std::string file_error;
  {
    ProgressLine progress(errand.parts.config.application, kind, result.ids.size());
    const auto followed =
        app::follow(controller, errand.parts.ports, hooks, kind, result.ids, [&](const app::Scenery& scenery, const app::Followed& state) {
          for (const auto& gear : scenery.registry.gears) {
            if (gear.state == core::GearState::failed) reasons[gear.id] = gear.note;
          }
          progress.show(scenery.registry, result.ids, state, sessions_of(errand.parts));
        });
    if (!followed) return fail(followed.error());
    interrupted = followed->interrupted;
    file_error = followed->file_error;
    const auto mark = [&](const std::vector<std::string>& ids, const std::string& outcome) {
      for (auto& line : report.gears) {
        if (std::find(ids.begin(), ids.end(), line.id) != ids.end()) line.outcome = outcome;
      }
    };
    mark(followed->arrived, kind == Action::add ? "serving" : "removed");
    mark(followed->failed, "failed");
  }
  fill_addresses(errand, report);
  print_report(report, errand.options.json);
  if (interrupted)
    return fail(Errc::failed, "interrupted; what is pending is carried on by the running daemon, or by the next command or start");
  for (const auto& line : report.gears) {
    if (line.outcome == "failed") {
      const auto& reason = reasons[line.id];
      return fail(Errc::failed, core::gear_name(errand.parts.config.application, line.id) +
                                    (kind == Action::add ? " did not become ready: " : " stays: ") +
                                    (kind == Action::remove ? "load came back while it drained, and it was recalled"
                                     : reason.empty()       ? "see " + errand.parts.config.paths.events_log
                                                            : reason));
    }
  }
  if (!file_error.empty()) {
    return fail(Errc::failed, std::string(kind == Action::add ? "the gears serve" : "the gears have left") +
                                  ", but haproxy.cfg could not be brought up to date: " + file_error);
  }
  return kExitDone;
}

Result<int> run_pins(Errand& errand) {
  for (const auto& [kind, names] : {std::pair(Action::pin, &errand.options.pin), std::pair(Action::unpin, &errand.options.unpin)}) {
    if (names->empty()) continue;
    auto ids = ids_of(errand.parts.config.application, *names);
    if (!ids) return fail(ids.error());
    const auto done =
        app::command(errand.settings, errand.parts.ports, system::random_gear_id, errand.limits, {kind, 1, std::move(*ids), false});
    if (!done) return fail(done.error());
    auto report = report_of(errand, kind, *done, kind == Action::pin ? "pinned" : "unpinned");
    fill_addresses(errand, report);
    print_report(report, errand.options.json);
  }
  return kExitDone;
}

}  // namespace

Result<int> run_gear_tool(GearTool tool, const std::string& called_as, const GearToolOptions& options) {
  auto config = load_config(options.common);
  if (!config) return fail(config.error());
  auto gears = ids_of(config->application, options.gears);
  if (!gears) return fail(gears.error());
  const bool pins = !options.pin.empty() || !options.unpin.empty();
  const bool adds = tool == GearTool::add && !pins;
  if (const auto ready = prepare_to_scale(*config, adds ? Purpose::add_gears : Purpose::nothing_new); !ready) return fail(ready.error());

  // From here on a signal is something to read: nothing is left half done.
  auto signals = system::SignalFd::open();
  if (!signals) return fail(signals.error());
  RealParts parts(*config, Mirror::none);
  const auto limits = parts.files.strict_limits();
  if (!limits) return fail(limits.error());
  Errand errand{parts, options, *limits, parts.settings(called_as)};
  errand.settings.dry_run = options.dry_run;
  if (pins) return run_pins(errand);
  if (const auto setup = parts.balancer.check_setup(); !setup) return fail(setup.error());

  if (options.no_wait) {
    const auto daemon = system::PidFile::status(parts.config.paths.pid_file);
    if (!daemon || daemon->state != system::PidStatus::State::running) {
      return fail(Errc::unavailable,
                  "--no-wait needs a running haproxy_ctld_daemon to carry the change on, and none runs: start it, or wait");
    }
  }
  const auto kind = tool == GearTool::add ? Action::add : Action::remove;
  const auto result = app::command(errand.settings, parts.ports, system::random_gear_id, errand.limits,
                                   {kind, options.count, std::move(*gears), options.now});
  if (!result) return fail(result.error());
  if (options.dry_run || options.no_wait || result->ids.empty()) {
    auto report = report_of(errand, kind, *result, options.dry_run ? "planned" : "pending");
    fill_addresses(errand, report);
    print_report(report, options.json);
    return kExitDone;
  }
  app::Controller controller(errand.settings, parts.ports, system::random_gear_id);
  return wait_for(errand, kind, *result, *signals, controller);
}

}  // namespace gearscale::cli
