// SPDX-License-Identifier: Apache-2.0
#include "gearscale/cli/options.hpp"

#include <unistd.h>

#include "support/catch.hpp"

using namespace gearscale;
using namespace gearscale::cli;

TEST_CASE("add-gear as haproxy_ctld of the cartridge calls it") {
  const auto parsed = parse_add_gear({"-n", "prod", "-a", "shop", "-u", "5f00aa"});
  REQUIRE(parsed);
  CHECK_FALSE(parsed->answer);
  CHECK(parsed->notes.empty());
  CHECK(parsed->options.common.settings == std::map<std::string, std::string>{{"app", "shop"}, {"namespace", "prod"}, {"uuid", "5f00aa"}});
  CHECK(parsed->options.count == 1);
  CHECK_FALSE(parsed->options.dry_run);
  CHECK_FALSE(parsed->options.json);
  CHECK_FALSE(parsed->options.no_wait);
}

TEST_CASE("-s is accepted and noted as ignored") {
  for (const auto& arguments : {Arguments{"-s", "host"}, Arguments{"--server", "host"}}) {
    for (const auto& parsed : {parse_add_gear(arguments), parse_remove_gear(arguments)}) {
      REQUIRE(parsed);
      REQUIRE(parsed->notes.size() == 1);
      CHECK(parsed->notes.front().find("ignored") != std::string::npos);
    }
  }
}

