// SPDX-License-Identifier: Apache-2.0
// Wiring.
#include "gearscale/cli/real_parts.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>
#include <variant>
#include <vector>

#include "gearscale/codec/scale_limits.hpp"
#include "gearscale/gears/address_check.hpp"
#include "gearscale/gears/idmap.hpp"
#include "gearscale/haproxy/log_file.hpp"
#include "gearscale/haproxy/log_ring.hpp"
#include "gearscale/system/files.hpp"
#include "gearscale/system/pid_file.hpp"
#include "gearscale/system/trust.hpp"

namespace gearscale::cli {

namespace {

constexpr std::size_t kLargestLimitsFile = 64 * 1024;

bool exists(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0;
}

Result<void> missing(const std::string& key, const std::string& what) {
  return fail(Errc::config, key + " is not set: " + what + "; set it in conf/haproxy_ctld.conf or with an option (see --print-config)");
}

}  // namespace

Result<Config> load_config(const CommonOptions& options, Values* values) {
  auto resolved = resolve(process_sources(options.settings, options.config_file));
  if (!resolved) return fail(resolved.error());
  auto config = make_config(*resolved);
  if (config && values == nullptr) {
    if (auto safe = check_places(options, *config, *resolved); !safe) return fail(safe.error());
  } else if (config) {
    if (const auto limits = ControlFiles(*config).file_limits(); limits && *limits) resolved->apply_scale_limits(**limits);
    *values = std::move(*resolved);
  }
  return config;
}

Result<void> check_places(const CommonOptions& options, const Config& config, const Values& values) {
  std::vector<std::string> places = {options.config_file.value_or(path_in(config.paths.haproxy_dir, kConfFile)),
                                     config.paths.registry,
                                     config.paths.haproxy_cfg,
                                     system::directory_of(config.paths.lock),
                                     system::directory_of(config.paths.events_log),
                                     config.gears.lxc_path};
  if (config.haproxy.binary.starts_with('/')) places.push_back(config.haproxy.binary);
  for (const auto& value : values.all()) {
    if (value.origin == Origin::env_file) places.push_back(value.source);
  }
  for (const auto& place : places) {
    if (auto trusted = system::check_trusted(place); !trusted) return trusted;
  }
  return {};
}

ControlFiles::ControlFiles(const Config& config)
    : source_(config.limits), limits_path_(config.paths.scale_limits), marker_path_(config.paths.disable_marker) {
  last_good_ = merge_limits(source_, std::nullopt).value_or(core::Limits{});
}

Result<std::optional<core::Limits>> ControlFiles::file_limits() const {
  const auto text = system::read_file(limits_path_, kLargestLimitsFile);
  if (!text && (text.error().sys_errno == ENOENT || text.error().sys_errno == ENOTDIR)) return std::optional<core::Limits>();
  if (!text) return fail(Errc::config, limits_path_ + ": " + text.error().message);
  const auto limits = codec::parse_scale_limits(*text);
  if (!limits) return fail(Errc::config, limits_path_ + ": " + limits.error().message);
  return std::optional(*limits);
}

Result<core::Limits> ControlFiles::strict_limits() const {
  const auto file = file_limits();
  if (!file) return fail(file.error());
  return merge_limits(source_, *file);
}

std::vector<std::string> ControlFiles::open_to_everybody() const {
  const auto markers = system::directory_of(marker_path_);
  const auto openshift = system::directory_of(markers);
  const std::string scaling = "stop automatic scaling";
  const std::pair<std::string, std::string> places[] = {{limits_path_, "set the limits"},
                                                        {system::directory_of(limits_path_), "set the limits"},
                                                        {markers, scaling},
                                                        {openshift, scaling},
                                                        {system::directory_of(openshift), scaling}};
  std::vector<std::string> sentences;
  for (const auto& [path, what] : places) {
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0 || (info.st_mode & S_IWOTH) == 0) continue;
    sentences.push_back(path + ": everybody may write it and so " + what + ". Run: chmod o-w " + path);
  }
  return sentences;
}

app::TickInput ControlFiles::read(EventSink& events) {
  const auto limits = strict_limits();
  const auto numbers = [this] { return "scale_min=" + std::to_string(last_good_.min) + " scale_max=" + std::to_string(last_good_.max); };
  if (limits) {
    last_good_ = *limits;
    if (!std::exchange(last_text_, {}).empty()) events.text(Severity::info, limits_path_ + ": in order again: " + numbers());
  } else if (limits.error().message != last_text_) {
    last_text_ = limits.error().message;
    events.text(Severity::error, last_text_ + "; the last good limits stay: " + numbers());
  }
  return app::TickInput{app::Look::transitions, last_good_, exists(marker_path_)};
}

