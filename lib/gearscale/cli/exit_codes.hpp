// SPDX-License-Identifier: Apache-2.0
// Exit codes (docs/scripting.md) and the edge of every program: errors become a line on stderr and a code, exceptions end here.
#pragma once

#include <functional>
#include <iosfwd>
#include <string_view>

#include "gearscale/base/result.hpp"

namespace gearscale::cli {

inline constexpr int kExitDone = 0;         // done, or nothing to do
inline constexpr int kExitFailed = 1;       // tried, and it did not work
inline constexpr int kExitUsage = 2;        // usage or configuration
inline constexpr int kExitLimit = 3;        // refused by a limit
inline constexpr int kExitUnavailable = 4;  // temporarily unavailable, try again

int exit_code(Errc code);

// "tool: message", and for Errc::usage "Try 'tool --help'." in a line of its own.
void print_error(std::string_view tool, const Error& error, std::ostream& err);

// Runs the program's body: its exit code, or that of its error, which is printed to `err`. An exception of a library is printed and exits 1. Results that
// could not be written to `out` (a full disk) make a success a failure.
int run_main(std::string_view tool, const std::function<Result<int>()>& body, std::ostream& out, std::ostream& err);
// With std::cout and std::cerr. A standard stream that the caller closed becomes /dev/null.
int run_main(std::string_view tool, const std::function<Result<int>()>& body);

}  // namespace gearscale::cli
