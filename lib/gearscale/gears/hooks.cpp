// SPDX-License-Identifier: Apache-2.0
// setpriv(1) of util-linux asks the kernel to end the hook together with the job; it becomes the hook, no process stays between.
#include "gearscale/gears/hooks.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "gearscale/base/text.hpp"
#include "gearscale/system/errors.hpp"
#include "gearscale/system/subprocess.hpp"
#include "gearscale/system/trust.hpp"

namespace gearscale::gears {

namespace {

constexpr std::size_t kMaxLine = 500;
constexpr std::size_t kMaxLines = 200;

std::string path_of(const Options& options, const char* hook) { return options.hooks_dir + "/" + hook; }

// Who may write a program that root runs?
Result<void> check_file(const std::string& path, const struct stat& info) {
  const auto refuse = [&](const std::string& why) { return fail(Errc::config, "hook " + path + " " + why); };
  if (!S_ISREG(info.st_mode)) return refuse("is not a regular file");
  if ((info.st_mode & S_IXUSR) == 0) return refuse("is not executable. Run: chmod +x " + path);
  if (info.st_uid != 0 && info.st_uid != ::geteuid()) {
    return refuse("belongs to user " + std::to_string(info.st_uid) + ": it must be owned by root. Run: chown root " + path);
  }
  if ((info.st_mode & (S_IWGRP | S_IWOTH)) != 0) return refuse("may be written by others than its owner. Run: chmod go-w " + path);
  return {};
}

std::vector<std::string> environment_of(const Options& options, const GearSpec& gear, const char* state) {
  const auto& application = options.application;
  return {"GEAR_NAME=" + core::gear_name(application, gear.id),
          "GEAR_ID=" + gear.id,
          "GEAR_CONTAINER=" + core::container_name(application, gear.id),
          "GEAR_SERVER=" + core::server_name(application, gear.id),
          "GEAR_ADDRESS=" + format_ipv4(gear.address),
          "GEAR_PORT=" + std::to_string(options.gear_port),
          "GEAR_STATE=" + std::string(state),
          "GEAR_APP=" + application.app,
          "GEAR_NAMESPACE=" + application.ns,
          "GEAR_TEMPLATE=" + options.template_name};
}

// Adds its lines to the log; the last one.
std::string log_output(const char* hook, std::string_view output, std::vector<std::string>& log) {
  std::string last;
  std::size_t count = 0;
  for (const auto raw : split(output, '\n')) {
    if (trim(raw).empty()) continue;
    last = one_line(trim(raw), kMaxLine);
    if (++count <= kMaxLines) log.push_back(std::string(hook) + ": " + last);
  }
  if (count > kMaxLines) log.push_back(std::string(hook) + ": (" + std::to_string(count - kMaxLines) + " more lines)");
  return last;
}

std::string end_of(const system::ProcessResult& result, core::Millis patience) {
  if (result.timed_out) return "was killed because it took longer than " + std::to_string(patience.count()) + " ms";
  if (result.signal != 0) return "was ended by signal " + std::to_string(result.signal);
  return "failed with exit code " + std::to_string(result.exit_code);
}

}  // namespace

bool has_hook(const Options& options, const char* hook) {
  return !options.hooks_dir.empty() && ::access(path_of(options, hook).c_str(), F_OK) == 0;
}

Result<void> run_hook(const Options& options, const GearSpec& gear, HookCall call, core::Millis patience, std::vector<std::string>& log) {
  if (options.hooks_dir.empty()) return {};
  const auto path = path_of(options, call.hook);
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0) {  // a link could lead to any program of root
    if (errno == ENOENT || errno == ENOTDIR) return {};
    return system::fail_errno(Errc::config, "cannot look at hook " + path, errno);
  }
  if (auto good = check_file(path, info); !good) return good;
  if (auto trusted = system::check_trusted(path); !trusted) return fail(Errc::config, "hook " + path + ": " + trusted.error().message);
  const auto bound = std::min(options.hook_timeout, patience);
  const auto result = system::run_process({"setpriv", "--pdeathsig", "KILL", "--", path}, bound, environment_of(options, gear, call.state));
  if (!result) return fail(result.error());
  const auto last = log_output(call.hook, result->output, log);
  if (!result->timed_out && result->exit_code == 0) return {};
  return fail(Errc::failed, std::string(call.hook) + " of gear " + gear.id + " " + end_of(*result, bound) +
                                (last.empty() ? "" : "; it said last: " + last));
}

}  // namespace gearscale::gears
