// SPDX-License-Identifier: Apache-2.0
// What each tool was asked to do. Parsing starts nothing and reads nothing but the working directory's name.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "gearscale/base/result.hpp"
#include "gearscale/cli/command_line.hpp"

namespace gearscale::cli {

// What was parsed. With an `answer` (help, version) the tool prints it on stdout and exits 0. `notes` go to stderr.
template <class T>
struct Parsed {
  T options;
  std::optional<std::string> answer;
  std::vector<std::string> notes;
};

struct CommonOptions {
  std::map<std::string, std::string> settings;  // key -> text, for Sources::command_line (a switch: "true")
  std::optional<std::string> config_file;       // absolute, as the daemon changes its directory
};

// add-gear and remove-gear. With pin or unpin nothing is added or removed.
struct GearToolOptions {
  CommonOptions common;
  int count = 1;                   // 1 to 1000
  std::vector<std::string> gears;  // remove-gear: exactly these instead of `count`; names as given, for core::parse_gear_name
  std::vector<std::string> pin, unpin;
  bool dry_run = false;
  bool json = false;
  bool no_wait = false;
  bool now = false;  // remove-gear: without a drain
};
using AddGearOptions = GearToolOptions;
using RemoveGearOptions = GearToolOptions;

enum class ControllerMode { automatic, up, down, once, status, check, print_config, replace, replace_status };

struct ControllerOptions {
  CommonOptions common;
  ControllerMode mode = ControllerMode::automatic;
  bool json = false;
  bool dry_run = false;
  bool no_wait = false;  // replace
  int step = 1;          // replace: gears at a time, 1 to 1000
  std::vector<std::string> keys;  // print_config: the values of these settings alone
};

enum class DaemonCommand { start, stop, restart, status, run };

struct DaemonOptions {
  DaemonCommand command = DaemonCommand::status;
  ControllerOptions controller;  // from the arguments after --; its mode is automatic
};

// Errc::usage for everything wrong with the arguments themselves; the settings' values are judged by resolve().
Result<Parsed<AddGearOptions>> parse_add_gear(const Arguments& arguments);
Result<Parsed<RemoveGearOptions>> parse_remove_gear(const Arguments& arguments);
Result<Parsed<ControllerOptions>> parse_controller(const Arguments& arguments);
Result<Parsed<DaemonOptions>> parse_daemon(const Arguments& arguments);

// argv without the program's name.
Arguments arguments_of(int argc, char** argv);

}  // namespace gearscale::cli