TEST_CASE("the gear tools take settings, counts, names and switches") {
  const auto parsed = parse_remove_gear(
      {"--gear", "1f3a9c02", "--gear", "gear-2f3a9c02-ns", "--dry-run", "--json", "--no-wait", "--template", "tpl", "--debug"});
  REQUIRE(parsed);
  CHECK(parsed->options.gears == std::vector<std::string>{"1f3a9c02", "gear-2f3a9c02-ns"});
  CHECK(parsed->options.dry_run);
  CHECK(parsed->options.json);
  CHECK(parsed->options.no_wait);
  CHECK(parsed->options.common.settings.at("template") == "tpl");
  CHECK(parsed->options.common.settings.at("debug") == "true");
  CHECK(parse_add_gear({"--count", "1"})->options.count == 1);
  CHECK(parse_add_gear({"--count", "1000"})->options.count == 1'000);
  const auto pins = parse_remove_gear({"--pin", "1f3a9c02", "--unpin", "2f3a9c02", "--dry-run"});
  REQUIRE(pins);
  CHECK(pins->options.pin == std::vector<std::string>{"1f3a9c02"});
  CHECK(pins->options.unpin == std::vector<std::string>{"2f3a9c02"});
}

TEST_CASE("HAProxyScaleLXC's names of the limits are other names of the same settings, on every tool that takes settings") {
  const Arguments aliases = {"--max-gears", "8", "--stable-gears=2"};
  for (const auto& settings : {parse_add_gear(aliases)->options.common.settings, parse_remove_gear(aliases)->options.common.settings,
                               parse_controller(aliases)->options.common.settings}) {
    CHECK(settings == std::map<std::string, std::string>{{"scale_max", "8"}, {"scale_min", "2"}});
  }
  CHECK(parse_daemon({"start", "--", "--max-gears", "-1"})->options.controller.common.settings.at("scale_max") == "-1");
  for (const auto& arguments : {Arguments{"--max-gears", "8", "--scale-max", "8"}, Arguments{"--scale-max", "8", "--max-gears", "9"}}) {
    CHECK(parse_add_gear(arguments).error().message == "--scale-max and --max-gears cannot be used together");
    CHECK(parse_controller(arguments).error().code == Errc::usage);
  }
  CHECK(parse_add_gear({"--scale-max", "8", "--stable-gears", "2"}));
}

TEST_CASE("remove-gear --now skips the drain") {
  CHECK(parse_remove_gear({"--now"})->options.now);
  CHECK(parse_remove_gear({"--now", "--gear", "1f3a9c02", "--no-wait", "--dry-run"})->options.now);
  CHECK_FALSE(parse_remove_gear({})->options.now);
  CHECK(parse_add_gear({"--now"}).error().message == "unknown option '--now'");
}

TEST_CASE("the gear tools refuse what makes no sense") {
  struct Row {
    Arguments arguments;
    const char* message;
  };
  const Row rows[] = {
      {{"--count", "0"}, "--count = '0': must be a whole number, 1 to 1000"},
      {{"--count", "-3"}, "--count = '-3'"},
      {{"--count", "1001"}, "--count = '1001'"},
      {{"--count", "99999999999999999999"}, "--count ="},
      {{"--count", "two"}, "--count = 'two'"},
      {{"--count", "1.5"}, "--count = '1.5'"},
      {{"--count="}, "--count = ''"},
      {{"--gear", "1f3a9c02", "--count", "1"}, "--gear and --count cannot be used together"},
      {{"--gear", "a b"}, "--gear = 'a b': not the name of a gear"},
      {{"--gear", "../x"}, "--gear = '../x'"},
      {{"--gear", "a\nb"}, "--gear = 'a\\nb'"},
      {{"--gear", std::string(300, 'a')}, "--gear = '"},
      {{"--gear="}, "--gear = ''"},
      {{"--pin", "1f3a9c02", "--count", "2"}, "--pin and --count cannot be used together"},
      {{"--unpin", "1f3a9c02", "--gear", "1f3a9c02"}, "--unpin and --gear cannot be used together"},
      {{"--pin", "1f3a9c02", "--no-wait"}, "--pin and --no-wait cannot be used together"},
      {{"--pin", "1f3a9c02", "--now"}, "--pin and --now cannot be used together"},
      {{"--unpin", "1f3a9c02", "--now"}, "--unpin and --now cannot be used together"},
      {{"--pin", "1f3a9c02", "--unpin", "1f3a9c02"}, "--pin and --unpin both name 1f3a9c02"},
      {{"1f3a9c02"}, "unexpected argument '1f3a9c02'"},
      {{""}, "unexpected argument ''"},
      {{"--config", ""}, "option '--config' needs the name of a file"},
      {{"--status"}, "unknown option '--status'"},
  };
  for (const auto& row : rows) {
    const auto parsed = parse_remove_gear(row.arguments);
    INFO(row.message);
    REQUIRE_FALSE(parsed);
    INFO(parsed.error().message);
    CHECK(parsed.error().code == Errc::usage);
    CHECK(parsed.error().message.find(row.message) == 0);
  }
  CHECK(parse_add_gear({"--gear", "1f3a9c02"}).error().message == "unknown option '--gear'");
}

TEST_CASE("the controller loops unless it is told otherwise") {
  struct Row {
    Arguments arguments;
    ControllerMode mode;
  };
  const Row rows[] = {{{}, ControllerMode::automatic},         {{"-a"}, ControllerMode::automatic},
                      {{"--auto"}, ControllerMode::automatic}, {{"-u"}, ControllerMode::up},
                      {{"--up"}, ControllerMode::up},          {{"-d"}, ControllerMode::down},
                      {{"--down"}, ControllerMode::down},      {{"--once"}, ControllerMode::once},
                      {{"--status"}, ControllerMode::status},  {{"--print-config"}, ControllerMode::print_config},
                      {{"--replace"}, ControllerMode::replace},
                      {{"--replace", "--status"}, ControllerMode::replace_status},
                      {{"--status", "--replace"}, ControllerMode::replace_status}};
  for (const auto& row : rows) {
    const auto parsed = parse_controller(row.arguments);
    REQUIRE(parsed);
    CHECK(parsed->options.mode == row.mode);
    CHECK_FALSE(parsed->answer);
  }
}

TEST_CASE("the controller takes every setting, --debug and --dry-run") {
  const auto parsed =
      parse_controller({"--once", "--debug", "--dry-run", "--json", "--app", "shop", "--up-pct", "80", "--scale-max", "-1"});
  REQUIRE(parsed);
  CHECK(parsed->options.dry_run);
  CHECK(parsed->options.json);
  CHECK(parsed->options.common.settings ==
        std::map<std::string, std::string>{{"app", "shop"}, {"debug", "true"}, {"scale_max", "-1"}, {"up_pct", "80"}});
}

TEST_CASE("--print-config may be followed by the settings that are asked for") {
  const auto parsed = parse_controller({"--print-config", "--app", "shop", "backend", "lxc_path"});
  REQUIRE(parsed);
  CHECK(parsed->options.mode == ControllerMode::print_config);
  CHECK(parsed->options.keys == Arguments{"backend", "lxc_path"});
  CHECK(parse_controller({"--print-config"})->options.keys.empty());
}

TEST_CASE("a replacement has a step and perhaps a new template") {
  const auto parsed = parse_controller({"--replace", "--step", "1000", "--template", "new", "--no-wait", "--json", "--dry-run"});
  REQUIRE(parsed);
  CHECK(parsed->options.step == 1'000);
  CHECK(parsed->options.no_wait);
  CHECK(parsed->options.json);
  CHECK(parsed->options.dry_run);
  CHECK(parsed->options.common.settings.at("template") == "new");
  const auto plain = parse_controller({"--replace", "--step", "1"});
  REQUIRE(plain);
  CHECK(plain->options.step == 1);
  CHECK(parse_controller({"--replace"})->options.step == 1);
  CHECK_FALSE(plain->options.no_wait);
  CHECK_FALSE(plain->options.common.settings.contains("template"));
  CHECK(parse_controller({"--replace", "--status", "--json"})->options.json);
}

TEST_CASE("the controller refuses conflicts and stray arguments") {
  struct Row {
    Arguments arguments;
    const char* message;
  };
  const Row rows[] = {{{"-u", "-d"}, "--up and --down cannot be used together"},
                      {{"-ud"}, "--up and --down cannot be used together"},
                      {{"-a", "-u"}, "--auto and --up cannot be used together"},
                      {{"--status", "--once"}, "--once and --status cannot be used together"},
                      {{"--replace", "--once"}, "--once and --replace cannot be used together"},
                      {{"--auto", "--replace"}, "--auto and --replace cannot be used together"},
                      {{"--replace", "--status", "--up"}, "--up and --status cannot be used together"},
                      {{"--replace", "--status", "--print-config"}, "--status and --print-config cannot be used together"},
                      {{"--step", "2"}, "--step needs --replace"},
                      {{"--once", "--step", "2"}, "--step needs --replace"},
                      {{"--no-wait"}, "--no-wait needs --replace"},
                      {{"--replace", "--status", "--step", "2"}, "--status and --step cannot be used together"},
                      {{"--replace", "--status", "--no-wait"}, "--status and --no-wait cannot be used together"},
                      {{"--replace", "--step", "0"}, "--step = '0': must be a whole number, 1 to 1000"},
                      {{"--replace", "--step", "1001"}, "--step = '1001': must be a whole number, 1 to 1000"},
                      {{"--replace", "--step", "two"}, "--step = 'two'"},
                      {{"--replace", "--step="}, "--step = ''"},
                      {{"--replace", "--step"}, "option '--step' needs a value"},
                      {{"--replace=new"}, "option '--replace' takes no value"},
                      {{"--now"}, "unknown option '--now'"},
                      {{"--json"}, "--json needs"},
                      {{"--auto", "--json"}, "--json needs"},
                      {{"shop"}, "unexpected argument 'shop'"},
                      {{"--print-config", "back-end"}, "unknown setting 'back-end'"},
                      {{"--print-config", "--json", "backend"}, "--json prints all settings"},
                      {{"--status", "backend"}, "unexpected argument 'backend'"},
                      {{"--up", "--", "x"}, "unexpected argument 'x'"},
                      {{"-n", "prod"}, "unknown option '-n'"},
                      {{"--count", "1"}, "unknown option '--count'"},
                      {{"--zap"}, "unknown option '--zap'"}};
  for (const auto& row : rows) {
    const auto parsed = parse_controller(row.arguments);
    INFO(row.message);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code == Errc::usage);
    CHECK(parsed.error().message.find(row.message) == 0);
  }
}

TEST_CASE("a relative --config is taken from the working directory, once") {
  char here[4096];
  REQUIRE(::getcwd(here, sizeof here) != nullptr);
  CHECK(parse_controller({"--config", "gs.conf"})->options.common.config_file == std::string(here) + "/gs.conf");
  CHECK(parse_controller({"--config", "/etc/gs.conf"})->options.common.config_file == "/etc/gs.conf");
  CHECK_FALSE(parse_controller({})->options.common.config_file);
}

TEST_CASE("help and version are answers, whatever else is asked") {
  CHECK(parse_add_gear({"-h"})->answer->starts_with("Usage: add-gear "));
  CHECK(parse_remove_gear({"--count", "0", "--help"})->answer->starts_with("Usage: remove-gear "));
  CHECK(parse_controller({"-u", "-d", "-h"})->answer->starts_with("Usage: haproxy_ctld "));
  CHECK(parse_daemon({"--help"})->answer->starts_with("Usage: haproxy_ctld_daemon "));
  CHECK(parse_daemon({"start", "--", "--help"})->answer->starts_with("Usage: haproxy_ctld "));
  CHECK(parse_controller({"--version"})->answer == "haproxy_ctld (gearscale) 0.1.0\n");
  CHECK(parse_daemon({"--version"})->answer == "haproxy_ctld_daemon (gearscale) 0.1.0\n");
}

TEST_CASE("the daemon takes one command, and options of the controller after --") {
  struct Row {
    const char* name;
    DaemonCommand command;
  };
  const Row rows[] = {{"start", DaemonCommand::start}, {"stop", DaemonCommand::stop}, {"restart", DaemonCommand::restart},
                      {"status", DaemonCommand::status}, {"run", DaemonCommand::run}};
  for (const auto& row : rows) {
    const auto parsed = parse_daemon({row.name});
    REQUIRE(parsed);
    CHECK(parsed->options.command == row.command);
    CHECK(parsed->options.controller.common.settings.empty());
  }
  const auto parsed = parse_daemon({"start", "--", "--debug", "--app", "shop", "--auto"});
  REQUIRE(parsed);
  CHECK(parsed->options.controller.common.settings.at("debug") == "true");
  CHECK(parsed->options.controller.common.settings.at("app") == "shop");
  CHECK(parse_daemon({"start", "--"}));
}

TEST_CASE("the daemon refuses everything else") {
  struct Row {
    Arguments arguments;
    const char* message;
  };
  const Row rows[] = {{{}, "no command"},
                      {{"zap"}, "unknown command 'zap'"},
                      {{"START"}, "unknown command 'START'"},
                      {{"--"}, "no command"},
                      {{"start", "stop"}, "unexpected argument 'stop'"},
                      {{"start", "--debug"}, "unknown option '--debug'; options of haproxy_ctld go after '--'"},
                      {{"--app", "shop", "status"}, "unknown option '--app'"},
                      {{"start", "--", "--wrong"}, "after '--': unknown option '--wrong'"},
                      {{"start", "--", "-u"}, "after '--': a daemon runs in --auto mode only"},
                      {{"start", "--", "--replace"}, "after '--': a daemon runs in --auto mode only"},
                      {{"start", "--", "--print-config"}, "after '--': a daemon runs in --auto mode only"},
                      {{"start", "--", "x"}, "after '--': unexpected argument 'x'"}};
  for (const auto& row : rows) {
    const auto parsed = parse_daemon(row.arguments);
    INFO(row.message);
    REQUIRE_FALSE(parsed);
    INFO(parsed.error().message);
    CHECK(parsed.error().code == Errc::usage);
    CHECK(parsed.error().message.find(row.message) == 0);
  }
}
