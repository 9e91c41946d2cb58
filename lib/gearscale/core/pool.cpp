// SPDX-License-Identifier: Apache-2.0
// Steps of single gears, bounded by what all of them together may do. Pure.
#include "gearscale/core/pool.hpp"

#include <algorithm>

namespace gearscale::core {

namespace {

struct Census {
  int counted = 0;    // serving, DOWN and starting: what the limits count
  int pooled = 0;     // standbys that fit, and those on their way there
  int ready = 0;      // standbys that fit
  int preparing = 0;  // all on their way there
  int needed = 0;     // starting, wherever they are
  int starting_jobs = 0;
  int standby_jobs = 0;
  int settling = 0;  // standbys with a job
};

Census count(const std::vector<GearView>& gears, const std::string& template_name) {
  Census census;
  for (const auto& view : gears) {
    const auto state = view.gear->state;
    const bool pool = state == GearState::standby || state == GearState::preparing;
    if (state == GearState::starting) ++census.needed;
    if (state == GearState::starting && view.job == JobState::running) ++census.starting_jobs;
    if (state == GearState::preparing) ++census.preparing;
    if (state == GearState::preparing && view.job == JobState::running) ++census.standby_jobs;
    if (state == GearState::standby && view.job == JobState::running) ++census.settling;
    if (pool && fits(*view.gear, template_name)) ++census.pooled;
    if (state == GearState::standby && fits(*view.gear, template_name)) ++census.ready;
    const bool in_service = state == GearState::serving && view.server != ServerState::maint && view.server != ServerState::drain;
    if ((state == GearState::starting && view.gear->replaces.empty()) || in_service) ++census.counted;
  }
  return census;
}

// Is it on its way out? Not one that cannot leave: nobody knows for how long, and the others would hang meanwhile.
bool is_seen_off(const GearView& view, const Timeouts& timeouts, Time now) {
  return view.gear->state == GearState::failed && view.failures == 0 && now < view.gear->deadline + timeouts.tear_down;
}

// A hung application: the gear that has been DOWN for longest while another one is UP, or while there are too many anyway. One at a time: nothing
// is given up while another gear is seen off or starts.
const GearView* hung(const std::vector<GearView>& gears, const Timeouts& timeouts, bool too_many, Time now) {
  bool others_serve = false;
  for (const auto& view : gears) {
    if (view.gear->state == GearState::starting || is_seen_off(view, timeouts, now)) return nullptr;
    others_serve = others_serve || (view.gear->state == GearState::serving && view.server == ServerState::up);
  }
  return others_serve || too_many ? longest_down(gears, timeouts, now) : nullptr;
}

// The standby that is to go: one of another template first, else, when there are too many, the newest.
const GearView* superfluous(const std::vector<GearView>& gears, const std::string& template_name, bool too_many) {
  const GearView* newest = nullptr;
  for (const auto& view : gears) {
    if (view.gear->state != GearState::standby) continue;
    if (!fits(*view.gear, template_name)) return &view;
    if (newest == nullptr || view.gear->created_ms > newest->gear->created_ms) newest = &view;
  }
  return too_many ? newest : nullptr;
}

}  // namespace

int standbys_wanted(const StandbyPolicy& policy, const Limits& limits, int counted) {
  if (limits.max == Limits::kNoLimit) return policy.count;
  return std::clamp(limits.max - counted, 0, policy.count);
}

const GearView* longest_down(const std::vector<GearView>& gears, const Timeouts& timeouts, Time now) {
  if (timeouts.down == Millis{0}) return nullptr;
  const GearView* longest = nullptr;
  for (const auto& view : gears) {
    if (view.gear->state != GearState::serving || view.server != ServerState::down) continue;
    if (view.gear->pinned || view.down_since == Time::max()) continue;
    if (now < std::max(view.down_since + timeouts.down, view.not_before)) continue;
    if (longest == nullptr || view.down_since < longest->down_since) longest = &view;
  }
  return longest;
}

std::vector<Step> next_steps(const std::vector<GearView>& gears, const Surroundings& around, Time now) {
  auto census = count(gears, around.template_name);
  const int wanted = standbys_wanted(around.standby, around.limits, census.counted);
  std::vector<Step> steps;
  for (const auto& view : gears) {
    if (now < view.not_before) continue;
    auto kind = next_step(view, around.timeouts, now);
    if (!kind) continue;
    if (*kind == StepKind::bring_up && census.starting_jobs++ >= around.parallel_starts) continue;
    if (*kind == StepKind::stand_by && (census.needed > 0 || census.standby_jobs++ >= around.parallel_starts)) continue;
    // Who keeps no pool does not stay until a boot has ended.
    if (*kind == StepKind::settle && (!around.keeps_pool || census.settling++ >= around.parallel_starts)) continue;
    const bool sound = view.gear->state == GearState::removing && view.job == JobState::none && !view.gear->dismissed &&
                       fits(*view.gear, around.template_name) && view.container != ContainerState::stopped &&
                       view.container != ContainerState::absent;
    if (*kind == StepKind::tear_down && sound && around.keeps_pool && census.pooled < wanted) {
      kind = StepKind::park;
      ++census.pooled;
      ++census.preparing;
    }
    steps.push_back(Step{*kind, view.gear->id, 0, ""});
  }
  const bool replaceable = around.clones_allowed != 0 || census.ready > 0;
  const bool owed = around.lost > 0 && (around.limits.max == Limits::kNoLimit || census.counted < around.limits.max);
  const bool too_many = around.limits.max != Limits::kNoLimit && census.counted > around.limits.max;
  const auto* stuck = (replaceable || too_many) && !owed ? hung(gears, around.timeouts, too_many, now) : nullptr;
  const bool gives_up = std::any_of(steps.begin(), steps.end(), [](const Step& step) { return step.kind == StepKind::give_up; });
  if (stuck != nullptr && !gives_up) {
    std::erase_if(steps, [&](const Step& step) { return step.id == stuck->gear->id; });
    steps.push_back(Step{StepKind::give_up, stuck->gear->id, 0, ""});
  }
  if (!around.keeps_pool) return steps;
  const auto is_moving = [&](const GearView& view) {
    return std::any_of(steps.begin(), steps.end(), [&](const Step& step) { return step.id == view.gear->id; });
  };
  const auto* surplus = superfluous(gears, around.template_name, census.pooled > wanted);
  if (surplus != nullptr && now >= surplus->not_before && !is_moving(*surplus)) {
    steps.push_back(Step{StepKind::begin_removal, surplus->gear->id, 0, ""});
  } else if (census.pooled < wanted && census.preparing == 0 && census.needed == 0 && around.clones_allowed != 0 &&
             now >= around.refill_not_before) {
    steps.push_back(Step{StepKind::create_standby, "", 0, ""});
  }
  return steps;
}

}  // namespace gearscale::core
