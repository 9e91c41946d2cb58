// SPDX-License-Identifier: Apache-2.0
// Boost.Program_options at work: parsing and help, both from the tables.
#include "gearscale/cli/command_line.hpp"

#include <algorithm>
#include <boost/program_options.hpp>
#include <sstream>

#include "gearscale/base/text.hpp"
#include "gearscale/cli/settings.hpp"

namespace gearscale::cli {

namespace {

namespace po = boost::program_options;

constexpr unsigned kColumns = 120;
// Everything of Unix style but guessing what an abbreviation may mean.
constexpr int kStyle = po::command_line_style::unix_style & ~po::command_line_style::allow_guessing;

void add_option(po::options_description& into, const std::string& name, std::string_view argument, const std::string& help) {
  if (argument.empty()) {
    into.add_options()(name.c_str(), help.c_str());
  } else {
    into.add_options()(name.c_str(), po::value<std::string>()->value_name(std::string(argument)), help.c_str());
  }
}

std::string with_letter(std::string_view name, char letter) { return letter == 0 ? std::string(name) : std::string(name) + "," + letter; }

po::options_description tool_options(const Tool& tool) {
  po::options_description options("Options", kColumns, kColumns / 2);
  for (const auto& option : tool.options) {
    add_option(options, with_letter(option.name, option.letter), option.argument, std::string(option.help));
  }
  return options;
}

char letter_of(const Tool& tool, const Setting& setting) {
  if (!tool.application_letters) return 0;
  if (setting.key == "app") return 'a';
  if (setting.key == "namespace") return 'n';
  return setting.key == "uuid" ? 'u' : '\0';
}

std::string setting_help(const Setting& setting) {
  std::string help(setting.help);
  if (!setting.alias.empty()) help += "; also --" + std::string(setting.alias);
  if (setting.kind == Kind::flag) return help;
  if (setting.default_value.empty()) return help;
  help += " [" + default_text(setting);
  if (!setting.unit.empty()) help += " " + std::string(setting.unit);
  if (setting.kind != Kind::text && setting.kind != Kind::choice) help += "; " + std::string(setting.range);
  return help + "]";
}

// A piece for each heading.
std::vector<po::options_description> setting_options(const Tool& tool) {
  std::vector<po::options_description> groups;
  if (!tool.takes_settings) return groups;
  for (const auto& setting : settings()) {
    if (!setting.heading.empty()) groups.emplace_back(std::string(setting.heading), kColumns, kColumns / 2);
    add_option(groups.back(), with_letter(option_name(setting), letter_of(tool, setting)),
               setting.kind == Kind::flag ? "" : argument_name(setting), setting_help(setting));
  }
  return groups;
}

po::options_description all_options(const Tool& tool) {
  po::options_description options(kColumns, kColumns / 2);
  options.add(tool_options(tool));
  for (const auto& group : setting_options(tool)) options.add(group);
  for (const auto& setting : settings()) {
    if (tool.takes_settings && !setting.alias.empty()) add_option(options, std::string(setting.alias), argument_name(setting), "");
  }
  return options;
}

// The library refuses `--name=`; for us it is an empty value.
Arguments split_empty_values(const Arguments& arguments) {
  Arguments out;
  bool options_ended = false;
  for (const auto& argument : arguments) {
    options_ended = options_ended || argument == "--";
    if (!options_ended && argument.size() > 3 && argument.starts_with("--") && argument.find('=') == argument.size() - 1) {
      out.push_back(argument.substr(0, argument.size() - 1));
      out.emplace_back();
    } else {
      out.push_back(argument);
    }
  }
  return out;
}

// No value of ours begins with '-' but a negative number: what does is the next option, and the value was forgotten.
bool looks_like_option(const std::string& value) {
  return value.size() > 1 && value[0] == '-' && !(value[1] >= '0' && value[1] <= '9') && value[1] != '.';
}

bool is_repeatable(const Tool& tool, const std::string& name) {
  const auto option = std::ranges::find(tool.options, name, &ToolOption::name);
  return option != tool.options.end() && option->repeatable;
}

std::string dashed(const std::string& name) { return "'" + printable(name.starts_with('-') ? name : "--" + name) + "'"; }

Result<CommandLine> sort_out(const Tool& tool, const po::parsed_options& parsed) {
  CommandLine line;
  for (const auto& option : parsed.options) {
    if (option.string_key.empty()) {
      line.positionals.insert(line.positionals.end(), option.value.begin(), option.value.end());
      continue;
    }
    if (line.has(option.string_key) && !is_repeatable(tool, option.string_key)) {
      return fail(Errc::usage, "option " + dashed(option.string_key) + " is given twice");
    }
    const auto value = option.value.empty() ? std::string() : option.value.front();
    if (looks_like_option(value)) {
      return fail(Errc::usage, "option " + dashed(option.string_key) + " needs a value, but '" + printable(value) + "' follows");
    }
    line.options[option.string_key].push_back(value);
  }
  return line;
}

std::string environment_text() {
  std::string text = "Environment (also as files ~/.env/NAME):\n";
  for (const auto& setting : settings()) {
    if (setting.env.empty()) continue;
    text += "  " + std::string(setting.env) + std::string(34 - setting.env.size(), ' ') + "--" + option_name(setting) + "\n";
  }
  text += "  OPENSHIFT_GEAR_DNS" + std::string(16, ' ') + "--namespace, as its second dash field: app-NAMESPACE.example.com\n";
  text += "  GEARSCALE_SETTING" + std::string(17, ' ') + "any setting, in capitals: GEARSCALE_UP_PCT for --up-pct\n";
  return text + "Strongest first: command line, environment, ~/.env/NAME, scale_limits.txt, conf/haproxy_ctld.conf, default.\n";
}

}  // namespace

Result<CommandLine> parse_command_line(const Tool& tool, const Arguments& arguments) {
  const auto options = all_options(tool);
  try {
    return sort_out(tool, po::command_line_parser(split_empty_values(arguments)).options(options).style(kStyle).run());
  } catch (const po::unknown_option& error) {
    const auto name = error.get_option_name();
    const auto successor = successor_of(name);
    return fail(Errc::usage, "unknown option " + dashed(name) + (successor.empty() ? "" : "; " + std::string(successor)));
  } catch (const po::invalid_command_line_syntax& error) {
    const auto name = dashed(error.get_option_name());
    if (error.kind() == po::invalid_syntax::extra_parameter) return fail(Errc::usage, "option " + name + " takes no value");
    return fail(Errc::usage, "option " + name + " needs a value");
  } catch (const po::error& error) {
    return fail(Errc::usage, "command line: " + one_line(error.what(), 200));
  }
}

std::string help_text(const Tool& tool) {
  std::ostringstream out;
  out << "Usage: " << tool.name << " " << tool.usage << "\n" << tool.summary << "\n" << tool_options(tool);
  for (const auto& group : setting_options(tool)) out << "\n" << group;
  out << "\n" << environment_text() << "\nFiles:\n" << tool.files << "\nExit codes:\n" << tool.exit_codes << "\nExample:\n" << tool.example;
  return out.str();
}

std::string version_text(std::string_view tool) { return std::string(tool) + " (gearscale) " GEARSCALE_VERSION "\n"; }

}  // namespace gearscale::cli
