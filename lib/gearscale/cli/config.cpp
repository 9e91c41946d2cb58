// SPDX-License-Identifier: Apache-2.0
// From texts that are allowed one by one to a configuration that makes sense as a whole.
#include "gearscale/cli/config.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

#include "gearscale/base/check.hpp"
#include "gearscale/base/text.hpp"
#include "gearscale/codec/scale_limits.hpp"

namespace gearscale::cli {

namespace {

constexpr int kSpareAddresses = 4;
constexpr std::uint64_t kOtherFiles = 100;  // HAProxy, logs, locks, and three for each job
constexpr std::string_view kPidFile = "run/haproxy_ctld.pid";
constexpr std::string_view kOutputFile = "run/haproxy_ctld.output";
constexpr core::Millis kDestroyTime{55'000};  // of a tear-down, besides the clean shutdown

// Typed reading. resolve() has checked each text, so that a failure here is a programmer's error.
class Reader {
 public:
  explicit Reader(const Values& values) : values_(values) {}

  const std::string& text(std::string_view key) const { return values_.text(key); }
  double number(std::string_view key) const { return sure(parse_decimal(text(key))); }
  int integer(std::string_view key) const { return static_cast<int>(sure(parse_integer(text(key)))); }
  core::Millis duration(std::string_view key) const { return sure(parse_duration(text(key))); }
  std::int64_t bytes(std::string_view key) const { return sure(parse_bytes(text(key))); }
  bool flag(std::string_view key) const { return sure(parse_flag(text(key))); }
  // The range names the enumerators in their order.
  template <class Enum>
  Enum choice(std::string_view key) const {
    const auto words = split(find_setting(key)->range, '|');
    return static_cast<Enum>(std::ranges::find(words, text(key)) - words.begin());
  }

 private:
  template <class T>
  static T sure(std::optional<T> value) {
    GEARSCALE_CHECK(value.has_value());
    return *value;
  }
  const Values& values_;
};

// A directory without a slash at its end, so that one directory has one name.
std::string without_end(std::string_view directory) {
  while (directory.size() > 1 && directory.ends_with('/')) directory.remove_suffix(1);
  return std::string(directory);
}

bool overrides(const Value& value) { return value.origin > Origin::scale_limits; }

core::Policy read_policy(const Reader& read) {
  const auto signals = parse_policy(read.text("policy")).value();
  core::Policy policy;
  policy.use_sessions = signals.sessions;
  policy.use_response = signals.response_time;
  policy.up_pct = read.number("up_pct");
  policy.remove_pct = read.number("remove_pct");
  policy.sessions_per_gear = read.number("sessions_per_gear");
  policy.remove_checks = read.integer("remove_checks");
  policy.flap_protection = read.duration("flap_protection");
  policy.up_window = read.duration("up_window");
  policy.flap_budget = read.integer("flap_budget");
  policy.max_step_up = read.integer("max_step_up");
  policy.down_timeout = read.duration("down_timeout");
  policy.response = {.percentile = read.choice<core::Percentile>("response_percentile"),
                     .up = read.duration("response_up"),
                     .remove = read.duration("response_remove"),
                     .min_requests = read.integer("response_min_requests"),
                     .window = read.duration("response_window")};
  return policy;
}

LimitsSource read_limits(const Values& values) {
  const Reader read(values);
  LimitsSource limits;
  limits.fallback = {.min = read.integer("scale_min"), .max = read.integer("scale_max")};
  if (overrides(values.at("scale_min"))) limits.min_override = limits.fallback.min;
  if (overrides(values.at("scale_max"))) limits.max_override = limits.fallback.max;
  return limits;
}

Paths read_paths(const Reader& read) {
  const auto haproxy = without_end(read.text("haproxy_dir"));
  const auto& logs = read.text("log_dir");
  return {.haproxy_dir = haproxy,
          .haproxy_cfg = read.text("haproxy_cfg"),
          .registry = path_in(haproxy, "conf/gear-registry.json"),
          .lock = path_in(haproxy, "run/gearscale.lock"),
          .driver_lock = path_in(haproxy, "run/gearscale.driver"),
          .pid_file = path_in(haproxy, kPidFile),
          .output_file = path_in(haproxy, kOutputFile),
          .events_log = path_in(logs, "scale_events.log"),
          .events_json = path_in(logs, "scale_events.jsonl"),
          .scale_limits = path_in(read.text("data_dir"), "scale_limits.txt"),
          .disable_marker = path_in(read.text("repo_dir"), ".openshift/markers/disable_auto_scaling")};
}

haproxy::Options read_haproxy(const Reader& read, const core::Application& application) {
  const auto log = parse_response_log(read.text("response_log")).value();
  return {.application = application,
          .backend = read.text("backend"),
          .stats_socket = read.text("stats_socket"),
          .config_file = read.text("haproxy_cfg"),
          .processes_file = path_in(read.text("haproxy_dir"), "run/haproxy.processes"),
          .binary = read.text("haproxy_binary"),
          .gear_port = read.integer("gear_port"),
          .check = read.text("server_check"),
          .gear_maxconn = read.integer("gear_maxconn"),
          .deadline = read.duration("haproxy_deadline"),
          .log_ring = log.ring,
          .log_file = log.file};
}

gears::Options read_gears(const Reader& read, const core::Application& application) {
  gears::Options options;
  options.application = application;
  options.lxc_path = without_end(read.text("lxc_path"));
  options.template_name = read.text("template");
  options.bridge = read.text("bridge");
  if (!read.text("address_pool").empty()) options.pool = parse_pool(read.text("address_pool")).value();
  options.gateway = parse_gateway(read.text("gateway")).value();
  options.isolate_gears = read.flag("isolate_gears");
  options.gear_port = read.integer("gear_port");
  options.probe = read.choice<gears::ProbeKind>("probe");
  options.probe_path = read.text("probe_path");
  options.clone_mode = read.choice<gears::CloneMode>("clone_mode");
  if (const auto idmap = parse_idmap(read.text("idmap")).value(); std::holds_alternative<gears::IdMap>(idmap)) {
    options.idmap = std::get<gears::IdMap>(idmap);
  }
  options.gear_memory = read.bytes("gear_memory");
  options.gear_cpu = read.number("gear_cpu");
  options.gear_pids = read.integer("gear_pids");
  options.memory_reserve = read.bytes("memory_reserve");
  options.stop_timeout = read.duration("stop_timeout");
  options.standby_state = read.choice<core::StandbyPolicy::State>("standby_state");
  options.standby_settle = read.duration("standby_settle");
  options.hooks_dir = read.text("hooks_dir");
  options.hook_timeout = read.duration("hook_timeout");
  return options;
}

// The value to blame for a clash of two: the one from the stronger source, which was most likely meant.
Unexpected clash(const Values& values, std::string_view first, std::string_view second, const std::string& why) {
  const auto key = values.at(second).origin > values.at(first).origin ? second : first;
  return value_error(key, values.at(key), why);
}

std::string shown(const Values& values, std::string_view key) {
  return std::string(key) + " (" + values.text(key) + ", " + printable(values.at(key).source, 300) + ")";
}

Result<void> check_application(const Values& values, const core::Application& application) {
  if (application.app.empty()) return no_application();
  const auto checked = core::check_application(application);
  if (checked) return {};
  return clash(values, "app", "namespace", checked.error().message);
}

Unexpected out_of_order(const Values& values, std::string_view first, std::string_view must_be, std::string_view second) {
  return clash(values, first, second,
               std::string(first) + " must be " + std::string(must_be) + " " + std::string(second) + "; now " + shown(values, first) +
                   ", " + shown(values, second));
}

Result<void> check_policy(const Values& values, const Config& config) {
  const auto& policy = config.policy;
  if (policy.up_pct <= policy.remove_pct) return out_of_order(values, "up_pct", "above", "remove_pct");
  if (policy.response.up <= policy.response.remove) return out_of_order(values, "response_up", "above", "response_remove");
  // A limit from a strong source meets the other one in merge_limits only: scale_limits.txt may stand between them.
  if (overrides(values.at("scale_min")) != overrides(values.at("scale_max"))) return {};
  if (!codec::check_limits(config.limits.fallback)) return out_of_order(values, "scale_min", "at most", "scale_max");
  return {};
}

Result<void> check_network(const Values& values, const Config& config) {
  const auto& pool = config.gears.pool;
  if (pool.first == 0) return {};
  const auto& max = values.at("scale_max");
  if (auto checked = check_pool_size(config, config.limits.fallback); !checked) {
    return clash(values, "address_pool", max.origin == Origin::built_in ? "address_pool" : "scale_max", checked.error().message);
  }
  const auto gateway = config.gears.gateway;
  if (gateway == 0) return {};
  const std::uint32_t host_bits = 0xffffffffU >> pool.prefix;
  const auto network = pool.first & ~host_bits;
  const auto why = [&](const std::string& text) {
    return clash(values, "gateway", "address_pool", text + " " + shown(values, "address_pool"));
  };
  if (gateway <= network || gateway >= (network | host_bits)) return why("gateway must be an address in the network of");
  if (gateway >= pool.first && gateway <= pool.last) return why("gateway must not be one of");
  return {};
}

}  // namespace

Result<DaemonFiles> find_daemon_files(const Sources& sources) {
  const auto directory = resolve_haproxy_dir(sources);
  if (!directory) return fail(directory.error());
  return DaemonFiles{.pid_file = path_in(*directory, kPidFile), .output_file = path_in(*directory, kOutputFile)};
}

Result<void> check_same_farm(const Config& before, const Config& after) {
  // What is only read at a start, and what the gears that are there belong to.
  constexpr std::string_view kRestart = "it is read at a start only: put it back, or restart the controller";
  constexpr std::string_view kStay = "the gears that are there belong to it: put it back, or run teardown and set the application up anew";
  struct Tie {
    std::string_view key;
    const std::string &before, &after;
    std::string_view advice;
  };
  const std::array ties{Tie{"app", before.application.app, after.application.app, kStay},
                        Tie{"namespace", before.application.ns, after.application.ns, kStay},
                        Tie{"uuid", before.application.uuid, after.application.uuid, kStay},
                        Tie{"haproxy_dir", before.paths.haproxy_dir, after.paths.haproxy_dir, kStay},
                        Tie{"lxc_path", before.gears.lxc_path, after.gears.lxc_path, kStay},
                        Tie{"backend", before.haproxy.backend, after.haproxy.backend, kStay},
                        Tie{"haproxy_cfg", before.paths.haproxy_cfg, after.paths.haproxy_cfg, kRestart},
                        Tie{"stats_socket", before.haproxy.stats_socket, after.haproxy.stats_socket, kRestart}};
  const auto changed = std::ranges::find_if(ties, [](const Tie& tie) { return tie.before != tie.after; });
  if (changed == ties.end()) return {};
  return fail(Errc::config, std::string(changed->key) + " would change from '" + printable(changed->before) + "' to '" +
                                printable(changed->after) + "', and " + std::string(changed->advice));
}

Result<core::Limits> merge_limits(const LimitsSource& source, const std::optional<core::Limits>& file) {
  auto limits = file.value_or(source.fallback);
  limits.min = source.min_override.value_or(limits.min);
  limits.max = source.max_override.value_or(limits.max);
  if (!codec::check_limits(limits)) {
    return fail(Errc::config, "scale_min (" + std::to_string(limits.min) + ") must be at most scale_max (" + std::to_string(limits.max) +
                                  "): command line, environment and " + (file ? "scale_limits.txt" : "configuration") +
                                  " contradict each other");
  }
  return limits;
}

Result<void> check_pool_size(const Config& config, const core::Limits& limits) {
  const auto& pool = config.gears.pool;
  const auto needed = std::int64_t{limits.max} + config.standby.count + kSpareAddresses;
  if (pool.first == 0 || limits.max == core::Limits::kNoLimit || pool.size() >= needed) return {};
  return fail(Errc::config, "address_pool holds " + std::to_string(pool.size()) + " addresses; a scale_max of " +
                                std::to_string(limits.max) + " and a standby_count of " + std::to_string(config.standby.count) +
                                " need at least " + std::to_string(needed) + ": enlarge address_pool or lower scale_max");
}

Result<void> check_open_files(const Config& config, const core::Limits& limits, std::uint64_t files) {
  const auto gears =
      limits.max == core::Limits::kNoLimit ? std::int64_t{config.gears.pool.size()} : std::int64_t{limits.max} + config.standby.count;
  const auto needed = static_cast<std::uint64_t>(gears) * 2 + kOtherFiles;
  if (files >= needed) return {};
  return fail(Errc::config, "only " + std::to_string(files) + " files may be open, and " + std::to_string(gears) + " gears need " +
                                std::to_string(needed) +
                                ": without them waking a standby is slow and the end of a gear is seen late; raise the " +
                                "hard limit of what starts this (LimitNOFILE in systemd, ulimit -Hn), or lower scale_max");
}

Result<Config> make_config(const Values& values) {
  const Reader read(values);
  Config config;
  config.application = {.app = read.text("app"), .ns = read.text("namespace"), .uuid = read.text("uuid")};
  if (auto checked = check_application(values, config.application); !checked) return fail(checked.error());
  config.policy = read_policy(read);
  config.limits = read_limits(values);
  config.standby = {.count = read.integer("standby_count"), .state = read.choice<core::StandbyPolicy::State>("standby_state")};
  config.parallel_starts = read.integer("parallel_starts");
  config.timeouts = {.boot = read.duration("boot_timeout"),
                     .drain_idle = read.duration("drain_idle"),
                     .drain_soft = read.duration("drain_soft"),
                     .drain_hard = read.duration("drain_hard"),
                     .tear_down = read.duration("stop_timeout") + kDestroyTime,
                     .down = read.duration("down_timeout")};
  config.check_interval = read.duration("check_interval");
  config.sample_interval = read.duration("sample_interval");
  config.haproxy = read_haproxy(read, config.application);
  config.gears = read_gears(read, config.application);
  config.idmap = parse_idmap(read.text("idmap")).value();
  config.paths = read_paths(read);
  config.debug = read.flag("debug");
  if (auto checked = check_policy(values, config); !checked) return fail(checked.error());
  if (auto checked = check_network(values, config); !checked) return fail(checked.error());
  return config;
}

}  // namespace gearscale::cli
