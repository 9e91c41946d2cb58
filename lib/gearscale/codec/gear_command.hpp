// SPDX-License-Identifier: Apache-2.0
// The command line of gear-shell: which commands a key may ask for over ssh. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "gearscale/base/result.hpp"

namespace gearscale::codec {

inline constexpr std::size_t kMaxGearCommand = 4096;  // bytes
inline constexpr std::size_t kMaxGearCommandWords = 64;

// What is allowed, for people, in one line.
inline constexpr std::string_view kAllowedGearCommands =
    "add-gear, remove-gear, haproxy_ctld -u|-d|--status|--check, haproxy_ctld_daemon start|stop|restart|status, "
    "with --count N, --gear NAME, --dry-run, --json, --no-wait, --now where the tool has them, --help, --version";

// The tool's name and its arguments, ready for execve(2): never empty. The text is words of letters, digits and . _ = : / , + - with one or
// more blanks between them (and around them); there are no quotes, no escapes, nothing is expanded. Each word is then one of those the tool
// named first may be given, unabbreviated: nothing that is not listed passes, above all no --config, no "--" and no path. A command that
// passed and is put together again with single blanks passes again and means the same. Errc::usage says which word is at fault.
Result<std::vector<std::string>> parse_gear_command(std::string_view text);

}  // namespace gearscale::codec