bool DriverLock::try_hold() {
  if (lock_) return true;
  auto lock = system::FileLock::acquire(path_, core::Millis{0});
  if (lock) lock_ = std::move(*lock);
  return lock_.has_value();
}

RealParts::RealParts(const Config& configuration, Mirror mirror)
    : config(configuration),
      events({config.paths.events_log, config.paths.events_json, config.debug, mirror == Mirror::to_stdout ? stdout : nullptr}),
      store({config.paths.registry, config.paths.lock, config.gears.lxc_path}, config.application, clock),
      balancer(config.haproxy),
      host(config.gears),
      files(config),
      driver(config.paths.driver_lock) {}

void RealParts::open_response_log() {
  if (!config.policy.use_response) return;
  const auto& haproxy = config.haproxy;
  if (haproxy.log_ring.empty()) {
    response = std::make_unique<haproxy::LogFile>(haproxy.log_file, haproxy.backend);
  } else {
    response = std::make_unique<haproxy::LogRing>(haproxy.stats_socket, haproxy.log_ring, haproxy.backend, haproxy.deadline);
  }
  ports.response = response.get();
}

app::ControlSettings RealParts::settings(const std::string& by) const {
  app::ControlSettings settings;
  settings.application = config.application;
  settings.policy = config.policy;
  settings.timeouts = config.timeouts;
  settings.standby = config.standby;
  settings.parallel_starts = config.parallel_starts;
  settings.pool = config.gears.pool;
  settings.template_name = config.gears.template_name;
  settings.by = by;
  settings.pid = ::getpid();
  return settings;
}

Result<void> require_uuid(const Config& config) {
  if (!config.application.uuid.empty()) return {};
  return missing("uuid",
                 "it tells the application's containers from those of another one of its name; cartridge/bin/setup makes one, and so does "
                 "cat /proc/sys/kernel/random/uuid");
}

Result<void> prepare_to_scale(Config& config, Purpose purpose) {
  if (::geteuid() != 0) return fail(Errc::config, "this needs root: containers and HAProxy's files belong to it; run it with sudo");
  for (const auto* directory : {&config.paths.haproxy_cfg, &config.paths.registry, &config.paths.lock}) {
    const auto parent = directory->substr(0, directory->rfind('/'));
    if (!exists(parent))
      return fail(Errc::config, "directory " + parent + " does not exist: install the cartridge first (cartridge/bin/setup)");
  }
  if (auto named = require_uuid(config); !named) return named;
  if (config.gears.template_name.empty())
    return missing("template", "the stopped container that gears are cloned from (scripts/make-template makes one)");
  if (config.gears.bridge.empty()) return missing("bridge", "the network bridge of the gears");
  if (config.gears.pool.first == 0) return missing("address_pool", "the addresses of the gears, FIRST-LAST/PREFIX");
  if (std::holds_alternative<IdMapAutomatic>(config.idmap)) {
    const auto range = gears::subuid_range();
    if (!range) return fail(range.error());
    config.gears.idmap = *range;
  }
  if (purpose == Purpose::nothing_new) return {};
  ControlFiles files(config);
  const auto limits = files.strict_limits();
  const auto holds = check_pool_size(config, limits ? *limits : core::Limits{});
  if (!holds) return holds;
  gears::PoolQuestion question;
  question.pool = config.gears.pool;
  question.gateway = config.gears.gateway;
  question.bridge = config.gears.bridge;
  return gears::check_pool(question);
}

app::LoopHooks make_hooks(RealParts& parts, system::SignalFd& signals, system::FileWatch* watch) {
  app::LoopHooks hooks;
  hooks.may_drive = [&parts] { return parts.driver.try_hold(); };
  hooks.stop_driving = [&parts] { parts.driver.release(); };
  hooks.daemon_runs = [&parts] {
    const auto status = system::PidFile::status(parts.config.paths.pid_file);
    return status && status->state == system::PidStatus::State::running;
  };
  hooks.read_inputs = [&parts] { return parts.files.read(parts.events); };
  hooks.next_signal = [&signals] { return signals.read(); };
  hooks.registry_touched = [watch] {
    if (watch != nullptr) watch->drain();
  };
  hooks.signal_fd = signals.fd();
  hooks.registry_fd = watch != nullptr ? watch->fd() : -1;
  return hooks;
}

}  // namespace gearscale::cli
