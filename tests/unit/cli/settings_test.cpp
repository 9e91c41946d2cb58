// SPDX-License-Identifier: Apache-2.0
#include "gearscale/cli/settings.hpp"

#include <fstream>
#include <set>
#include <sstream>

#include "support/catch.hpp"

using namespace gearscale;
using namespace gearscale::cli;

namespace {

bool allowed(std::string_view key, std::string_view text) {
  const auto* setting = find_setting(key);
  REQUIRE(setting != nullptr);
  return check_text(*setting, text).has_value();
}

}  // namespace

TEST_CASE("every setting has a key, a range, a help text, and a default that it accepts itself") {
  std::set<std::string_view> keys;
  std::set<std::string_view> variables;
  CHECK_FALSE(settings().front().heading.empty());
  for (const auto& setting : settings()) {
    INFO(setting.key);
    CHECK(keys.insert(setting.key).second);
    if (!setting.env.empty()) CHECK(variables.insert(setting.env).second);
    CHECK_FALSE(setting.help.empty());
    CHECK_FALSE(setting.range.empty());
    CHECK((setting.kind == Kind::text) == (setting.accepts != nullptr));
    const auto base = default_base(setting);
    if (base.key.empty()) {
      CHECK(check_text(setting, setting.default_value).has_value() != (setting.default_value.empty() && setting.kind != Kind::text));
    } else {
      // Its base comes earlier in the table, so that one pass resolves all.
      CHECK(keys.contains(base.key));
    }
  }
}

TEST_CASE("names of options, variables and defaults come from the key") {
  const auto* up = find_setting("up_pct");
  REQUIRE(up != nullptr);
  CHECK(option_name(*up) == "up-pct");
  CHECK(variable_name(*up) == "GEARSCALE_UP_PCT");
  CHECK(default_text(*up) == "90.0");
  CHECK(default_text(*find_setting("home_dir")) == "/var/lib/gearscale/APP");
  CHECK(default_text(*find_setting("stats_socket")) == "HAPROXY_DIR/run/stats");
  CHECK(default_text(*find_setting("template")) == "(none)");
  CHECK(find_setting("scale_max")->alias == "max-gears");
  CHECK(find_setting("scale_min")->alias == "stable-gears");
  CHECK(find_setting("max_gears") == nullptr);  // of the command line only
  CHECK(find_setting("up-pct") == nullptr);
  CHECK(find_setting("") == nullptr);
}

TEST_CASE("a setting of earlier versions is known by name only, as key and as option") {
  for (const auto* name : {"drain_timeout", "--drain-timeout", "--drain-timeout=1s", "--drain-timeout="}) {
    CHECK(successor_of(name) == "drain_idle, drain_soft and drain_hard took its place");
  }
  for (const auto* name : {"", "--", "drain_timeouts", "drain_soft", "--drain-soft"}) CHECK(successor_of(name).empty());
  CHECK(find_setting("drain_timeout") == nullptr);
}

