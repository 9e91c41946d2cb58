// SPDX-License-Identifier: Apache-2.0
// Gears with what HAProxy and LXC show of them, for the tests of planning.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "gearscale/core/lifecycle.hpp"

namespace gearscale::test {

inline constexpr core::Time kNow{std::chrono::hours{1}};

struct Farm {
  std::deque<core::Gear> gears;
  std::vector<core::GearView> views;

  // A gear of template "t1" that entered its state now; ids, addresses and ages go up. Serving ones are UP, draining ones drain, standbys
  // are frozen.
  core::GearView& add(core::GearState state) {
    core::Gear gear;
    const auto number = gears.size() + 1;
    gear.id = std::string(7, '0') + static_cast<char>('0' + number);
    gear.address = 0x0a000001U + static_cast<unsigned>(number);
    gear.created_ms = static_cast<std::int64_t>(number);
    gear.template_name = "t1";
    core::enter(gear, state, core::Timeouts{}, kNow);
    gears.push_back(gear);
    core::GearView view;
    view.gear = &gears.back();
    view.idle_since = core::Time::max();
    if (state == core::GearState::serving) view.server = core::ServerState::up;
    if (state == core::GearState::draining) view.server = core::ServerState::drain;
    if (state == core::GearState::standby) view.container = core::ContainerState::frozen;
    views.push_back(view);
    return views.back();
  }
  core::GearView& add(core::GearState state, int scur) {
    auto& view = add(state);
    view.scur = scur;
    return view;
  }
  core::Gear& gear(std::size_t number) { return gears[number - 1]; }
  core::GearView& view(std::size_t number) { return views[number - 1]; }
};

inline std::string id(int number) { return std::string(7, '0') + std::to_string(number); }

// "kind id" of each step, for one look at all of them.
template <class Steps>
std::vector<std::string> words(const Steps& steps) {
  std::vector<std::string> all;
  for (const auto& step : steps) all.push_back(std::string(core::to_string(step.kind)) + (step.id.empty() ? "" : " " + step.id.substr(7)));
  return all;
}

using Words = std::vector<std::string>;

}  // namespace gearscale::test
