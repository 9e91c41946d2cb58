// SPDX-License-Identifier: Apache-2.0
// gear-shell: what a key may do that was given the gears and no shell. Which commands are allowed is codec/gear_command's to say; here they
// are logged and started.
#pragma once

#include <string>

#include "gearscale/base/result.hpp"
#include "gearscale/cli/command_line.hpp"

namespace gearscale::cli {

inline constexpr int kExitRefused = 126;

// As sshd starts it: with SSH_ORIGINAL_COMMAND (a forced command), or with -c COMMAND (a login shell). An allowed command becomes this
// process: the tool beside this program, by execve(2), with a clean environment and no descriptor above 2; its exit code is the caller's.
// Returns for --help and --version (0), for a wrong call by hand (Errc::usage), and when nothing is started: kExitRefused, after one line on
// stderr. That is so for what is not allowed, and for what cannot be logged: each request is a line in scale_events.log before it is carried
// out. The client's environment has no say in where that is.
Result<int> run_gear_shell(const Arguments& arguments);

// The log's words about a request, harmless and bounded whatever the client sent. `refusal` is empty for one that is allowed.
std::string gear_shell_line(const std::string& connection, const std::string& command, const std::string& refusal);

}  // namespace gearscale::cli
