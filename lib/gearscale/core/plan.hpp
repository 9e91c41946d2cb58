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
  std::uint32_t address = 0;  // of a new gear, else 0
  std::string replaces;       // of a new gear: the one that leaves when it serves
};

struct Plan {
  std::vector<Step> steps;
  std::optional<Error> refusal;  // what of the decision could not be planned: pool exhausted, only pinned gears left (Errc::limit)
};

struct PlanInput {
  Decision decision;
  std::vector<GearView> gears;  // the whole registry
  std::string template_name;    // in force: only standbys that were cloned from it are woken
  bool may_wake = false;        // standbys are frozen, and this process is the one that wakes them at once; else they are roused
  int clones_allowed = -1;      // by the template's breaker; -1: any number
  std::string breaker_says;     // why, when there are fewer than wanted
  AddressPool pool;
  std::vector<std::string> fresh_ids;  // unused ids, as many as the decision adds at most; randomness is the caller's
  std::vector<std::string> chosen;     // a forced removal of these gears, instead of choosing victims
  bool skip_drain = false;             // of a removal: begin_removal instead of begin_drain
  std::string replaced_by;             // the template of a replacement that runs; empty: none does
};

// What the decision asks for. Additions: first draining gears are recalled, then standbys woken (or roused), then gears created, as far as
// there are addresses and as the breaker allows (Errc::unavailable); a refusal only when none at all can be added. Removals are planned whole or not at all.
Plan make_plan(const PlanInput& input);

// The serving gear to remove first: fewest sessions, then the fewest that came in the last minute, then the newest; pinned ones never, nor one that
// takes another one's place, because it is not counted as serving. While a replacement runs those that it has not reached go before those of its
// template `replaced_by`: what was just made would be made again. Nothing when only pinned ones are left.
const GearView* choose_victim(const std::vector<GearView>& gears, const std::vector<std::string>& already,
                              const std::string& replaced_by = {});

// The lowest free address of the pool, or nothing.
std::optional<std::uint32_t> pick_address(const AddressPool& pool, const std::vector<std::uint32_t>& taken);

// Was the gear cloned from this template, as far as is known?
bool fits(const Gear& gear, const std::string& template_name);

}  // namespace gearscale::core
