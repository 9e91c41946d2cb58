// SPDX-License-Identifier: Apache-2.0
// What each tool is called, takes and says about itself; command line and help text both come from this. Pure data.
#pragma once

#include <span>
#include <string_view>

namespace gearscale::cli {

// An option that is no setting.
struct ToolOption {
  std::string_view name;      // "dry-run"
  char letter = 0;            // 0: none
  std::string_view argument;  // what it takes ("NAME"); empty: nothing, it is a switch
  bool repeatable = false;
  std::string_view help;
};

struct Tool {
  std::string_view name;
  std::string_view usage;    // what follows the name
  std::string_view summary;  // sentences, with line ends
  std::span<const ToolOption> options;
  bool takes_settings = true;       // every setting is an option too
  bool application_letters = true;  // -a, -n, -u mean app, namespace, uuid
  std::string_view files;           // one per line, indented
  std::string_view exit_codes;
  std::string_view example;
};

const Tool& add_gear_tool();
const Tool& remove_gear_tool();
const Tool& controller_tool();
const Tool& daemon_tool();

}  // namespace gearscale::cli
