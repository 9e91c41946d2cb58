// SPDX-License-Identifier: Apache-2.0
// Rolling replacement: every gear gives way to one of a new template, a few at a time, the new one serving before the old one drains. Pure.
#pragma once

#include <vector>

#include "gearscale/core/plan.hpp"

namespace gearscale::core {

// What a running replacement does next: gears to create (`create` with `replaces`; id and address are filled in by the caller), gears that
// have served in place of another one for three seconds and are UP (`relieve`). At most `step` new gears are on their way, and at most the
// larger of 4 and `step` old ones are leaving. Pinned gears stay. Unless it runs nothing is created.
std::vector<Step> replacement_steps(const Replacement& replacement, const std::vector<GearView>& gears, Time now);

// A gear that takes the place of one which no longer waits for it (it leaves, died, is pinned now) takes that of another old gear, or, when each
// of these has a successor, becomes an ordinary one that is counted. So a removal of old gears meanwhile makes the replacement shorter.
void reassign_successors(Registry& registry);

// How far it is: the serving gears that are still to be replaced (pinned ones not), and those that are pinned.
struct ReplacementProgress {
  int outdated = 0;
  int pinned = 0;
  int on_the_way = 0;  // new gears that do not serve yet, or not for long enough
  int leaving = 0;     // old ones that drain or are removed
  int standbys = 0;    // of another template
  bool is_done() const { return outdated == 0 && on_the_way == 0 && standbys == 0; }
};
ReplacementProgress progress_of(const Replacement& replacement, const std::vector<Gear>& gears);

// From now on all gears are cloned from the replacement's template, as long as `configured` stays the configured one.
void put_in_force(Registry& registry, const std::string& configured);

// A gear of the new template that failed, died, or has been DOWN in HAProxy ten seconds after it began to serve; nullptr when there is none. Then
// the replacement stops.
const Gear* failed_replacement(const Replacement& replacement, const std::vector<GearView>& gears, Time now);

}  // namespace gearscale::core
