// SPDX-License-Identifier: Apache-2.0
// The controller's modes, from the configuration to the loop.
#include "gearscale/cli/controller_run.hpp"

#include <poll.h>

#include <csignal>
#include <iostream>
#include <optional>

#include "gearscale/app/status.hpp"
#include "gearscale/cli/check_run.hpp"
#include "gearscale/cli/exit_codes.hpp"
#include "gearscale/cli/gear_report.hpp"
#include "gearscale/cli/gear_tool.hpp"
#include "gearscale/cli/print_config.hpp"
#include "gearscale/cli/real_parts.hpp"
#include "gearscale/cli/replace_run.hpp"
#include "gearscale/codec/status.hpp"
#include "gearscale/system/heap.hpp"
#include "gearscale/system/pid_file.hpp"

namespace gearscale::cli {

namespace {

constexpr core::Millis kHaproxyPatience{5'000};  // of a start, before it warns and goes on trying
constexpr core::Millis kHaproxyRetry{100};

Result<int> print_values(const ControllerOptions& options) {
  const auto values = resolve_some(process_sources(options.common.settings, options.common.config_file), options.keys);
  if (!values) return fail(values.error());
  for (const auto& value : *values) std::cout << value << "\n";
  return kExitDone;
}

Result<int> print_configuration(const ControllerOptions& options) {
  if (!options.keys.empty()) return print_values(options);
  Values values;
  const auto config = load_config(options.common, &values);
  if (!config) return fail(config.error());
  if (const auto safe = check_places(options.common, *config, values); !safe) {
    std::cerr << "haproxy_ctld: warning: nothing else would run: " << safe.error().message << "\n";
  }
  if (const auto limits = ControlFiles(*config).strict_limits(); !limits) {
    std::cerr << "haproxy_ctld: warning: nothing would start, and a running controller goes on with other limits than these: "
              << limits.error().message << "\n";
  }
  std::cout << (options.json ? config_json(values) : config_text(values));
  return kExitDone;
}

Result<int> print_status(const ControllerOptions& options) {
  const auto config = load_config(options.common);
  if (!config) return fail(config.error());
  RealParts parts(*config, Mirror::none);
  const auto limits = parts.files.strict_limits();
  if (!limits) return fail(limits.error());
  const auto daemon = system::PidFile::status(config->paths.pid_file);
  const bool running = daemon && daemon->state == system::PidStatus::State::running;
  const auto report =
      app::status(parts.settings("haproxy_ctld"), parts.ports, *limits, running ? std::optional(daemon->pid) : std::nullopt);
  if (!report) return fail(report.error());
  std::cout << (options.json ? codec::status_json(*report) + "\n" : codec::status_table(*report));
  if (!report->error.empty()) return fail(report->error_code, report->error);  // what the registry knows was shown all the same
  return kExitDone;
}

Result<system::PidFile> take_pid_file(const std::string& path) {
  auto pid_file = system::PidFile::acquire(path);
  if (!pid_file) return fail(pid_file.error());
  return pid_file;
}

// One observation, one decision, and what follows from it.
Result<int> run_once(const ControllerOptions& options) {
  auto config = load_config(options.common);
  if (!config) return fail(config.error());
  if (const auto ready = prepare_to_scale(*config); !ready) return fail(ready.error());
  auto signals = system::SignalFd::open();
  if (!signals) return fail(signals.error());
  RealParts parts(*config, Mirror::none);
  if (const auto limits = parts.files.strict_limits(); !limits) return fail(limits.error());
  if (const auto setup = parts.balancer.check_setup(); !setup) return fail(setup.error());
  // A dry run changes nothing, so it may look beside a running controller.
  std::optional<Result<system::PidFile>> pid_file;
  if (!options.dry_run) pid_file.emplace(take_pid_file(config->paths.pid_file));
  if (pid_file && !*pid_file) return fail(pid_file->error());
  auto hooks = make_hooks(parts, *signals, nullptr);
  hooks.daemon_runs = [] { return false; };  // it is this process that holds the pid file
  if (!options.dry_run && !hooks.may_drive())
    return fail(Errc::unavailable, "another command is carrying gears on at this moment; try again");

  auto settings = parts.settings("haproxy_ctld");
  settings.one_shot = true;
  settings.dry_run = options.dry_run;
  app::Controller controller(settings, parts.ports, system::random_gear_id);
  auto input = parts.files.read(parts.events);
  input.look = app::Look::check;
  const auto report = controller.tick(input);
  if (report.error) return fail(*report.error);
  const auto& decision = *report.decision;
  const auto kind = decision.action == core::Action::up ? app::ManualRequest::Kind::add : app::ManualRequest::Kind::remove;
  GearReport shown{config->application, std::string(core::to_string(decision.action)), decision, {}};
  bool failed = false;
  if (!options.dry_run && !report.acted_on.empty()) {
    const auto followed = app::follow(controller, parts.ports, hooks, kind, report.acted_on, [](const auto&, const auto&) {});
    if (!followed) return fail(followed.error());
    failed = !followed->failed.empty() || followed->interrupted || !followed->file_error.empty();
  }
  for (const auto& id : report.acted_on) {
    const auto* done = kind == app::ManualRequest::Kind::add ? "serving" : "removed";
    shown.gears.push_back(GearLine{id, "", options.dry_run ? "planned" : failed ? "failed" : done});
  }
  if (!options.json) {
    std::cout << core::to_string(decision.action) << " (" << core::to_string(decision.reason) << "), target " << decision.target << "\n";
  }
  if (options.json || !shown.gears.empty()) print_report(shown, options.json);
  if (report.refusal) return fail(*report.refusal);
  return failed ? kExitFailed : kExitDone;
}

Result<int> run_one_gear(GearTool tool, const ControllerOptions& options) {
  GearToolOptions gear;
  gear.common = options.common;
  gear.dry_run = options.dry_run;
  gear.json = options.json;
  return run_gear_tool(tool, "haproxy_ctld", gear);
}

// Waits for HAProxy as long as a start may. A warning, when it does not come; an error when waiting would not help.
Result<std::optional<std::string>> await_haproxy(RealParts& parts, system::SignalFd& signals) {
  const auto end = parts.clock.now() + kHaproxyPatience;
  for (;;) {
    const auto seen = parts.balancer.observe();
    if (seen) return std::optional<std::string>();
    if (seen.error().code != Errc::unavailable) return fail(seen.error());
    if (parts.clock.now() >= end) return std::optional(seen.error().message + "; the controller stays and keeps trying");
    pollfd signal{signals.fd(), POLLIN, 0};
    if (::poll(&signal, 1, static_cast<int>(kHaproxyRetry.count())) > 0) return std::optional<std::string>();  // the loop will read it
  }
}

struct Started {
  Config config;
  system::SignalFd signals;
};

Result<Started> start_up(const ControllerOptions& options) {
  auto config = load_config(options.common);
  if (!config) return fail(config.error());
  if (const auto ready = prepare_to_scale(*config); !ready) return fail(ready.error());
  auto signals = system::SignalFd::open();
  if (!signals) return fail(signals.error());
  return Started{std::move(*config), std::move(*signals)};
}

// One life of the loop with one configuration. Returns the signal that ended it.
int run_life(RealParts& parts, system::SignalFd& signals, const ControllerOptions& options) {
  auto settings = parts.settings("haproxy_ctld");
  settings.dry_run = options.dry_run;
  settings.keeps_pool = !options.dry_run;
  parts.open_response_log();
  if (const auto enough = check_open_files(parts.config, parts.files.strict_limits().value_or(parts.files.last_good()), parts.open_files);
      !enough) {
    parts.events.text(Severity::warn, enough.error().message);
  }
  app::Controller controller(settings, parts.ports, system::random_gear_id);
  auto watch = system::FileWatch::open(parts.config.paths.registry);
  const auto hooks = make_hooks(parts, signals, watch ? &*watch : nullptr);
  const app::Intervals intervals{parts.config.check_interval, parts.config.sample_interval};
  return app::run_loop(
      controller, parts.ports, [&] { return intervals; }, hooks);
}

// Whoever reads the events of a foreground controller may go; the controller stays. A handler, since an ignored SIGPIPE would stay ignored in
// the gears.
void survive_lost_readers() {
  struct sigaction nothing {};
  nothing.sa_handler = [](int) {};
  ::sigaction(SIGPIPE, &nothing, nullptr);
}

// After HUP: the new configuration, or the old one when the new one is wrong or would be another farm's.
Config reread(const ControllerOptions& options, const RealParts& parts, EventSink& events) {
  auto config = load_config(options.common);
  auto ready = config ? check_same_farm(parts.config, *config) : Result<void>(fail(config.error()));
  if (ready) ready = prepare_to_scale(*config);
  if (ready) {
    events.text(Severity::info, "Configuration re-read");
    return std::move(*config);
  }
  events.text(Severity::error, "The configuration stays as it was: " + ready.error().message);
  return parts.config;
}

}  // namespace

Result<int> run_controller_once(const ControllerOptions& options) {
  switch (options.mode) {
    case ControllerMode::print_config: return print_configuration(options);
    case ControllerMode::status: return print_status(options);
    case ControllerMode::check: return run_check(options);
    case ControllerMode::once: return run_once(options);
    case ControllerMode::up: return run_one_gear(GearTool::add, options);
    case ControllerMode::down: return run_one_gear(GearTool::remove, options);
    case ControllerMode::replace: return run_replace(options);
    case ControllerMode::replace_status: return show_replacement(options);
    case ControllerMode::automatic: break;
  }
  return fail(Errc::usage, "the loop is not started here");
}

int run_controller_loop(const ControllerOptions& options, ReadyReport& ready, bool foreground) {
  const auto give_up = [&](const Error& error) {
    ready.failed(exit_code(error.code), error.message);
    return exit_code(error.code);
  };
  system::install_crash_handler();
  system::keep_heap_small();
  survive_lost_readers();
  auto started = start_up(options);
  if (!started) return give_up(started.error());
  auto parts = std::make_unique<RealParts>(started->config, foreground ? Mirror::to_stdout : Mirror::none);
  // At a start there are no last good limits to stay with.
  if (const auto limits = parts->files.strict_limits(); !limits) return give_up(limits.error());
  if (const auto setup = parts->balancer.check_setup(); !setup) return give_up(setup.error());
  // Another farm's registry will not become ours; a corrupt one is the loop's to mend.
  if (const auto loaded = parts->store.load(); !loaded && loaded.error().code == Errc::config) return give_up(loaded.error());
  if (const auto room = parts->host.check_room(0, ""); !room) return give_up(room.error());
  const auto pid_file = take_pid_file(parts->config.paths.pid_file);
  if (!pid_file) return give_up(pid_file.error());
  parts->events.text(Severity::info, "Starting haproxy_ctld");
  const auto haproxy = await_haproxy(*parts, started->signals);
  if (!haproxy) {
    parts->events.text(Severity::error, haproxy.error().message);
    return give_up(haproxy.error());
  }
  if (*haproxy) {
    ready.warn(**haproxy);
  } else {
    ready.ok();
  }
  while (run_life(*parts, started->signals, options) == SIGHUP) {
    const auto config = reread(options, *parts, parts->events);
    const auto limits = parts->files.last_good();
    parts.reset();  // locks and logs of the old life first
    parts = std::make_unique<RealParts>(config, foreground ? Mirror::to_stdout : Mirror::none);
    parts->files.start_from(limits);
  }
  parts->events.text(Severity::info, "Stopping haproxy_ctld");
  return kExitDone;
}

}  // namespace gearscale::cli
