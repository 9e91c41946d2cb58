// SPDX-License-Identifier: Apache-2.0
// argv by a tool's table: options are found and counted here, not understood. Also the help text. Boost.Program_options stays behind this.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "gearscale/base/result.hpp"
#include "gearscale/cli/tool_table.hpp"

namespace gearscale::cli {

using Arguments = std::vector<std::string>;  // without the program's name

struct CommandLine {
  std::map<std::string, std::vector<std::string>> options;  // long name -> values; a switch has one empty value
  std::vector<std::string> positionals;

  bool has(const std::string& name) const { return options.contains(name); }
  std::vector<std::string> values(const std::string& name) const { return has(name) ? options.at(name) : std::vector<std::string>(); }
};

// Errc::usage: an unknown or abbreviated option, a missing value (also when an option stands in its place), a value for a switch, an option
// given twice that is not repeatable. `--name=` gives an empty value.
Result<CommandLine> parse_command_line(const Tool& tool, const Arguments& arguments);

// Usage, options by groups, environment, files, exit codes, an example.
std::string help_text(const Tool& tool);

// "haproxy_ctld (gearscale) 0.1.0\n"
std::string version_text(std::string_view tool);

}  // namespace gearscale::cli
