// SPDX-License-Identifier: Apache-2.0
#include "gearscale/cli/config.hpp"

#include "fake_sources.hpp"
#include "support/catch.hpp"

using namespace gearscale;
using namespace gearscale::cli;

namespace {

// SOURCE in the expected message stands for where the value came from.
void expect_error(const FakeSources& fake, std::string message, const std::string& source, Errc code) {
  if (const auto at = message.find("SOURCE"); at != std::string::npos) message.replace(at, 6, source);
  const auto config = fake.config();
  INFO(message);
  REQUIRE_FALSE(config);
  INFO(config.error().message);
  CHECK(config.error().message.find(message) != std::string::npos);
  CHECK(config.error().code == code);
}

struct Row {
  std::map<std::string, std::string> given;
  const char* message;  // a part of it
};

const Row kRows[] = {
    {{{"app", ""}}, "app: no application is named"},
    {{{"app", "a b"}}, "app = 'a b'"},
    {{{"app", "a\nb"}}, "app = 'a\\nb'"},
    {{{"app", "../x"}}, "app = '../x'"},
    {{{"app", std::string(300, 'a')}}, "app = '"},
    {{{"app", std::string(60, 'a')}}, "at most 64 are possible"},
    {{{"namespace", "a-b"}}, "namespace = 'a-b'"},
    {{{"app", "shop"}, {"namespace", std::string(60, 'n')}}, "at most 64 are possible"},
    {{{"uuid", "a;b"}}, "uuid = 'a;b'"},
    {{{"up_pct", "many"}}, "up_pct = 'many'"},
    {{{"up_pct", "40"}}, "up_pct must be above remove_pct; now up_pct (40, SOURCE), remove_pct (49.9, default)"},
    {{{"up_pct", "49.9"}}, "up_pct must be above remove_pct"},
    {{{"remove_pct", "90"}}, "up_pct must be above remove_pct"},
    {{{"response_up", "200ms"}},
     "response_up must be above response_remove; now response_up (200ms, SOURCE), response_remove (200ms, default)"},
    {{{"response_remove", "1s"}}, "response_up must be above response_remove"},
    {{{"response_remove", "300ms"}, {"response_up", "299ms"}}, "response_up must be above response_remove"},
    {{{"policy", "load"}}, "policy = 'load' (SOURCE): must be sessions, response-time, or both with a comma"},
    {{{"policy", "sessions,sessions"}}, "policy = 'sessions,sessions'"},
    {{{"response_log", "file:haproxy.log"}}, "response_log = 'file:haproxy.log' (SOURCE): must be ring:NAME or file:PATH"},
    {{{"response_percentile", "p95"}}, "response_percentile = 'p95' (SOURCE): must be one of p50|p90|p99"},
    {{{"standby_state", "paused"}}, "standby_state = 'paused'"},
    {{{"hooks_dir", "hooks"}}, "hooks_dir = 'hooks'"},
    {{{"scale_min", "0"}}, "scale_min = '0'"},
    {{{"scale_min", "3"}, {"scale_max", "2"}}, "scale_min must be at most scale_max"},
    {{{"scale_max", "-2"}}, "scale_max = '-2'"},
    {{{"server_check", "check\nserver x 1.2.3.4:80"}}, "server_check = 'check\\nserver"},
    {{{"server_check", "check \"x\""}}, "server_check ="},
    {{{"probe_path", "health"}}, "probe_path = 'health'"},
    {{{"probe_path", "/a b"}}, "probe_path = '/a b'"},
    {{{"probe_path", "/a\r\nX: y"}}, "probe_path ="},
    {{{"backend", "a b"}}, "backend = 'a b'"},
    {{{"backend", "a;show info"}}, "backend ="},
    {{{"backend", ""}}, "backend = ''"},
    {{{"home_dir", "relative"}}, "home_dir = 'relative'"},
    {{{"stats_socket", "stats"}}, "stats_socket = 'stats'"},
    {{{"haproxy_cfg", ""}}, "haproxy_cfg = ''"},
    {{{"template", "a/b"}}, "template = 'a/b'"},
    {{{"bridge", "an-interface-name"}}, "bridge = 'an-interface-name'"},
    {{{"address_pool", "10.0.0.0-10.0.0.9/24"}}, "address_pool = '10.0.0.0-10.0.0.9/24'"},
    {{{"address_pool", "10.0.0.10-10.0.0.19/24"}, {"scale_max", "6"}},
     "address_pool holds 10 addresses; a scale_max of 6 and a standby_count of 1 need at least 11"},
    {{{"gateway", "10.0.0"}}, "gateway = '10.0.0'"},
    {{{"address_pool", "10.0.0.10-10.0.0.19/24"}, {"gateway", "10.0.1.1"}}, "gateway must be an address in the network of"},
    {{{"address_pool", "10.0.0.10-10.0.0.19/24"}, {"gateway", "10.0.0.0"}}, "gateway must be an address in the network of"},
    {{{"address_pool", "10.0.0.10-10.0.0.19/24"}, {"gateway", "10.0.0.10"}}, "gateway must not be one of"},
    {{{"gear_port", "65536"}}, "gear_port = '65536'"},
    {{{"probe", "icmp"}}, "probe = 'icmp' (SOURCE): must be one of http|tcp"},
    {{{"clone_mode", "fast"}}, "clone_mode = 'fast'"},
    {{{"idmap", "0:65536"}}, "idmap = '0:65536'"},
    {{{"gear_memory", "64"}}, "gear_memory = '64'"},
    {{{"check_interval", "10ms"}}, "check_interval = '10ms'"},
    {{{"debug", "maybe"}}, "debug = 'maybe'"},
};

}  // namespace

TEST_CASE("values that are wrong, alone or together, are refused with the reason and the exit code's kind") {
  for (const auto& row : kRows) {
    FakeSources by_option;
    for (const auto& [key, text] : row.given) by_option.command_line[key] = text;
    const bool missing = row.given.contains("app") && row.given.at("app").empty();
    expect_error(by_option, row.message, "command line", missing ? Errc::config : Errc::usage);

    FakeSources by_variable;
    bool has_empty = false;
    for (const auto& [key, text] : row.given) {
      by_variable.command_line.erase(key);
      by_variable.environment[variable_name(*find_setting(key))] = text;
      has_empty = has_empty || (text.empty() && !missing);
    }
    if (has_empty) continue;  // an empty variable is one that is not given
    expect_error(by_variable, row.message, "environment " + variable_name(*find_setting(row.given.begin()->first)), Errc::config);
  }
}
