// SPDX-License-Identifier: Apache-2.0
// Thin over lxc/lxccontainer.h.
#include "gearscale/gears/container.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gearscale/base/text.hpp"
#include "gearscale/gears/monitor_socket.hpp"
#include "gearscale/gears/trusted_place.hpp"
#include "gearscale/system/files.hpp"
#include "gearscale/system/subprocess.hpp"

namespace gearscale::gears {

namespace {

constexpr std::size_t kMaxLog = 16 * 1024 * 1024;
constexpr std::size_t kMaxReason = 300;

}  // namespace

Result<Container> Container::open(const std::string& name, const std::string& lxc_path) {
  if (auto trusted = check_place(lxc_path + "/" + name); !trusted) return fail(trusted.error());
  if (auto monitor = has_monitor(lxc_path, name); !monitor) return fail(monitor.error());
  auto* handle = ::lxc_container_new(name.c_str(), lxc_path.c_str());
  if (handle == nullptr) return fail(Errc::failed, "liblxc cannot open container " + name + ": check " + lxc_path + "/" + name + "/config");
  return Container(handle);
}

std::string Container::state_name() const {
  const char* name = handle_->state(handle_.get());
  return name == nullptr ? "STOPPED" : name;
}

core::ContainerState Container::state() const { return state_of(state_name()); }

core::ContainerState state_of(const std::string& lxc_state) {
  if (lxc_state == "STOPPED") return core::ContainerState::stopped;
  if (lxc_state == "FROZEN") return core::ContainerState::frozen;
  return core::ContainerState::running;
}

std::string Container::item(const std::string& key) const {
  const int length = handle_->get_config_item(handle_.get(), key.c_str(), nullptr, 0);
  if (length <= 0) return "";
  std::string value(static_cast<std::size_t>(length) + 1, '\0');
  const int written = handle_->get_config_item(handle_.get(), key.c_str(), value.data(), length + 1);
  if (written <= 0) return "";
  value.resize(value.find('\0'));
  return std::string(trim(value));
}

Result<void> Container::clear(const std::string& key) {
  if (handle_->clear_config_item(handle_.get(), key.c_str())) return {};
  return fail(Errc::failed, "liblxc does not clear " + key + " in the config of a clone");
}

Result<void> Container::set(const std::string& key, const std::string& value) {
  if (handle_->set_config_item(handle_.get(), key.c_str(), value.c_str())) return {};
  return fail(Errc::failed, "liblxc does not accept " + key + " = " + value);
}

int Container::attach(const std::vector<std::string>& argv, int output) {
  std::vector<char*> arguments;
  for (const auto& argument : argv) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  lxc_attach_command_t command{arguments[0], arguments.data()};
  const Fd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  std::string path = "PATH=" + std::string(system::kProgramPath);
  std::string locale = "LC_ALL=C";
  char* environment[] = {path.data(), locale.data(), nullptr};
  lxc_attach_options_t options = LXC_ATTACH_OPTIONS_DEFAULT;
  options.env_policy = LXC_ATTACH_CLEAR_ENV;
  options.extra_env_vars = environment;
  options.initial_cwd = const_cast<char*>("/");
  options.stdin_fd = null.get();
  options.stdout_fd = output;
  options.stderr_fd = null.get();
  pid_t pid = 0;
  if (!null.is_open() || handle_->attach(handle_.get(), ::lxc_attach_run_command, &command, &options, &pid) != 0) return 0;
  return pid;
}

bool Container::clone_to(const Place& place, Method method) {
  // The MAC is in the config already: liblxc need not invent one.
  const bool overlay = method == Method::overlay;
  const int flags = LXC_CLONE_KEEPMACADDR | (overlay ? LXC_CLONE_SNAPSHOT : 0);
  auto* made =
      handle_->clone(handle_.get(), place.name.c_str(), place.lxc_path.c_str(), flags, overlay ? "overlay" : nullptr, nullptr, 0, nullptr);
  if (made == nullptr) return false;
  ::lxc_container_put(made);
  return true;
}

LxcLog::LxcLog(const Place& place) : path_(place.log()) {
  // Made here: liblxc would follow a link, and wait for the reader of a FIFO.
  const auto file = system::open_regular(path_, {.flags = O_WRONLY | O_CREAT | O_NOFOLLOW, .mode = 0640});
  if (!file) return;
  start_ = ::lseek(file->get(), 0, SEEK_END);
  lxc_log log{};
  log.name = place.name.c_str();
  log.lxcpath = place.lxc_path.c_str();
  log.file = path_.c_str();
  log.level = "ERROR";
  log.prefix = "gearscale";
  log.quiet = true;
  ::lxc_log_init(&log);  // without a log there is only no reason
}

std::string LxcLog::reason() const {
  const auto file = system::open_regular(path_, {.flags = O_RDONLY | O_NOFOLLOW});
  if (!file || ::lseek(file->get(), start_, SEEK_SET) != start_) return "";
  const auto text = system::read_all(*file, kMaxLog, path_);
  if (!text) return "";
  for (const auto line : split(*text, '\n')) {
    if (const auto message = lxc_log_message(line)) return " (liblxc: " + one_line(*message, kMaxReason) + ")";
  }
  return "";
}

std::optional<std::string> lxc_log_message(std::string_view line) {
  // "prefix name 20261122081815.643 ERROR    conf - ../src/lxc/conf.c:lxc_map_ids:3708 - message"
  const auto level = line.find(" ERROR ");
  if (level == std::string_view::npos) return std::nullopt;
  const auto category = line.find(" - ", level);
  if (category == std::string_view::npos) return std::nullopt;
  const auto place = line.find(" - ", category + 3);
  if (place == std::string_view::npos) return std::nullopt;
  return std::string(trim(line.substr(place + 3)));
}

}  // namespace gearscale::gears
