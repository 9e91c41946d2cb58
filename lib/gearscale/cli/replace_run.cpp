// SPDX-License-Identifier: Apache-2.0
// A replacement as people see it.
#include "gearscale/cli/replace_run.hpp"

#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>

#include "gearscale/app/replacing.hpp"
#include "gearscale/base/text.hpp"
#include "gearscale/cli/exit_codes.hpp"
#include "gearscale/cli/real_parts.hpp"
#include "gearscale/core/replacement.hpp"

namespace gearscale::cli {

namespace {

using State = core::Replacement::State;

std::string count_of(int count, const char* what) { return ", " + std::to_string(count) + " " + what; }

std::string summary(const core::Registry& registry) {
  const auto& replacement = registry.replacement;
  if (replacement.state == State::none) return "no replacement was begun";
  const auto progress = core::progress_of(replacement, registry.gears);
  auto text = "replacement by " + replacement.template_name + " " + std::string(core::to_string(replacement.state)) + ": " +
              std::to_string(replacement.replaced) + " replaced" + count_of(progress.outdated, "to go") +
              count_of(progress.on_the_way, "starting") + count_of(progress.leaving, "draining");
  if (progress.standbys > 0) text += count_of(progress.standbys, "standby to go");
  if (progress.pinned > 0) text += count_of(progress.pinned, "pinned");
  return text + (replacement.note.empty() ? "" : " (" + one_line(replacement.note, 200) + ")");
}

void print(const core::Registry& registry, bool json) {
  if (!json) {
    std::cout << summary(registry) << "\n";
    return;
  }
  const auto& replacement = registry.replacement;
  const auto progress = core::progress_of(replacement, registry.gears);
  const nlohmann::ordered_json object{{"state", core::to_string(replacement.state)},
                                      {"template", replacement.template_name},
                                      {"step", replacement.step},
                                      {"replaced", replacement.replaced},
                                      {"to_go", progress.outdated},
                                      {"starting", progress.on_the_way},
                                      {"draining", progress.leaving},
                                      {"standbys_to_go", progress.standbys},
                                      {"pinned", progress.pinned},
                                      {"note", replacement.note}};
  std::cout << object.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << "\n";
}

// Shows how far it is, when that changes: over and over on one line of a terminal, else nothing.
class ReplacementProgressLine {
 public:
  void show(const core::Registry& registry) {
    auto text = summary(registry);
    if (!terminal_ || text == last_) return;
    last_ = std::move(text);
    std::cerr << "\r\x1b[K" << last_ << std::flush;
  }
  ReplacementProgressLine() = default;
  ReplacementProgressLine(const ReplacementProgressLine&) = delete;
  ReplacementProgressLine& operator=(const ReplacementProgressLine&) = delete;
  ~ReplacementProgressLine() {
    if (!last_.empty()) std::cerr << "\r\x1b[K" << std::flush;
  }

 private:
  bool terminal_ = ::isatty(STDERR_FILENO) == 1;
  std::string last_;
};

// Without a daemon this process also waits for the old gears' end: nobody else would see them off.
Result<core::Registry> wait_for_end(RealParts& parts, app::Controller& controller, system::SignalFd& signals) {
  auto watch = system::FileWatch::open(parts.config.paths.registry);
  const auto hooks = make_hooks(parts, signals, watch ? &*watch : nullptr);
  core::Registry last;
  ReplacementProgressLine progress;
  const auto interrupted = app::follow_until(controller, parts.ports, hooks, [&](const app::Scenery& scenery) -> Result<bool> {
    last = scenery.registry;
    progress.show(last);
    const auto now = parts.ports.clock.now();
    const bool leaving = std::any_of(last.gears.begin(), last.gears.end(), [now](const core::Gear& gear) {
      const bool leaves =
          gear.state == core::GearState::draining || gear.state == core::GearState::removing || gear.state == core::GearState::failed;
      return leaves && !app::is_overdue(gear, now);
    });
    return last.replacement.state != State::running && (!scenery.drives || (!leaving && !controller.has_jobs()));
  });
  if (!interrupted) return fail(interrupted.error());
  if (*interrupted && last.replacement.state == State::running) {
    return fail(Errc::failed, "interrupted; the replacement is carried on by the running daemon, or by the next start or --replace");
  }
  return last;
}

}  // namespace

Result<int> run_replace(const ControllerOptions& options) {
  // The template that the daemon is configured with: the one on the command line is the new one.
  auto common = options.common;
  app::ReplaceRequest request{std::nullopt, options.step};
  if (const auto given = common.settings.find("template"); given != common.settings.end()) {
    if (const auto config = load_config(common); !config) return fail(config.error());  // a bad name is an error of this command
    request.template_name = given->second;
    common.settings.erase(given);
  }
  auto config = load_config(common);
  if (!config) return fail(config.error());
  if (const auto ready = prepare_to_scale(*config); !ready) return fail(ready.error());
  auto signals = system::SignalFd::open();
  if (!signals) return fail(signals.error());
  RealParts parts(*config, Mirror::none);
  if (const auto limits = parts.files.strict_limits(); !limits) return fail(limits.error());
  if (const auto setup = parts.balancer.check_setup(); !setup) return fail(setup.error());
  auto settings = parts.settings("haproxy_ctld");
  settings.dry_run = options.dry_run;
  settings.keeps_pool = true;  // standbys are replaced, too, when it is this process that carries gears on
  if (options.no_wait && !make_hooks(parts, *signals, nullptr).daemon_runs()) {
    return fail(Errc::unavailable,
                "--no-wait needs a running haproxy_ctld_daemon to carry the replacement on, and none runs: start it, or wait");
  }
  auto registry = app::begin_replacement(settings, parts.ports, request);
  if (!registry) return fail(registry.error());
  if (registry->replacement.state == State::running && !options.dry_run && !options.no_wait) {
    app::Controller controller(settings, parts.ports, system::random_gear_id);
    registry = wait_for_end(parts, controller, *signals);
    if (!registry) return fail(registry.error());
  }
  print(*registry, options.json);
  if (!registry->template_name.empty() && !options.json) {
    std::cout << "new gears are cloned from " << registry->template_name << " from now on: set template = " << registry->template_name
              << " in the configuration, too\n";
  }
  if (registry->replacement.state == State::stopped)
    return fail(Errc::failed, "the replacement has stopped: " + registry->replacement.note);
  return kExitDone;
}

Result<int> show_replacement(const ControllerOptions& options) {
  const auto config = load_config(options.common);
  if (!config) return fail(config.error());
  RealParts parts(*config, Mirror::none);
  const auto loaded = parts.store.load();
  if (!loaded) return fail(loaded.error());
  print(*loaded->registry, options.json);
  return loaded->registry->replacement.state == State::stopped ? kExitFailed : kExitDone;
}

}  // namespace gearscale::cli
