// SPDX-License-Identifier: Apache-2.0
// Named places between two effects, at which a test lets the process die. Nothing at all unless built with GEARSCALE_CRASH_POINTS.
#pragma once

#include <string_view>

namespace gearscale {

#ifdef GEARSCALE_CRASH_POINTS
inline constexpr bool kCrashPoints = true;
#else
inline constexpr bool kCrashPoints = false;
#endif

namespace detail {
// GEARSCALE_CRASH_LOG=FILE: each point that is passed is appended to it, one "NAME.WHEN" a line.
// GEARSCALE_CRASH_AT=NAME.WHEN[:N]: SIGKILL to this process when it passes that point for the Nth time (default 1).
void pass_crash_point(std::string_view name, std::string_view when);
}  // namespace detail

// `when`: "before" or "after" the effect `name`.
inline void crash_point([[maybe_unused]] std::string_view name, [[maybe_unused]] std::string_view when) {
  if constexpr (kCrashPoints) detail::pass_crash_point(name, when);
}

}  // namespace gearscale