TEST_CASE("each numeric setting ends on both sides of its bounds") {
  struct Row {
    const char* key;
    const char* lowest;
    const char* below;
    const char* highest;
    const char* above;
  };
  const Row rows[] = {
      {"up_pct", "1", "0.99", "1000", "1000.01"},
      {"remove_pct", "0", "-0.1", "1000", "1000.1"},
      {"flap_protection", "0s", "-1s", "24h", "86401s"},
      {"remove_checks", "1", "0", "1000", "1001"},
      {"check_interval", "100ms", "99ms", "1h", "3601s"},
      {"sample_interval", "5ms", "4ms", "1h", "3601s"},
      {"up_window", "0s", "-1ms", "1m", "60001ms"},
      {"flap_budget", "0", "-1", "1000000", "1000001"},
      {"max_step_up", "0", "-1", "1000", "1001"},
      {"response_up", "1ms", "0s", "1h", "3601s"},
      {"response_remove", "0s", "-1ms", "1h", "3601s"},
      {"response_window", "1s", "999ms", "10m", "601s"},
      {"response_min_requests", "1", "0", "1000000", "1000001"},
      {"sessions_per_gear", "0.1", "0.09", "1000000", "1000001"},
      {"scale_min", "1", "0", "100000", "100001"},
      {"scale_max", "1", "0", "100000", "100001"},
      {"haproxy_deadline", "10ms", "9ms", "10s", "10001ms"},
      {"gear_maxconn", "0", "-1", "1000000", "1000001"},
      {"gear_port", "1", "0", "65535", "65536"},
      {"boot_timeout", "1s", "999ms", "1h", "3601s"},
      {"gear_memory", "1M", "1023K", "1048576G", "1048577G"},
      {"gear_cpu", "0.01", "0.009", "4096", "4097"},
      {"gear_pids", "1", "-1", "4194304", "4194305"},
      {"memory_reserve", "0", "-1", "1048576G", "1048577G"},
      {"hook_timeout", "1s", "999ms", "1h", "3601s"},
      {"standby_settle", "0s", "-1s", "60s", "60001ms"},
      {"standby_count", "0", "-1", "1000", "1001"},
      {"parallel_starts", "1", "0", "64", "65"},
      {"drain_idle", "0s", "-1s", "24h", "86401s"},
      {"drain_soft", "0s", "-1s", "168h", "604801s"},
      {"drain_hard", "0s", "-1s", "24h", "86401s"},
      {"down_timeout", "0s", "-1s", "24h", "86401s"},
      {"stop_timeout", "0", "-1s", "10m", "601s"},
  };
  std::set<std::string_view> tried;
  for (const auto& row : rows) {
    INFO(row.key);
    tried.insert(row.key);
    CHECK(allowed(row.key, row.lowest));
    CHECK_FALSE(allowed(row.key, row.below));
    CHECK(allowed(row.key, row.highest));
    CHECK_FALSE(allowed(row.key, row.above));
  }
  for (const auto& setting : settings()) {
    INFO(setting.key);
    const bool has_bounds = setting.kind != Kind::text && setting.kind != Kind::flag && setting.kind != Kind::choice;
    CHECK(tried.contains(setting.key) == has_bounds);
  }
  CHECK(allowed("scale_max", "-1"));
  CHECK_FALSE(allowed("scale_max", "-2"));
  CHECK(allowed("max_step_up", "1"));
  CHECK(allowed("gear_memory", "0"));
  CHECK(allowed("gear_cpu", "0"));
  CHECK(allowed("gear_pids", "0"));
}

TEST_CASE("no setting takes what is not of its kind") {
  for (const auto& setting : settings()) {
    INFO(setting.key);
    for (const auto* bad : {"a\nb", "a'b", "\"\"", "a\\b", "1 2 \x01"}) CHECK_FALSE(check_text(setting, bad).has_value());
    if (setting.kind == Kind::text) continue;
    for (const auto* bad : {"", " ", "many", "1x", "1e2", "0x1", "+1", " 1", "1 ", "nan", "1,5", "1_0", "5=6"}) {
      CHECK_FALSE(check_text(setting, bad).has_value());
    }
  }
  CHECK_FALSE(allowed("remove_checks", "2.5"));
  CHECK_FALSE(allowed("probe", "icmp"));
  CHECK_FALSE(allowed("probe", "http|tcp"));
  CHECK_FALSE(allowed("clone_mode", ""));
  CHECK_FALSE(allowed("standby_state", "running"));
  CHECK_FALSE(allowed("response_percentile", "90"));
}

TEST_CASE("a refusal says what is allowed") {
  const auto refused = check_text(*find_setting("up_pct"), "0");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message == "must be a number, 1 to 1000 (%)");
  CHECK(check_text(*find_setting("probe"), "x").error().message == "must be one of http|tcp");
}

TEST_CASE("docs/configuration.md explains every setting, with its variable and default") {
  std::ifstream file(GEARSCALE_DOCS_DIR "/configuration.md");
  REQUIRE(file.is_open());
  std::stringstream content;
  content << file.rdbuf();
  const auto text = content.str();
  for (const auto& setting : settings()) {
    INFO(setting.key);
    CHECK(text.find(std::string("`").append(setting.key).append("`")) != std::string::npos);
    if (!setting.env.empty()) CHECK(text.find(setting.env) != std::string::npos);
    if (!setting.default_value.empty()) CHECK(text.find(default_text(setting)) != std::string::npos);
  }
}
