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
#include "gearscale/gears/tear_down.hpp"
#include "gearscale/system/memory.hpp"

namespace gearscale::gears {

namespace {

constexpr core::Millis kCallDeadline{1'000};

std::string mebibytes(std::int64_t bytes) { return format_decimal(static_cast<double>(bytes) / (1024 * 1024)) + " MiB"; }

// The job's own deadline lies a little before the one at which it is killed, so that it can say what it was waiting for.
core::Millis inner(core::Millis deadline) { return deadline - std::min(deadline / 10, core::Millis(200)); }

Result<void> check_root() {
  if (::geteuid() == 0) return {};
  return fail(Errc::config, "containers can be worked on by root only: run this as root (sudo)");
}

Result<void> check_memory(const Options& options, int count) {
  const auto available = system::available_memory();
  if (!available) return fail(available.error());
  const auto wanted = options.gear_memory * count;
  if (*available - wanted >= options.memory_reserve) return {};
  return fail(Errc::limit, "not enough memory for " + std::to_string(count) + (count == 1 ? " gear: " : " gears: ") +
                               mebibytes(*available) + " are available, " + mebibytes(wanted) + " may be used by new gears, " +
                               mebibytes(options.memory_reserve) + " have to stay free (memory_reserve)");
}

Result<void> no_text(const Result<std::string>& answer) {
  if (answer) return {};
  return fail(answer.error());
}

}  // namespace

Result<std::vector<core::ContainerFact>> LxcGearHost::list() {
  if (auto root = check_root(); !root) return fail(root.error());
  const auto lines = call_in_child([this] { return list_containers(options_.application, options_.lxc_path); }, kCallDeadline);
  if (!lines) return fail(lines.error());
  return parse_facts(*lines);
}

Result<core::ContainerState> LxcGearHost::inspect(std::string_view id) {
  if (auto root = check_root(); !root) return fail(root.error());
  const auto work = [&]() -> Result<std::string> {
    auto fact = inspect_place(place_of(options_.application, options_.lxc_path, id), id);
    if (!fact) return fail(fact.error());
    return format_fact(*fact);
  };
  const auto line = call_in_child(work, kCallDeadline);
  if (!line) return fail(line.error());
  const auto facts = parse_facts(*line);
  if (!facts) return fail(facts.error());
  if (facts->size() != 1) return fail(Errc::failed, "no answer about gear " + printable(id));
  return facts->front().state;
}

Result<void> LxcGearHost::check_room(int count) {
  if (auto root = check_root(); !root) return root;
  if (auto bridge = check_bridge(options_.bridge); !bridge) return bridge;
  const auto work = [this]() -> Result<std::string> {
    if (auto fit = check_template(options_); !fit) return fail(fit.error());
    return std::string();
  };
  if (auto fit = no_text(call_in_child(work, kCallDeadline)); !fit) return fit;
  return check_memory(options_, count);
}

Result<void> LxcGearHost::begin(JobKind kind, const GearSpec& gear, core::Millis deadline) {
  if (auto root = check_root(); !root) return root;
  if (!core::is_gear_id(gear.id)) return fail(Errc::failed, "'" + printable(gear.id) + "' is not the id of a gear");
  const auto work = [this, kind, &gear, deadline] {
    return kind == JobKind::bring_up ? bring_up(options_, gear, inner(deadline)) : tear_down(options_, gear, inner(deadline));
  };
  return jobs_.begin({.id = gear.id, .kind = kind, .deadline = deadline}, work);
}

}  // namespace gearscale::gears
