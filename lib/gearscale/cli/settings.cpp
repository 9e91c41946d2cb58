// SPDX-License-Identifier: Apache-2.0
// The table of settings and the check of one value against it. docs/configuration.md says more about each setting.
#include "gearscale/cli/settings.hpp"

#include <algorithm>
#include <array>

#include "gearscale/base/check.hpp"
#include "gearscale/base/text.hpp"
#include "gearscale/cli/value_text.hpp"

namespace gearscale::cli {

namespace {

constexpr double kSecond = 1'000;
constexpr double kHour = 3'600 * kSecond;
constexpr double kMiB = 1024.0 * 1024;
constexpr double kPiB = kMiB * 1024 * 1024 * 1024;
constexpr double kMostGears = 100'000;  // as in scale_limits.txt
constexpr std::string_view kName = "a name of letters, digits, '-', '_' and '.', at most 64 characters";
constexpr std::string_view kPath = "an absolute path of letters, digits and / . _ - + @ ~";

constexpr std::array kSettings{
    // Application
    Setting{.key = "app", .env = "OPENSHIFT_APP_NAME", .group = Group::application, .range = kName, .accepts = is_plain_name,
            .help = "name of the application"},
    Setting{.key = "namespace", .env = "OPENSHIFT_NAMESPACE", .group = Group::application,
            .range = "a name of letters, digits, '_' and '.', or empty", .accepts = is_namespace,
            .help = "its namespace; else taken from OPENSHIFT_GEAR_DNS (app-NAMESPACE.example.com)"},
    Setting{.key = "uuid", .env = "OPENSHIFT_APP_UUID", .group = Group::application, .range = kName, .accepts = is_plain_name,
            .help = "the application's UUID"},
    Setting{.key = "home_dir", .env = "OPENSHIFT_HOMEDIR", .group = Group::application, .range = kPath, .accepts = is_file_path,
            .default_value = "/var/lib/gearscale/{app}", .help = "home directory of the application"},
    Setting{.key = "haproxy_dir", .env = "OPENSHIFT_HAPROXY_DIR", .group = Group::application, .range = kPath, .accepts = is_file_path,
            .default_value = "{home_dir}/haproxy-1.4", .help = "the cartridge's directory, with conf/ and run/"},
    Setting{.key = "log_dir", .env = "OPENSHIFT_HAPROXY_LOG_DIR", .group = Group::application, .range = kPath, .accepts = is_file_path,
            .default_value = "{haproxy_dir}/logs", .help = "directory of scale_events.log and scale_events.jsonl"},
    Setting{.key = "data_dir", .env = "OPENSHIFT_DATA_DIR", .group = Group::application, .range = kPath, .accepts = is_file_path,
            .default_value = "{home_dir}/data", .help = "directory of scale_limits.txt"},
    Setting{.key = "repo_dir", .env = "OPENSHIFT_REPO_DIR", .group = Group::application, .range = kPath, .accepts = is_file_path,
            .default_value = "{home_dir}/repo", .help = "where .openshift/markers/disable_auto_scaling is looked for"},
    // Scaling
    Setting{.key = "up_pct", .group = Group::scaling, .kind = Kind::number, .unit = "%", .range = "1 to 1000", .min = 1, .max = 1000,
            .default_value = "90.0", .help = "add a gear at or above this capacity"},
    Setting{.key = "remove_pct", .group = Group::scaling, .kind = Kind::number, .unit = "%", .range = "0 to below up_pct", .min = 0,
            .max = 1000, .default_value = "49.9", .help = "a check below this capacity is a low check"},
    Setting{.key = "flap_protection", .group = Group::scaling, .kind = Kind::duration, .range = "0s to 24h", .min = 0, .max = 24 * kHour,
            .default_value = "120s", .help = "no removal for this long after an addition"},
    Setting{.key = "remove_checks", .group = Group::scaling, .kind = Kind::integer, .range = "1 to 1000", .min = 1, .max = 1000,
            .default_value = "3", .help = "consecutive low checks before a removal"},
    Setting{.key = "check_interval", .group = Group::scaling, .kind = Kind::duration, .range = "0.1s to 1h", .min = 100, .max = kHour,
            .default_value = "3s", .help = "time between two checks"},
    Setting{.key = "sample_interval", .group = Group::scaling, .kind = Kind::duration, .range = "0.05s to 1h", .min = 50, .max = kHour,
            .default_value = "300ms", .help = "time between two fast samples of the sessions; they feed the peak that guards removals"},
    Setting{.key = "sessions_per_gear", .env = "OPENSHIFT_MAX_SESSIONS_PER_GEAR", .group = Group::scaling, .kind = Kind::number,
            .range = "0.1 to 1000000", .min = 0.1, .max = 1e6, .default_value = "10", .help = "sessions that make 100% of one gear"},
    Setting{.key = "scale_min", .group = Group::scaling, .kind = Kind::integer, .range = "1 to 100000, at most scale_max", .min = 1,
            .max = kMostGears, .default_value = "1", .help = "fewest gears; scale_limits.txt is stronger than the conf file"},
    Setting{.key = "scale_max", .group = Group::scaling, .kind = Kind::integer, .range = "1 to 100000, or -1 for no limit", .min = 1,
            .max = kMostGears, .special = -1, .default_value = "-1", .help = "most gears; scale_limits.txt is stronger than the conf file"},
    // HAProxy
    Setting{.key = "backend", .group = Group::haproxy, .range = kName, .accepts = is_backend_name, .default_value = "express",
            .help = "HAProxy backend (or listen section) that the gears join"},
    Setting{.key = "stats_socket", .group = Group::haproxy, .range = "an absolute path of at most 107 letters, digits and / . _ - + @ ~",
            .accepts = is_socket_path, .default_value = "{haproxy_dir}/run/stats", .help = "HAProxy's stats socket, level admin"},
    Setting{.key = "haproxy_cfg", .group = Group::haproxy, .range = kPath, .accepts = is_file_path,
            .default_value = "{haproxy_dir}/conf/haproxy.cfg", .help = "HAProxy's configuration, with the markers of the gear block"},
    Setting{.key = "haproxy_binary", .group = Group::haproxy, .range = "a program's name or absolute path", .accepts = is_program,
            .default_value = "haproxy", .help = "program that checks haproxy_cfg before it is replaced"},
    Setting{.key = "haproxy_deadline", .group = Group::haproxy, .kind = Kind::duration, .range = "10ms to 10s", .min = 10,
            .max = 10 * kSecond, .default_value = "1s", .help = "longest exchange with HAProxy"},
    Setting{.key = "server_check", .group = Group::haproxy,
            .range = "words of letters, digits and . _ - / : = with single blanks, or empty", .accepts = is_server_check,
            .default_value = "check inter 500 fall 2 rise 1", .help = "health check of a gear's server line"},
    Setting{.key = "gear_maxconn", .group = Group::haproxy, .kind = Kind::integer, .range = "1 to 1000000, or 0 for none", .min = 1,
            .max = 1e6, .special = 0, .default_value = "0", .help = "maxconn of a gear's server line"},
    // Gears
    Setting{.key = "template", .group = Group::gears, .range = kName, .accepts = is_plain_name,
            .help = "stopped container that gears are cloned from; needed to add gears"},
    Setting{.key = "lxc_path", .group = Group::gears, .range = kPath, .accepts = is_file_path, .default_value = "/var/lib/lxc",
            .help = "where LXC keeps the containers"},
    Setting{.key = "bridge", .group = Group::gears, .range = "an interface's name of at most 15 letters, digits, '-', '_' and '.'",
            .accepts = is_interface_name, .help = "network bridge of the gears; needed to add gears"},
    Setting{.key = "address_pool", .group = Group::gears, .range = "FIRST-LAST/PREFIX in one IPv4 network, as 10.87.0.10-10.87.0.250/24",
            .accepts = is_pool, .help = "addresses for gears; at least scale_max + 4; needed to add gears"},
    Setting{.key = "gateway", .group = Group::gears, .range = "none, or an IPv4 address of the pool's network outside of the pool",
            .accepts = is_gateway, .default_value = "none", .help = "default route of the gears"},
    Setting{.key = "gear_port", .group = Group::gears, .kind = Kind::integer, .range = "1 to 65535", .min = 1, .max = 65'535,
            .default_value = "8080", .help = "port on which the application answers"},
    Setting{.key = "probe", .group = Group::gears, .kind = Kind::choice, .range = "http|tcp", .default_value = "http",
            .help = "how a gear shows that it is ready"},
    Setting{.key = "probe_path", .group = Group::gears, .range = "a path of a URL that begins with '/', without blanks and quotes",
            .accepts = is_probe_path, .default_value = "/", .help = "what the http probe asks for"},
    Setting{.key = "boot_timeout", .group = Group::gears, .kind = Kind::duration, .range = "1s to 1h", .min = kSecond, .max = kHour,
            .default_value = "60s", .help = "clone, start and probe of a gear together"},
    Setting{.key = "clone_mode", .group = Group::gears, .kind = Kind::choice, .range = "auto|overlay|copy", .default_value = "auto",
            .help = "auto: overlay, a full copy where that is not possible"},
    Setting{.key = "idmap", .group = Group::gears, .range = "auto, none, or BASE:COUNT with both at least 1", .accepts = is_idmap,
            .default_value = "auto", .help = "ids of unprivileged gears; auto: root's range in /etc/subuid; none: privileged"},
    Setting{.key = "gear_memory", .group = Group::gears, .kind = Kind::bytes, .range = "1M to 1048576G, or 0 for no limit", .min = kMiB,
            .max = kPiB, .special = 0, .default_value = "0", .help = "memory of one gear"},
    Setting{.key = "gear_cpu", .group = Group::gears, .kind = Kind::number, .unit = "cores", .range = "0.01 to 4096, or 0 for no limit",
            .min = 0.01, .max = 4096, .special = 0, .default_value = "0", .help = "processor time of one gear"},
    Setting{.key = "gear_pids", .group = Group::gears, .kind = Kind::integer, .unit = "processes",
            .range = "1 to 4194304, or 0 for no limit", .min = 1, .max = 4'194'304, .special = 0, .default_value = "0",
            .help = "processes and threads of one gear"},
    Setting{.key = "memory_reserve", .group = Group::gears, .kind = Kind::bytes, .range = "0 to 1048576G", .min = 0, .max = kPiB,
            .default_value = "256M", .help = "memory that must stay free; a gear that would take it is refused"},
    Setting{.key = "drain_timeout", .group = Group::gears, .kind = Kind::duration, .range = "0s to 24h", .min = 0, .max = 24 * kHour,
            .default_value = "60s", .help = "longest wait for a leaving gear's sessions"},
    Setting{.key = "stop_timeout", .group = Group::gears, .kind = Kind::duration, .range = "0s to 10m", .min = 0, .max = 600 * kSecond,
            .default_value = "5s", .help = "clean shutdown of a gear before it is killed"},
    // General
    Setting{.key = "debug", .group = Group::general, .kind = Kind::flag, .range = "true or false", .default_value = "false",
            .help = "write a GEAR_INFO line for each check and other details"},
};

bool within(const Setting& setting, double value) {
  return (value >= setting.min && value <= setting.max) || (setting.special && value == *setting.special);
}

bool is_allowed(const Setting& setting, std::string_view text) {
  switch (setting.kind) {
    case Kind::text:
      return setting.accepts(text);
    case Kind::flag:
      return parse_flag(text).has_value();
    case Kind::choice: {
      const auto words = split(setting.range, '|');
      return std::ranges::find(words, text) != words.end();
    }
    case Kind::number: {
      const auto value = parse_decimal(text);
      return value && within(setting, *value);
    }
    case Kind::integer: {
      const auto value = parse_integer(text);
      return value && within(setting, static_cast<double>(*value));
    }
    case Kind::duration: {
      const auto value = parse_duration(text);
      return value && within(setting, static_cast<double>(value->count()));
    }
    case Kind::bytes: {
      const auto value = parse_bytes(text);
      return value && within(setting, static_cast<double>(*value));
    }
  }
  return false;
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
