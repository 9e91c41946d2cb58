// SPDX-License-Identifier: Apache-2.0
// The table of settings and the check of one value against it. docs/configuration.md says more about each setting.
#include "gearscale/cli/settings.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

#include "gearscale/base/check.hpp"
#include "gearscale/base/text.hpp"
#include "gearscale/cli/value_text.hpp"

namespace gearscale::cli {

namespace {

constexpr std::string_view kName = "a name of letters, digits, '-', '_' and '.', at most 64 characters";
constexpr std::string_view kPath = "an absolute path of letters, digits and / . _ - + @ ~";

template <auto Parse>
bool parses(std::string_view text) {
  return Parse(text).has_value();
}

constexpr std::array kSettings{
    Setting{.heading = "Application", .key = "app", .env = "OPENSHIFT_APP_NAME", .range = kName, .accepts = is_plain_name,
            .help = "name of the application"},
    Setting{.key = "namespace", .env = "OPENSHIFT_NAMESPACE", .range = "a name of letters, digits, '_' and '.', or empty",
            .accepts = is_namespace, .help = "its namespace; else taken from OPENSHIFT_GEAR_DNS (app-NAMESPACE.example.com)"},
    Setting{.key = "uuid", .env = "OPENSHIFT_APP_UUID", .range = kName, .accepts = is_plain_name,
            .help = "the application's UUID, by which it knows its containers; setup makes it"},
    Setting{.key = "home_dir", .env = "OPENSHIFT_HOMEDIR", .range = kPath, .accepts = is_file_path,
            .default_value = "/var/lib/gearscale/{app}", .help = "home directory of the application"},
    Setting{.key = "haproxy_dir", .env = "OPENSHIFT_HAPROXY_DIR", .range = kPath, .accepts = is_file_path,
            .default_value = "{home_dir}/haproxy-1.4", .help = "the cartridge's directory, with conf/ and run/"},
    Setting{.key = "log_dir", .env = "OPENSHIFT_HAPROXY_LOG_DIR", .range = kPath, .accepts = is_file_path,
            .default_value = "{haproxy_dir}/logs", .help = "directory of scale_events.log and scale_events.jsonl"},
    Setting{.key = "data_dir", .env = "OPENSHIFT_DATA_DIR", .range = kPath, .accepts = is_file_path, .default_value = "{home_dir}/data",
            .help = "directory of scale_limits.txt"},
    Setting{.key = "repo_dir", .env = "OPENSHIFT_REPO_DIR", .range = kPath, .accepts = is_file_path, .default_value = "{home_dir}/repo",
            .help = "where .openshift/markers/disable_auto_scaling is looked for"},
    Setting{.heading = "Scaling", .key = "policy", .range = "sessions, response-time, or both with a comma",
            .accepts = parses<parse_policy>, .default_value = "sessions",
            .help = "what scales the farm: sessions, response-time, or both with a comma"},
    Setting{.key = "up_pct", .kind = Kind::number, .unit = "%", .range = "1 to 1000", .default_value = "90.0",
            .help = "add a gear at or above this capacity"},
    Setting{.key = "remove_pct", .kind = Kind::number, .unit = "%", .range = "0 to 1000, below up_pct", .default_value = "49.9",
            .help = "a check below this capacity is a low check"},
    Setting{.key = "flap_protection", .kind = Kind::duration, .range = "0s to 24h", .default_value = "120s",
            .help = "no removal for this long after an addition"},
    Setting{.key = "remove_checks", .kind = Kind::integer, .range = "1 to 1000", .default_value = "3",
            .help = "consecutive low checks before a removal"},
    Setting{.key = "check_interval", .kind = Kind::duration, .range = "0.1s to 1h", .default_value = "3s",
            .help = "time between two checks"},
    Setting{.key = "sample_interval", .kind = Kind::duration, .range = "5ms to 1h", .default_value = "100ms",
            .help = "time between two fast samples of the sessions; additions react to them"},
    Setting{.key = "up_window", .kind = Kind::duration, .range = "0s to 1m", .default_value = "300ms",
            .help = "additions look at the mean of the samples of this time; 0s: the last sample alone"},
    Setting{.key = "flap_budget", .kind = Kind::integer, .range = "1 to 1000000, or 0 for no such limit", .default_value = "120",
            .help = "cold starts and destroys in an hour, after which nothing more is removed"},
    Setting{.key = "max_step_up", .kind = Kind::integer, .range = "1 to 1000, or 0 for the larger of 4 and the serving gears",
            .default_value = "0", .help = "most gears that one decision adds"},
    Setting{.key = "sessions_per_gear", .env = "OPENSHIFT_MAX_SESSIONS_PER_GEAR", .kind = Kind::number, .range = "0.1 to 1000000",
            .default_value = "10", .help = "sessions that make 100% of one gear"},
    Setting{.key = "scale_min", .alias = "stable-gears", .kind = Kind::integer, .range = "1 to 100000, at most scale_max",
            .default_value = "1", .help = "fewest gears; scale_limits.txt is stronger than the conf file"},
    Setting{.key = "scale_max", .alias = "max-gears", .kind = Kind::integer, .range = "1 to 100000, or -1 for no limit",
            .default_value = "-1", .help = "most gears; scale_limits.txt is stronger than the conf file"},
    Setting{.heading = "Response time", .key = "response_log", .range = "ring:NAME or file:PATH with an absolute path",
            .accepts = parses<parse_response_log>, .default_value = "ring:requests",
            .help = "where HAProxy's request log is read: ring:NAME or file:PATH"},
    Setting{.key = "response_percentile", .kind = Kind::choice, .range = "p50|p90|p99", .default_value = "p90",
            .help = "which percentile of the response times counts"},
    Setting{.key = "response_up", .kind = Kind::duration, .range = "1ms to 1h", .default_value = "1000ms",
            .help = "add a gear when the percentile is above"},
    Setting{.key = "response_remove", .kind = Kind::duration, .range = "0s to 1h, below response_up", .default_value = "200ms",
            .help = "a check under this agrees to a removal"},
    Setting{.key = "response_window", .kind = Kind::duration, .range = "1s to 10m", .default_value = "10s",
            .help = "requests of this time count"},
    Setting{.key = "response_min_requests", .kind = Kind::integer, .range = "1 to 1000000", .default_value = "20",
            .help = "with fewer in the window response time has nothing to say"},
    Setting{.heading = "HAProxy", .key = "backend", .range = kName, .accepts = is_backend_name, .default_value = "express",
            .help = "HAProxy backend (or listen section) that the gears join"},
    Setting{.key = "stats_socket", .range = "an absolute path of at most 107 letters, digits and / . _ - + @ ~", .accepts = is_socket_path,
            .default_value = "{haproxy_dir}/run/stats", .help = "HAProxy's stats socket, level admin"},
    Setting{.key = "haproxy_cfg", .range = kPath, .accepts = is_file_path, .default_value = "{haproxy_dir}/conf/haproxy.cfg",
            .help = "HAProxy's configuration, with the markers of the gear block"},
    Setting{.key = "haproxy_binary", .range = "a program's name or absolute path", .accepts = is_program, .default_value = "haproxy",
            .help = "program that checks haproxy_cfg before it is replaced"},
    Setting{.key = "haproxy_deadline", .kind = Kind::duration, .range = "10ms to 10s", .default_value = "1s",
            .help = "longest exchange with HAProxy"},
    Setting{.key = "server_check", .range = "words of letters, digits and . _ - / : = with single blanks, or empty",
            .accepts = is_server_check, .default_value = "check inter 500 fall 2 rise 1 pool-max-conn -1 pool-purge-delay 5s",
            .help = "health check and reuse of connections on a gear's server line"},
    Setting{.key = "gear_maxconn", .kind = Kind::integer, .range = "1 to 1000000, or 0 for none", .default_value = "0",
            .help = "maxconn of a gear's server line"},
    Setting{.heading = "Gears", .key = "template", .range = kName, .accepts = is_plain_name,
            .help = "stopped container that gears are cloned from; needed to add gears"},
    Setting{.key = "lxc_path", .range = kPath, .accepts = is_file_path, .default_value = "/var/lib/lxc",
            .help = "where LXC keeps the containers"},
    Setting{.key = "bridge", .range = "an interface's name of at most 15 letters, digits, '-', '_' and '.'", .accepts = is_interface_name,
            .help = "network bridge of the gears; needed to add gears"},
    Setting{.key = "address_pool", .range = "FIRST-LAST/PREFIX in one IPv4 network, as 10.87.0.10-10.87.0.250/24", .accepts = is_pool,
            .help = "addresses for gears; at least scale_max + standby_count + 4; needed to add gears"},
    Setting{.key = "gateway", .range = "none, or an IPv4 address of the pool's network outside of the pool",
            .accepts = parses<parse_gateway>, .default_value = "none", .help = "default route of the gears"},
    Setting{.key = "isolate_gears", .kind = Kind::flag, .range = "true or false", .default_value = "true",
            .help = "gears reach the bridge, but not each other"},
    Setting{.key = "gear_port", .kind = Kind::integer, .range = "1 to 65535", .default_value = "8080",
            .help = "port on which the application answers"},
    Setting{.key = "probe", .kind = Kind::choice, .range = "http|tcp", .default_value = "http",
            .help = "how a gear shows that it is ready"},
    Setting{.key = "probe_path", .range = "a path of a URL that begins with '/', without blanks and quotes", .accepts = is_probe_path,
            .default_value = "/", .help = "what the http probe asks for"},
    Setting{.key = "boot_timeout", .kind = Kind::duration, .range = "1s to 1h", .default_value = "60s",
            .help = "clone, start and probe of a gear together"},
    Setting{.key = "clone_mode", .kind = Kind::choice, .range = "auto|overlay|copy", .default_value = "auto",
            .help = "auto: overlay, a full copy where that is not possible"},
    Setting{.key = "idmap", .range = "auto, none, or BASE:COUNT with both at least 1", .accepts = parses<parse_idmap>,
            .default_value = "auto", .help = "ids of unprivileged gears; auto: root's range in /etc/subuid; none: privileged"},
    Setting{.key = "gear_memory", .kind = Kind::bytes, .range = "1M to 1048576G, or 0 for no limit", .default_value = "0",
            .help = "memory of one gear"},
    Setting{.key = "gear_cpu", .kind = Kind::number, .unit = "cores", .range = "0.01 to 4096, or 0 for no limit", .default_value = "0",
            .help = "processor time of one gear"},
    Setting{.key = "gear_pids", .kind = Kind::integer, .unit = "processes", .range = "1 to 4194304, or 0 for no limit",
            .default_value = "0", .help = "processes and threads of one gear"},
    Setting{.key = "memory_reserve", .kind = Kind::bytes, .range = "0 to 1048576G", .default_value = "256M",
            .help = "memory that must stay free; a gear that would take it is refused"},
    Setting{.key = "hooks_dir", .range = kPath, .accepts = is_file_path, .default_value = "{repo_dir}/.openshift/action_hooks",
            .help = "directory of pre_start_gear, post_start_gear and pre_stop_gear"},
    Setting{.key = "hook_timeout", .kind = Kind::duration, .range = "1s to 1h", .default_value = "30s", .help = "longest run of one hook"},
    Setting{.heading = "Standby and drain", .key = "standby_count", .kind = Kind::integer, .range = "0 to 1000", .default_value = "1",
            .help = "gears kept ready in advance"},
    Setting{.key = "standby_state", .kind = Kind::choice, .range = "frozen|stopped", .default_value = "frozen",
            .help = "frozen: booted, probed, then frozen; stopped: cloned only"},
    Setting{.key = "standby_settle", .kind = Kind::duration, .range = "0s to 60s", .default_value = "1s",
            .help = "quiet for so long, a standby without systemd has booted; 0s: any is frozen at its first answer"},
    Setting{.key = "parallel_starts", .kind = Kind::integer, .range = "1 to 64", .default_value = "4",
            .help = "gears that are cloned and started at the same time"},
    Setting{.key = "drain_idle", .kind = Kind::duration, .range = "0s to 24h", .default_value = "30s",
            .help = "a leaving gear without a session for this long may go"},
    Setting{.key = "drain_soft", .kind = Kind::duration, .range = "0s to 168h", .default_value = "10m",
            .help = "longest drain; sticky clients keep their gear until then"},
    Setting{.key = "drain_hard", .kind = Kind::duration, .range = "0s to 24h", .default_value = "60s",
            .help = "connections left this long after the drain are shut"},
    Setting{.key = "down_timeout", .kind = Kind::duration, .range = "0s to 24h", .default_value = "30s",
            .help = "a gear that is DOWN for so long is replaced; when all are, a fresh one is tried; 0s: never"},
    Setting{.key = "stop_timeout", .kind = Kind::duration, .range = "0s to 10m", .default_value = "5s",
            .help = "clean shutdown of a gear before it is killed"},
    Setting{.heading = "General", .key = "debug", .kind = Kind::flag, .range = "true or false", .default_value = "false",
            .help = "write a GEAR_INFO line for each check and other details"},
};

struct Former {
  std::string_view key, successor;
};
constexpr std::array<Former, 1> kFormer{{{"drain_timeout", "drain_idle, drain_soft and drain_hard took its place"}}};

// A number, milliseconds or bytes; nothing for what is none.
std::optional<double> quantity(Kind kind, std::string_view text) {
  const auto as_double = [](std::int64_t value) { return static_cast<double>(value); };
  if (kind == Kind::number) return parse_decimal(text);
  if (kind == Kind::duration) {
    const auto value = parse_duration(text);
    return value ? std::optional(as_double(value->count())) : std::nullopt;
  }
  const auto value = kind == Kind::bytes ? parse_bytes(text) : parse_integer(text);
  return value ? std::optional(as_double(*value)) : std::nullopt;
}

// By the words that people read: "LOW to HIGH", perhaps with ", or SPECIAL for ..." or ", CONDITION" behind it.
bool is_within(const Setting& setting, std::string_view text) {
  const auto value = quantity(setting.kind, text);
  if (!value) return false;
  const auto words = split(setting.range, ' ');
  const auto low = quantity(setting.kind, words.at(0));
  const auto high = quantity(setting.kind, split(words.at(2), ',').front());
  GEARSCALE_CHECK(low && high);
  return (*value >= *low && *value <= *high) || (words.size() > 4 && words[3] == "or" && value == quantity(setting.kind, words[4]));
}

bool is_allowed(const Setting& setting, std::string_view text) {
  if (setting.kind == Kind::text) return setting.accepts(text);
  if (setting.kind == Kind::flag) return parse_flag(text).has_value();
  if (setting.kind != Kind::choice) return is_within(setting, text);
  const auto words = split(setting.range, '|');
  return std::ranges::find(words, text) != words.end();
}

std::string upper(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  return out;
}

std::string_view kind_words(Kind kind) {
  switch (kind) {
    case Kind::number:
      return "a number, ";
    case Kind::integer:
      return "a whole number, ";
    case Kind::duration:
      return "a duration such as 500ms, 3s or 2m, ";
    case Kind::bytes:
      return "a number of bytes such as 64M or 1G, ";
    case Kind::choice:
      return "one of ";
    case Kind::text:
    case Kind::flag:
      break;
  }
  return "";
}

}  // namespace

std::span<const Setting> settings() { return kSettings; }

const Setting* find_setting(std::string_view key) {
  const auto found = std::ranges::find(kSettings, key, &Setting::key);
  return found == kSettings.end() ? nullptr : &*found;
}

std::string_view successor_of(std::string_view name) {
  std::string key(split(name.substr(std::min(name.find_first_not_of('-'), name.size())), '=').front());
  std::ranges::replace(key, '-', '_');
  const auto found = std::ranges::find(kFormer, key, &Former::key);
  return found == kFormer.end() ? std::string_view() : found->successor;
}

std::string option_name(const Setting& setting) {
  std::string name(setting.key);
  std::ranges::replace(name, '_', '-');
  return name;
}

std::string variable_name(const Setting& setting) { return "GEARSCALE_" + upper(setting.key); }

std::string argument_name(const Setting& setting) {
  switch (setting.kind) {
    case Kind::number:
    case Kind::integer:
      return "N";
    case Kind::duration:
      return "DURATION";
    case Kind::bytes:
      return "BYTES";
    case Kind::choice:
      return std::string(setting.range);
    case Kind::text:
    case Kind::flag:
      break;
  }
  return setting.range == kName ? "NAME" : setting.range == kPath ? "PATH" : "TEXT";
}

std::string default_text(const Setting& setting) {
  if (setting.default_value.empty()) return "(none)";
  const auto piece = default_base(setting);
  if (piece.key.empty()) return std::string(setting.default_value);
  return std::string(piece.before) + upper(piece.key) + std::string(piece.after);
}

DefaultBase default_base(const Setting& setting) {
  const auto open = setting.default_value.find('{');
  const auto close = setting.default_value.find('}');
  if (open == std::string_view::npos || close == std::string_view::npos) return {};
  return {.before = setting.default_value.substr(0, open),
          .key = setting.default_value.substr(open + 1, close - open - 1),
          .after = setting.default_value.substr(close + 1)};
}

Result<void> check_text(const Setting& setting, std::string_view text) {
  if (is_allowed(setting, text)) return {};
  std::string message = "must be " + std::string(kind_words(setting.kind)) + std::string(setting.range);
  if (!setting.unit.empty()) message += " (" + std::string(setting.unit) + ")";
  return fail(Errc::config, std::move(message));
}

}  // namespace gearscale::cli
