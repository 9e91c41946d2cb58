// SPDX-License-Identifier: Apache-2.0
// What has to be known before the first gear is replaced.
#include "gearscale/app/replacing.hpp"

#include "gearscale/app/controller.hpp"
#include "gearscale/core/replacement.hpp"

namespace gearscale::app {

namespace {

constexpr core::Millis kLockPatience{5'000};

}  // namespace

Result<core::Registry> begin_replacement(const ControlSettings& settings, const Ports& ports, const ReplaceRequest& request) {
  const auto lock = ports.store.lock(kLockPatience);
  if (!lock) return fail(lock.error());
  const auto loaded = ports.store.load();
  if (!loaded) return fail(loaded.error());
  auto registry = *loaded->registry;
  Recorder recorder(ports.events, ports.clock, settings.application, settings.by, settings.pid);
  if (registry.generation == 0 && !settings.dry_run) {  // lost: what is there has to be known before it can be replaced
    const auto seen = ports.balancer.observe();
    if (!seen) return fail(seen.error());
    auto rebuilt = bring_together(ports, registry, **seen, settings, recorder);
    if (!rebuilt) return fail(rebuilt.error());
    registry = std::move(rebuilt->registry);
  }
  const auto current = core::template_in_force(registry, settings.template_name);
  const auto wanted = request.template_name.value_or(current);
  auto& replacement = registry.replacement;
  if (replacement.state == core::Replacement::State::running && replacement.template_name != wanted) {
    return fail(Errc::unavailable, "a replacement by template " + replacement.template_name +
                                       " runs: wait for its end (haproxy_ctld --replace --status), or name that template");
  }
  if (const auto room = ports.host.check_room(1, wanted); !room) return fail(room.error());
  if (replacement.state != core::Replacement::State::running) replacement = core::Replacement{};
  replacement.template_name = wanted;
  replacement.step = request.step;
  // It comes into force when its first gear has served for a while, or at the end: all that is the driver's, by the driver's configuration.
  const bool done = wanted == current && core::progress_of(replacement, registry.gears).is_done();
  replacement.state = done ? core::Replacement::State::done : core::Replacement::State::running;
  ++registry.generation;
  if (settings.dry_run) return registry;
  if (const auto saved = ports.store.save(registry); !saved) return fail(saved.error());
  if (!done)
    recorder.notice(Severity::info,
                    "Replacing all gears by ones of template " + wanted + ", " + std::to_string(request.step) + " at a time");
  return registry;
}

}  // namespace gearscale::app
