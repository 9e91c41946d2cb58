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
constexpr int kAttempts = 3;  // at a file that changes while HAProxy checks what it would become

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) text.replace(at, from.size(), to);
}

// What HAProxy objects to, without the frame around it: "[ALERT]    (4711) : config : parsing [FILE:7] : unknown keyword ...".
std::string alerts(std::string_view output) {
  constexpr std::string_view kEnd = "config : ";
  std::string found;
  for (const auto line : split(output, '\n')) {
    const auto at = line.find(kEnd);
    if (!line.starts_with("[ALERT]") || at == std::string_view::npos) continue;
    const auto words = trim(line.substr(at + kEnd.size()));
    if (words.starts_with("Error(s) found in") || words.starts_with("Fatal errors found in")) continue;
    found += (found.empty() ? "" : "; ") + std::string(words);
  }
  return found.empty() ? std::string(trim(output)) : found;
}

// The judgement of HAProxy itself about `temp`, which is `file` or shall become it. Not with -q: that would keep its reasons from us, too.
Result<void> haproxy_accepts(const std::string& binary, const std::string& temp, const std::string& file) {
  const auto checked = system::run_process({binary, "-c", "-f", temp}, kCheckDeadline);
  if (!checked) return fail(checked.error().code, "haproxy_binary: " + checked.error().message, checked.error().sys_errno);
  if (checked->timed_out) return fail(Errc::failed, binary + " -c did not end within 10 s; " + file + " is unchanged");
  if (checked->exit_code == 0) return {};
  auto why = checked->signal != 0 ? "it was ended by signal " + std::to_string(checked->signal) : alerts(checked->output);
  if (why.empty()) why = "it said nothing (exit code " + std::to_string(checked->exit_code) + ")";
  replace_all(why, temp, file);  // the name of the temp file helps nobody
  why = one_line(why, 400);
  return fail(Errc::config, "HAProxy refuses " + (temp == file ? file : "what " + file + " would become, so it is unchanged") + ": " + why);
}

}  // namespace

codec::ServerCommand server_command(const Options& options, const ServerSpec& server) {
  codec::ServerCommand command;
  command.backend = options.backend;
  command.server = core::server_name(options.application, server.id);
  command.address = format_ipv4(server.address);
  command.port = options.gear_port;
  command.check = options.check;
  command.maxconn = options.gear_maxconn;
  return command;
}

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
  return haproxy_accepts(options_.binary, options_.config_file, options_.config_file);
}

Result<std::string> ConfigFile::with_block(const std::string& text, const std::vector<ServerSpec>& servers) const {
  std::vector<codec::ServerCommand> commands;
  commands.reserve(servers.size());
  for (const auto& server : servers) commands.push_back(server_command(options_, server));
  auto made = codec::replace_block(text, options_.backend, commands);
  if (!made) return fail(made.error().code, options_.config_file + ": " + made.error().message);
  return made;
}

Result<bool> ConfigFile::holds(const std::vector<ServerSpec>& servers) const {
  const auto text = read();
  if (!text) return fail(text.error());
  const auto wanted = with_block(*text, servers);
  if (!wanted) return fail(wanted.error());
  return *wanted == *text;
}

Result<void> ConfigFile::write_block(const std::vector<ServerSpec>& servers) {
  for (int attempt = 1;; ++attempt) {
    const auto before = read();
    if (!before) return fail(before.error());
    const auto after = with_block(*before, servers);
    if (!after) return fail(after.error());
    if (*after == *before) return {};
    bool is_stale = false;
    system::ReplaceOptions replace;
    replace.validate = [&](const std::string& temp) -> Result<void> {
      if (auto accepted = haproxy_accepts(options_.binary, temp, options_.config_file); !accepted) return accepted;
      const auto now = read();
      is_stale = !now || *now != *before;
      if (!is_stale) return {};
      return fail(Errc::failed, options_.config_file + " is not written: somebody else changes it each time while HAProxy checks it");
    };
    auto replaced = system::replace_file(options_.config_file, *after, replace);
    if (!is_stale || attempt == kAttempts) return replaced;
  }
}

}  // namespace gearscale::haproxy
