// SPDX-License-Identifier: Apache-2.0
#include "gearscale/cli/command_line.hpp"

#include "gearscale/cli/settings.hpp"
#include "support/catch.hpp"

using namespace gearscale;
using namespace gearscale::cli;

namespace {

const Tool* all_tools[] = {&add_gear_tool(), &remove_gear_tool(), &controller_tool(), &daemon_tool()};

}  // namespace

TEST_CASE("short and long options are the same, values may follow or stick") {
  const auto line = parse_command_line(add_gear_tool(), {"-a", "shop", "-nprod", "--uuid=5f", "--count", "2", "--json"});
  REQUIRE(line);
  CHECK(line->values("app") == std::vector<std::string>{"shop"});
  CHECK(line->values("namespace") == std::vector<std::string>{"prod"});
  CHECK(line->values("uuid") == std::vector<std::string>{"5f"});
  CHECK(line->values("count") == std::vector<std::string>{"2"});
  CHECK(line->has("json"));
  CHECK_FALSE(line->has("dry-run"));
  CHECK(line->positionals.empty());
}

TEST_CASE("a negative number is a value, not an option") {
  const auto line = parse_command_line(controller_tool(), {"--scale-max", "-1", "--up-pct=-5"});
  REQUIRE(line);
  CHECK(line->values("scale-max").front() == "-1");
  CHECK(line->values("up-pct").front() == "-5");
}

TEST_CASE("an empty value may be given in both ways") {
  for (const auto& arguments : {Arguments{"--namespace", ""}, Arguments{"--namespace="}, Arguments{"-n", ""}}) {
    const auto line = parse_command_line(add_gear_tool(), arguments);
    REQUIRE(line);
    CHECK(line->values("namespace") == std::vector<std::string>{""});
  }
}

TEST_CASE("everything after -- is no option") {
  const auto line = parse_command_line(add_gear_tool(), {"--json", "--", "--app=", "x"});
  REQUIRE(line);
  CHECK(line->positionals == std::vector<std::string>{"--app=", "x"});
}

TEST_CASE("a wrong command line is refused with the option's name") {
  struct Row {
    Arguments arguments;
    const char* message;
  };
  const Row rows[] = {
      {{"--wrong"}, "unknown option '--wrong'"},
      {{"--wrong=5"}, "unknown option '--wrong"},
      {{"-x"}, "unknown option '-x'"},
      {{"--drain-timeout", "60s"}, "unknown option '--drain-timeout'; drain_idle, drain_soft and drain_hard took its place"},
      {{"--drain-timeout=60s"}, "drain_idle, drain_soft and drain_hard took its place"},
      {{"--max-gears", "5", "--max-gears", "6"}, "option '--max-gears' is given twice"},
      {{"--max-gears"}, "option '--max-gears' needs a value"},
      {{"--"}, nullptr},
      {{"--ap", "shop"}, "unknown option '--ap'"},
      {{"--APP", "shop"}, "unknown option '--APP'"},
      {{"--up_pct", "80"}, "unknown option '--up_pct'"},
      {{"--app"}, "option '--app' needs a value"},
      {{"-a"}, "needs a value"},
      {{"--app", "--namespace", "prod"}, "option '--app' needs a value"},
      {{"-a", "-n", "prod"}, "needs a value"},
      {{"--app", "--json"}, "option '--app' needs a value"},
      {{"--app", "shop", "--app", "other"}, "option '--app' is given twice"},
      {{"-a", "shop", "--app", "shop"}, "option '--app' is given twice"},
      {{"--json", "--json"}, "option '--json' is given twice"},
      {{"--json=yes"}, "option '--json' takes no value"},
      {{"--debug=true"}, "option '--debug' takes no value"},
      {{"--evil\nname"}, "unknown option '--evil\\nname'"},
      {{"--" + std::string(300, 'x')}, "..."},
  };
  for (const auto& row : rows) {
    const auto line = parse_command_line(add_gear_tool(), row.arguments);
    INFO(row.arguments.front());
    if (row.message == nullptr) {
      CHECK(line);
      continue;
    }
    REQUIRE_FALSE(line);
    INFO(line.error().message);
    CHECK(line.error().code == Errc::usage);
    CHECK(line.error().message.find(row.message) != std::string::npos);
  }
}

TEST_CASE("-a, -n and -u mean the application for the gear tools only") {
  CHECK(parse_command_line(remove_gear_tool(), {"-u", "5f"})->has("uuid"));
  CHECK(parse_command_line(controller_tool(), {"-u"})->has("up"));
  CHECK(parse_command_line(controller_tool(), {"-d"})->has("down"));
  CHECK(parse_command_line(controller_tool(), {"-a"})->has("auto"));
  CHECK_FALSE(parse_command_line(controller_tool(), {"-n", "prod"}));
  CHECK_FALSE(parse_command_line(daemon_tool(), {"--app", "shop"}));
}

TEST_CASE("the help text names every option, variable, file and exit code, within 120 columns") {
  for (const auto* tool : all_tools) {
    const auto text = help_text(*tool);
    INFO(text);
    CHECK(text.starts_with("Usage: " + std::string(tool->name) + " "));
    for (const auto& option : tool->options) CHECK(text.find("--" + std::string(option.name)) != std::string::npos);
    for (const auto& setting : settings()) {
      CHECK((text.find("--" + option_name(setting)) != std::string::npos) >= tool->takes_settings);
      if (!setting.env.empty()) CHECK(text.find(setting.env) != std::string::npos);
      if (setting.alias.empty() || !tool->takes_settings) continue;
      CHECK(text.find("; also --" + std::string(setting.alias)) != std::string::npos);
      CHECK(text.find("  --" + std::string(setting.alias)) == std::string::npos);  // no line of its own
    }
    for (const auto* part :
         {"Environment", "GEARSCALE_", "OPENSHIFT_GEAR_DNS", "~/.env/", "Files:", "Exit codes:", "Example:", "scale_limits.txt"}) {
      CHECK(text.find(part) != std::string::npos);
    }
    for (std::size_t begin = 0; begin < text.size();) {
      const auto end = text.find('\n', begin);
      REQUIRE(end != std::string::npos);
      CHECK(end - begin <= 140);
      begin = end + 1;
    }
  }
}

TEST_CASE("every setting is an option of the three tools that use settings") {
  for (const auto* tool : {&add_gear_tool(), &remove_gear_tool(), &controller_tool()}) {
    for (const auto& setting : settings()) {
      INFO(tool->name << " " << setting.key);
      const auto option = "--" + option_name(setting);
      const auto line = parse_command_line(*tool, setting.kind == Kind::flag ? Arguments{option} : Arguments{option, "5"});
      REQUIRE(line);
      CHECK(line->has(option_name(setting)));
    }
  }
}

TEST_CASE("the version says which tool of what it is") { CHECK(version_text("haproxy_ctld") == "haproxy_ctld (gearscale) 0.1.0\n"); }
