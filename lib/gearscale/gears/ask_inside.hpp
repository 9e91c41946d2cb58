// SPDX-License-Identifier: Apache-2.0
// Runs a program of a gear inside the gear. Whatever it does there, the answer is short and comes soon.
#pragma once

#include <string>
#include <vector>

#include "gearscale/gears/ownership.hpp"
#include "gearscale/core/types.hpp"

namespace gearscale::gears {

// The first 64 bytes of what the program prints until it ends, whatever its exit code; empty when it cannot be run, or does not end within
// `patience`: it is killed then. It runs as the gear's root, in all of its namespaces and cgroups, with an environment of its own, without
// input and without a descriptor of ours. What it has started itself is not waited for and stays in the gear.
std::string ask_inside(const Place& place, const std::vector<std::string>& argv, core::Millis patience);

}  // namespace gearscale::gears
