// SPDX-License-Identifier: Apache-2.0
// Reading, judging and replacing haproxy.cfg.
#include "gearscale/haproxy/config_file.hpp"

#include "gearscale/base/text.hpp"
#include "gearscale/system/files.hpp"
#include "gearscale/system/subprocess.hpp"

namespace gearscale::haproxy {

namespace {

constexpr std::size_t kLargestFile = 64 * 1024 * 1024;
constexpr core::Millis kCheckDeadline{10'000};

Result<void> haproxy_accepts(const std::string& binary, const std::string& file, const std::string& shown_as) {
  const auto checked = system::run_process({binary, "-c", "-q", "-f", file}, kCheckDeadline);
  if (!checked) return fail(checked.error());
  if (checked->timed_out) return fail(Errc::failed, binary + " -c did not end within 10 s; " + shown_as + " is unchanged");
  if (checked->exit_code == 0 && checked->signal == 0) return {};
  return fail(Errc::config, "HAProxy refuses what " + shown_as + " would become, so it is unchanged: " + printable(trim(checked->output), 400));
}

}  // namespace

Result<std::string> ConfigFile::read() const {
  auto text = system::read_file(options_.config_file, kLargestFile);
  if (!text) return fail(Errc::config, "haproxy.cfg cannot be read: " + text.error().message, text.error().sys_errno);
  return text;
}

Result<void> ConfigFile::check() const {
  const auto text = read();
  if (!text) return fail(text.error());
  const auto block = codec::find_block(*text, options_.backend);
  if (!block) return fail(block.error().code, options_.config_file + ": " + block.error().message);
  return {};
}

Result<void> ConfigFile::write_block(const std::vector<codec::ServerCommand>& servers) {
  const auto before = read();
  if (!before) return fail(before.error());
  const auto after = codec::replace_block(*before, options_.backend, servers);
  if (!after) return fail(after.error().code, options_.config_file + ": " + after.error().message);
  if (*after == *before) return {};
  system::ReplaceOptions replace;
  replace.validate = [this](const std::string& temp) { return haproxy_accepts(options_.binary, temp, options_.config_file); };
  return system::replace_file(options_.config_file, *after, replace);
}

}  // namespace gearscale::haproxy
