// SPDX-License-Identifier: Apache-2.0
// From options that are there to what is asked for; conflicts are found here.
#include "gearscale/cli/options.hpp"

#include <algorithm>
#include <array>
#include <boost/filesystem.hpp>
#include <string_view>

#include "gearscale/base/text.hpp"
#include "gearscale/cli/settings.hpp"

namespace gearscale::cli {

namespace {

constexpr int kMaxCount = 1'000;

// Help goes before the version, both before everything else that was given.
std::optional<std::string> answer_of(const Tool& tool, const CommandLine& line) {
  if (line.has("help")) return help_text(tool);
  if (line.has("version")) return version_text(tool.name);
  return std::nullopt;
}

Result<void> no_positionals(const CommandLine& line) {
  if (line.positionals.empty()) return {};
  return fail(Errc::usage, "unexpected argument '" + printable(line.positionals.front()) + "'");
}

Unexpected exclude(std::string_view first, std::string_view second) {
  return fail(Errc::usage, "--" + std::string(first) + " and --" + std::string(second) + " cannot be used together");
}

Result<CommonOptions> common_of(const CommandLine& line) {
  CommonOptions common;
  for (const auto& setting : settings()) {
    auto given = line.values(option_name(setting));
    if (line.has(std::string(setting.alias))) {
      if (!given.empty()) return exclude(option_name(setting), setting.alias);
      given = line.values(std::string(setting.alias));
    }
    if (!given.empty()) common.settings.emplace(setting.key, setting.kind == Kind::flag ? "true" : given.front());
  }
  if (line.has("config")) {
    const boost::filesystem::path file = line.values("config").front();
    if (file.empty()) return fail(Errc::usage, "option '--config' needs the name of a file");
    boost::system::error_code ignored;  // without a working directory a relative name stays, and opening it says why
    const auto here = file.is_absolute() ? boost::filesystem::path() : boost::filesystem::current_path(ignored);
    common.config_file = here.empty() ? file.string() : (here / file).string();
  }
  return common;
}

// What follows --print-config: keys of settings.
Result<void> check_keys(const CommandLine& line) {
  for (const auto& key : line.positionals) {
    if (find_setting(key) == nullptr) return fail(Errc::usage, "unknown setting '" + printable(key) + "'; --help lists them all");
  }
  if (!line.positionals.empty() && line.has("json"))
    return fail(Errc::usage, "--json prints all settings: leave out '" + line.positionals.front() + "'");
  return {};
}

// The value of --count or --step; 1 when it is not given.
Result<int> count_of(const CommandLine& line, const std::string& name) {
  if (!line.has(name)) return 1;
  const auto text = line.values(name).front();
  const auto count = parse_integer(text);
  if (count && *count >= 1 && *count <= kMaxCount) return static_cast<int>(*count);
  return fail(Errc::usage, "--" + name + " = '" + printable(text) + "': must be a whole number, 1 to " + std::to_string(kMaxCount));
}

Result<void> check_gear_names(const CommandLine& line) {
  for (const auto* option : {"gear", "pin", "unpin"}) {
    for (const auto& name : line.values(option)) {
      if (!is_safe_name(name, 2 * 64)) {
        return fail(Errc::usage, "--" + std::string(option) + " = '" + printable(name) + "': not the name of a gear");
      }
    }
  }
  const auto unpin = line.values("unpin");
  for (const auto& name : line.values("pin")) {
    if (std::ranges::find(unpin, name) != unpin.end()) return fail(Errc::usage, "--pin and --unpin both name " + name);
  }
  if (line.has("gear") && line.has("count")) return exclude("gear", "count");
  for (const auto* pin : {"pin", "unpin"}) {
    for (const auto* option : {"gear", "count", "no-wait", "now"}) {
      if (line.has(pin) && line.has(option)) return exclude(pin, option);
    }
  }
  return {};
}

Result<Parsed<GearToolOptions>> parse_gear_tool(const Tool& tool, const Arguments& arguments) {
  const auto line = parse_command_line(tool, arguments);
  if (!line) return fail(line.error());
  Parsed<GearToolOptions> parsed;
  parsed.answer = answer_of(tool, *line);
  if (parsed.answer) return parsed;
  if (auto none = no_positionals(*line); !none) return fail(none.error());
  if (auto checked = check_gear_names(*line); !checked) return fail(checked.error());
  auto common = common_of(*line);
  if (!common) return fail(common.error());
  const auto count = count_of(*line, "count");
  if (!count) return fail(count.error());
  parsed.options = {.common = std::move(*common),
                    .count = *count,
                    .gears = line->values("gear"),
                    .pin = line->values("pin"),
                    .unpin = line->values("unpin"),
                    .dry_run = line->has("dry-run"),
                    .json = line->has("json"),
                    .no_wait = line->has("no-wait"),
                    .now = line->has("now")};
  if (line->has("server")) parsed.notes.emplace_back("note: -s/--server is ignored: HAProxy is the one of this machine");
  return parsed;
}

struct ModeOption {
  const char* name;
  ControllerMode mode;
};
constexpr std::array<ModeOption, 8> kModes{{{"auto", ControllerMode::automatic},
                                            {"up", ControllerMode::up},
                                            {"down", ControllerMode::down},
                                            {"once", ControllerMode::once},
                                            {"status", ControllerMode::status},
                                            {"check", ControllerMode::check},
                                            {"print-config", ControllerMode::print_config},
                                            {"replace", ControllerMode::replace}}};  // last, for mode_of

Result<ControllerMode> mode_of(const CommandLine& line) {
  const ModeOption* chosen = nullptr;
  for (const auto& option : kModes) {
    if (!line.has(option.name)) continue;
    if (chosen != nullptr && chosen->mode == ControllerMode::status && option.mode == ControllerMode::replace) {
      return ControllerMode::replace_status;
    }
    if (chosen != nullptr) return exclude(chosen->name, option.name);
    chosen = &option;
  }
  return chosen == nullptr ? ControllerMode::automatic : chosen->mode;
}

struct CommandName {
  std::string_view name;
  DaemonCommand command;
};
constexpr std::array<CommandName, 5> kCommands{{{"start", DaemonCommand::start},
                                                {"stop", DaemonCommand::stop},
                                                {"restart", DaemonCommand::restart},
                                                {"status", DaemonCommand::status},
                                                {"run", DaemonCommand::run}}};

Result<DaemonCommand> command_of(const std::vector<std::string>& positionals) {
  if (positionals.empty()) return fail(Errc::usage, "no command: expected start, stop, restart, status or run");
  const auto found = std::ranges::find(kCommands, positionals.front(), &CommandName::name);
  if (found == kCommands.end()) {
    return fail(Errc::usage, "unknown command '" + printable(positionals.front()) + "': expected start, stop, restart, status or run");
  }
  if (positionals.size() > 1) {
    return fail(Errc::usage, "unexpected argument '" + printable(positionals[1]) + "': options of haproxy_ctld go after '--'");
  }
  return found->command;
}

}  // namespace

Result<Parsed<AddGearOptions>> parse_add_gear(const Arguments& arguments) { return parse_gear_tool(add_gear_tool(), arguments); }
Result<Parsed<RemoveGearOptions>> parse_remove_gear(const Arguments& arguments) { return parse_gear_tool(remove_gear_tool(), arguments); }

Result<Parsed<ControllerOptions>> parse_controller(const Arguments& arguments) {
  const auto line = parse_command_line(controller_tool(), arguments);
  if (!line) return fail(line.error());
  Parsed<ControllerOptions> parsed;
  parsed.answer = answer_of(controller_tool(), *line);
  if (parsed.answer) return parsed;
  const auto mode = mode_of(*line);
  if (!mode) return fail(mode.error());
  if (auto fits = *mode == ControllerMode::print_config ? check_keys(*line) : no_positionals(*line); !fits) return fail(fits.error());
  if (*mode == ControllerMode::automatic && line->has("json")) {
    return fail(Errc::usage,
                "--json needs --status, --print-config, --once, --up, --down or --replace; "
                "the loop writes LOG_DIR/scale_events.jsonl");
  }
  for (const auto* option : {"step", "no-wait"}) {
    if (!line->has(option) || *mode == ControllerMode::replace) continue;
    if (*mode == ControllerMode::replace_status) return exclude("status", option);
    return fail(Errc::usage, "--" + std::string(option) + " needs --replace");
  }
  const auto step = count_of(*line, "step");
  if (!step) return fail(step.error());
  auto common = common_of(*line);
  if (!common) return fail(common.error());
  parsed.options = {.common = std::move(*common),
                    .mode = *mode,
                    .json = line->has("json"),
                    .dry_run = line->has("dry-run"),
                    .no_wait = line->has("no-wait"),
                    .step = *step,
                    .keys = line->positionals};
  return parsed;
}

Result<Parsed<DaemonOptions>> parse_daemon(const Arguments& arguments) {
  const auto separator = std::ranges::find(arguments, "--");
  const auto line = parse_command_line(daemon_tool(), Arguments(arguments.begin(), separator));
  if (!line) return fail(Errc::usage, line.error().message + "; options of haproxy_ctld go after '--'");
  Parsed<DaemonOptions> parsed;
  parsed.answer = answer_of(daemon_tool(), *line);
  if (parsed.answer) return parsed;
  const auto command = command_of(line->positionals);
  if (!command) return fail(command.error());
  parsed.options.command = *command;
  if (separator == arguments.end()) return parsed;
  auto controller = parse_controller(Arguments(separator + 1, arguments.end()));
  if (!controller) return fail(Errc::usage, "after '--': " + controller.error().message);
  if (controller->options.mode != ControllerMode::automatic) {
    return fail(Errc::usage, "after '--': a daemon runs in --auto mode only; use haproxy_ctld itself for the others");
  }
  parsed.answer = std::move(controller->answer);
  parsed.options.controller = std::move(controller->options);
  return parsed;
}

Arguments arguments_of(int argc, char** argv) { return argc < 1 ? Arguments() : Arguments(argv + 1, argv + argc); }

}  // namespace gearscale::cli
