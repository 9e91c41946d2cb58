// SPDX-License-Identifier: Apache-2.0
// From a decision and the inventory to ordered steps, each for one gear: victims, names and addresses are chosen here. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "gearscale/base/result.hpp"
#include "gearscale/core/decision.hpp"
#include "gearscale/core/lifecycle.hpp"

namespace gearscale::core {

// The addresses that gears may have, both ends included, and the prefix length of their network.
struct AddressPool {
  std::uint32_t first = 0;
  std::uint32_t last = 0;
  int prefix = 24;
  std::int64_t size() const { return static_cast<std::int64_t>(last) - first + 1; }
};

struct Step {
  StepKind kind = StepKind::create;
  std::string id;             // which gear
  std::uint32_t address = 0;  // of a new gear (create), else 0
};

struct Plan {
  std::vector<Step> steps;
  std::optional<Error> refusal;  // what of the decision could not be planned: pool exhausted, only pinned gears left (Errc::limit)
};

struct PlanInput {
  Decision decision;
  std::vector<GearView> gears;  // the whole registry
  AddressPool pool;
  std::vector<std::uint32_t> taken;    // addresses in use by containers that are not in the registry
  std::vector<std::string> fresh_ids;  // as many unused ids as the decision adds at most; randomness is the caller's
  std::vector<std::string> chosen;     // a forced removal of these gears, instead of choosing victims
};

// First the next step of every gear by itself (next_step), then what the decision asks for. A decision is planned whole or not at all.
Plan make_plan(const PlanInput& input, Time now);

// The serving gear to remove first: fewest sessions, then the newest; pinned ones never. Nothing when only pinned ones are left.
const GearView* choose_victim(const std::vector<GearView>& gears, const std::vector<std::string>& already);

// The lowest free address of the pool, or nothing.
std::optional<std::uint32_t> pick_address(const AddressPool& pool, const std::vector<std::uint32_t>& taken);

}  // namespace gearscale::core
