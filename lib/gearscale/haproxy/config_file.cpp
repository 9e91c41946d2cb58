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
  why = printable(why, 400);
  replace_all(why, "\\x27", "'");  // its quotes do no harm here
  return fail(Errc::config, "HAProxy refuses " + (temp == file ? file : "what " + file + " would become, so it is unchanged") + ": " + why);
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
  return haproxy_accepts(options_.binary, options_.config_file, options_.config_file);
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
