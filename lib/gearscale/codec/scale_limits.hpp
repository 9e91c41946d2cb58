// SPDX-License-Identifier: Apache-2.0
// scale_limits.txt <-> Limits. Strict, unlike the original, whose parser turned every malformed value into 0. Pure.
#pragma once

#include <string>
#include <string_view>

#include "gearscale/base/result.hpp"
#include "gearscale/core/types.hpp"

namespace gearscale::codec {

// Lines scale_min=N and scale_max=N in any order; blank lines, # comments, blanks around the line and a CR before the line end are allowed.
// A key that is missing keeps its default (1, no limit). Errc::config, naming the line, for: anything else, a key twice, scale_min below 1,
// scale_max below 1 and not -1, scale_max below scale_min, numbers above 100000, text over 64 KiB, NUL bytes.
Result<core::Limits> parse_scale_limits(std::string_view text);

std::string format_scale_limits(const core::Limits& limits);  // "scale_min=1\nscale_max=-1\n"

// The same rules for limits that came from elsewhere.
Result<void> check_limits(const core::Limits& limits);

}  // namespace gearscale::codec
