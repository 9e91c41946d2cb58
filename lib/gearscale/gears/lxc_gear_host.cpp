// SPDX-License-Identifier: Apache-2.0
// Ties the parts of this room together.
#include "gearscale/gears/lxc_gear_host.hpp"

#include <unistd.h>

#include <algorithm>

#include "gearscale/base/text.hpp"
#include "gearscale/gears/address_check.hpp"
#include "gearscale/gears/bring_up.hpp"
#include "gearscale/gears/clone.hpp"
#include "gearscale/gears/inventory.hpp"
#include "gearscale/gears/leftovers.hpp"
#include "gearscale/gears/settle.hpp"
#include "gearscale/gears/stand_by.hpp"
#include "gearscale/gears/take_over.hpp"
#include "gearscale/gears/tear_down.hpp"
#include "gearscale/system/memory.hpp"

namespace gearscale::gears {

namespace {

constexpr core::Millis kCallDeadline{3'000};  // they take milliseconds; an overloaded machine may need a second to fork

std::string mebibytes(std::int64_t bytes) { return format_decimal(static_cast<double>(bytes) / (1024 * 1024)) + " MiB"; }

// The job's own deadline lies a little before the one at which it is killed, so that it can say what it was waiting for.
core::Millis inner(core::Millis deadline) { return deadline - std::min(deadline / 10, core::Millis(200)); }

Result<void> check_root() {
  if (::geteuid() == 0) return {};
  return fail(Errc::config, "containers can be worked on by root only: run this as root (sudo)");
}

Result<void> check_memory(const Options& options, int count) {
  if (count == 0) return {};  // a controller that adds nothing now has its place on a machine that is short of memory, too
  const auto available = system::available_memory();
  if (!available) return fail(available.error());
  const auto wanted = options.gear_memory * count;
  if (*available - wanted >= options.memory_reserve) return {};
  return fail(Errc::limit, "not enough memory for " + std::to_string(count) + (count == 1 ? " gear: " : " gears: ") +
                               mebibytes(*available) + " are available, " + mebibytes(wanted) + " may be used by new gears, " +
                               mebibytes(options.memory_reserve) + " have to stay free (memory_reserve)");
}

}  // namespace

Options LxcGearHost::options_for(const std::string& template_name) const {
  auto options = options_;
  if (!template_name.empty()) options.template_name = template_name;
  return options;
}

bool LxcGearHost::stops(JobKind kind) const {
  return kind == JobKind::tear_down || (kind == JobKind::stand_by && options_.standby_state == core::StandbyPolicy::State::stopped);
}

void LxcGearHost::hold(const std::string& id, int init, bool frozen) {
  held_.hold({.id = id, .container = core::container_name(options_.application, id), .init = init, .frozen = frozen});
}

Result<std::vector<core::ContainerFact>> LxcGearHost::list() {
  if (auto root = check_root(); !root) return fail(root.error());
  const auto lines = system::call_in_child([this] { return list_containers(options_.application, options_.lxc_path); }, kCallDeadline);
  if (!lines) return fail(lines.error());
  const auto findings = parse_findings(*lines);
  if (!findings) return fail(findings.error());
  std::vector<core::ContainerFact> facts;
  for (const auto& found : *findings) {
    facts.push_back(found.fact);
    const auto job = jobs_.under_way(found.fact.id);
    // The end of one that a job of ours stops is nothing to report.
    if (!job || !stops(*job)) hold(found.fact.id, found.init, found.fact.state == core::ContainerState::frozen);
  }
  return facts;
}

Result<core::ContainerState> LxcGearHost::inspect(std::string_view id) {
  if (auto root = check_root(); !root) return fail(root.error());
  const auto work = [&]() -> Result<std::string> {
    return format_finding(inspect_place(place_of(options_.application, options_.lxc_path, id), id, freezer_mounts()));
  };
  const auto line = system::call_in_child(work, kCallDeadline);
  if (!line) return fail(line.error());
  const auto findings = parse_findings(*line);
  if (!findings) return fail(findings.error());
  if (findings->size() != 1) return fail(Errc::failed, "no answer about gear " + printable(id));
  return findings->front().fact.state;
}

Result<void> LxcGearHost::take_over(const std::vector<std::string>& ids) {
  if (auto root = check_root(); !root) return root;
  const auto work = [&]() -> Result<std::string> {
    const system::Deadline deadline(inner(kCallDeadline));
    for (const auto& id : ids) {
      if (auto taken = gears::take_over(place_of(options_.application, options_.lxc_path, id), deadline); !taken)
        return fail(taken.error());
    }
    return std::string();
  };
  const auto taken = system::call_in_child(work, kCallDeadline);
  return taken ? Result<void>() : fail(taken.error());
}

Result<void> LxcGearHost::check_room(int count, const std::string& template_name) {
  if (auto root = check_root(); !root) return root;
  if (auto bridge = check_bridge(options_.bridge); !bridge) return bridge;
  const auto work = [&]() -> Result<std::string> {
    if (auto fit = check_template(options_for(template_name)); !fit) return fail(fit.error());
    return std::string();
  };
  if (const auto fit = system::call_in_child(work, kCallDeadline); !fit) return fail(fit.error());
  return check_memory(options_, count);
}

Result<void> LxcGearHost::begin(JobKind kind, const GearSpec& gear, core::Millis deadline) {
  if (auto root = check_root(); !root) return root;
  if (!core::is_gear_id(gear.id)) return fail(Errc::failed, "'" + printable(gear.id) + "' is not the id of a gear");
  const auto work = [&]() -> Result<std::string> {
    const auto options = options_for(gear.template_name);
    Job job(options, gear, inner(deadline));
    auto detail = kind == JobKind::bring_up   ? bring_up(job)
                  : kind == JobKind::stand_by ? stand_by(job)
                  : kind == JobKind::settle   ? settle(job)
                                              : tear_down(job);
    return format_outcome({.detail = std::move(detail), .init = job.init, .frozen = job.frozen, .log = std::move(job.log)});
  };
  auto begun = jobs_.begin({.id = gear.id, .kind = kind, .deadline = deadline}, work);
  if (begun && stops(kind)) held_.release(gear.id);
  return begun;
}

std::vector<JobResult> LxcGearHost::finished() {
  auto results = jobs_.finished();
  for (auto& result : results) {
    if (!result.detail) continue;  // the process failed, it said nothing
    auto outcome = parse_outcome(*result.detail);
    result.detail = std::move(outcome.detail);
    result.log = std::move(outcome.log);
    if (!result.detail || stops(result.kind)) continue;
    hold(result.id, outcome.init, outcome.frozen);
    result.container = outcome.frozen ? core::ContainerState::frozen : core::ContainerState::running;
  }
  return results;
}

Result<void> LxcGearHost::wake(std::string_view id) {
  if (jobs_.under_way(id) == JobKind::settle) jobs_.cancel(id);  // it must not freeze what serves
  return held_.wake(id);
}

Result<std::vector<std::string>> LxcGearHost::leftovers(const std::vector<std::string>& known) {
  return find_leftovers(options_.application, options_.lxc_path, options_.bridge, known);
}

}  // namespace gearscale::gears
