// SPDX-License-Identifier: Apache-2.0
// Any text as haproxy_ctld.conf, by itself and through the settings made from it: refused, or values that are safe where they go, and that
// --print-config prints as a file that gives the same values again.
#include <cerrno>
#include <nlohmann/json.hpp>
#include <set>

#include "fuzz.hpp"
#include "gearscale/base/text.hpp"
#include "gearscale/cli/conf_file.hpp"
#include "gearscale/cli/config.hpp"
#include "gearscale/cli/print_config.hpp"
#include "gearscale/codec/scale_limits.hpp"

namespace gearscale::fuzz {

namespace {

constexpr const char* kFound = "/var/lib/gearscale/shop/haproxy-1.4/conf/haproxy_ctld.conf";

// No environment, and one file: the text.
cli::Sources sources(std::string_view text, const std::string& path) {
  return {.home = "/root",
          .environment = [](const std::string&) { return std::optional<std::string>(); },
          .read_file = [text, path](const std::string& wanted, std::size_t) -> Result<std::string> {
            if (wanted != path) return fail(Errc::failed, "cannot open " + wanted + ": no such file or directory", ENOENT);
            return std::string(text);
          }};
}

cli::Sources given(std::string_view text) {
  auto all = sources(text, "/etc/my.conf");
  all.config_file = "/etc/my.conf";
  return all;
}

cli::Sources found(std::string_view text) {
  auto all = sources(text, kFound);
  all.command_line = {{"app", "shop"}};
  return all;
}

void check_lines(std::string_view text) {
  const auto lines = cli::parse_conf(text, "my.conf");
  if (!lines) return check_error(lines.error(), {Errc::config});
  std::set<std::string> keys;
  int before = 0;
  std::string written;
  for (const auto& line : *lines) {
    GEARSCALE_CHECK(cli::find_setting(line.key) != nullptr && keys.insert(line.key).second);
    GEARSCALE_CHECK(line.line > before && trim(line.value) == line.value);
    GEARSCALE_CHECK(std::ranges::none_of(line.value, [](char c) { return is_control(c) && c != '\t'; }));
    before = line.line;
    written += line.key + "=" + line.value + "\n";  // with a blank before it, a value that begins with a hash would be a comment
  }
  const auto again = cli::parse_conf(Exact(written).view(), "my.conf");
  GEARSCALE_CHECK(again && std::ranges::equal(*lines, *again, [](const cli::ConfLine& one, const cli::ConfLine& other) {
                    return one.key == other.key && one.value == other.value;
                  }));
}

// A value goes into paths, socket commands, lines of haproxy.cfg and LXC configs, and to no shell.
void check_values(const cli::Values& values) {
  for (const auto& setting : cli::settings()) {
    const auto& text = values.text(setting.key);
    GEARSCALE_CHECK(text.empty() || cli::check_text(setting, text));
    GEARSCALE_CHECK(!has_control(text) && text.find_first_of("\"'\\`#<>|") == std::string::npos);
    GEARSCALE_CHECK(std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x7f; }));
  }
}

void check_config(const cli::Config& config) {
  const auto& policy = config.policy;
  GEARSCALE_CHECK(core::check_application(config.application) && !config.application.app.empty());
  GEARSCALE_CHECK(policy.up_pct > policy.remove_pct && policy.remove_pct >= 0 && policy.sessions_per_gear > 0);
  GEARSCALE_CHECK(policy.use_sessions || policy.use_response);
  GEARSCALE_CHECK(policy.response.up > policy.response.remove && policy.remove_checks >= 1 && policy.max_step_up >= 0);
  GEARSCALE_CHECK(codec::check_limits(config.limits.fallback) && cli::merge_limits(config.limits, std::nullopt));
  GEARSCALE_CHECK(config.sample_interval.count() >= 5 && config.parallel_starts >= 1 && config.standby.count >= 0);
  GEARSCALE_CHECK(config.haproxy.gear_port >= 1 && config.haproxy.gear_port <= 65535);
  GEARSCALE_CHECK(config.haproxy.log_ring.empty() != config.haproxy.log_file.empty());
  GEARSCALE_CHECK(config.paths.registry.starts_with('/') && config.paths.registry.ends_with("conf/gear-registry.json"));
  const auto& pool = config.gears.pool;
  GEARSCALE_CHECK(pool.first <= pool.last && (pool.first == 0 || (pool.prefix >= 1 && pool.prefix <= 30)));
  const auto gateway = config.gears.gateway;
  GEARSCALE_CHECK(gateway == 0 || pool.first == 0 || gateway < pool.first || gateway > pool.last);
}

void check_printed(const cli::Values& values) {
  const auto text = cli::config_text(values);
  const Exact copy(text);
  const auto again = cli::resolve(given(copy.view()));
  GEARSCALE_CHECK(again.has_value());
  for (const auto& setting : cli::settings()) GEARSCALE_CHECK(again->text(setting.key) == values.text(setting.key));
  GEARSCALE_CHECK(cli::make_config(*again).has_value());
  const auto json = nlohmann::json::parse(cli::config_json(values));
  GEARSCALE_CHECK(json.size() == cli::settings().size());
  for (const auto& setting : cli::settings()) GEARSCALE_CHECK(json.at(std::string(setting.key)).at("value") == values.text(setting.key));
}

void check_settings(const cli::Sources& all) {
  const auto directory = cli::resolve_haproxy_dir(all);
  if (!directory) check_error(directory.error(), {Errc::config});
  const auto values = cli::resolve(all);
  if (!values) return check_error(values.error(), {Errc::config});
  check_values(*values);
  if (directory) GEARSCALE_CHECK(*directory == values->text("haproxy_dir") && cli::find_daemon_files(all));
  const auto config = cli::make_config(*values);
  if (!config) return check_error(config.error(), {Errc::config, Errc::usage});
  GEARSCALE_CHECK(directory.has_value());
  check_config(*config);
  check_printed(*values);
}

}  // namespace

void fuzz_config_file(std::string_view input) {
  const Exact copy(input);
  check_lines(copy.view());
  check_settings(given(copy.view()));
  check_settings(found(copy.view()));
}

}  // namespace gearscale::fuzz
