// SPDX-License-Identifier: Apache-2.0
// Named places between two effects, at which a test lets the process die. Nothing at all unless built with GEARSCALE_CRASH_POINTS.
#pragma once

#include <string>
#include <string_view>

namespace gearscale {

#ifdef GEARSCALE_CRASH_POINTS
inline constexpr bool kCrashPoints = true;
#else
inline constexpr bool kCrashPoints = false;
#endif

namespace detail {
// GEARSCALE_CRASH_LOG=FILE: each point that is passed is appended to it, one "NAME.WHEN" a line.
// GEARSCALE_CRASH_AT=FILE: what stands in it, NAME.WHEN[:N][!], is the point at which the first process dies by SIGKILL that passes it, or the
// Nth; all processes that are told of the same file count together. It is removed by the one that dies, so that this happens once. Without it
// nobody dies. "!": a helper process takes its parent with it, as if the machine had picked the parent at that moment.
void pass_crash_point(std::string_view name, std::string_view when);
}  // namespace detail

// `when`: "before" or "after" the effect `name`.
inline void crash_point([[maybe_unused]] std::string_view name, [[maybe_unused]] std::string_view when) {
  if constexpr (kCrashPoints) detail::pass_crash_point(name, when);
}

// After `step` of the writing of the file `name`.
inline void crash_in_write([[maybe_unused]] const std::string& name, [[maybe_unused]] const char* step) {
  if constexpr (kCrashPoints) detail::pass_crash_point("write." + name + "." + step, "after");
}

}  // namespace gearscale
