// SPDX-License-Identifier: Apache-2.0
// Reading of haproxy_ctld.conf's text. Pure.
#include "gearscale/cli/conf_file.hpp"

#include <algorithm>

#include "gearscale/base/text.hpp"
#include "gearscale/cli/settings.hpp"

namespace gearscale::cli {

namespace {

std::string_view without_comment(std::string_view line) {
  for (std::size_t at = 0; at < line.size(); ++at) {
    if (line[at] == '#' && (at == 0 || line[at - 1] == ' ' || line[at - 1] == '\t')) return line.substr(0, at);
  }
  return line;
}

bool has_control(std::string_view text) {
  return std::ranges::any_of(text, [](char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f; });
}

}  // namespace

Result<std::vector<ConfLine>> parse_conf(std::string_view text, std::string_view name) {
  const std::string file(name);
  if (text.size() > kMaxConfFile) return fail(Errc::config, file + ": longer than 64 KiB; this is not a configuration of gearscale");
  std::vector<ConfLine> lines;
  int number = 0;
  for (auto raw : split(text, '\n')) {
    ++number;
    const auto refuse = [&](const std::string& why) { return fail(Errc::config, file + " line " + std::to_string(number) + ": " + why); };
    if (raw.ends_with('\r')) raw.remove_suffix(1);
    const auto line = trim(without_comment(raw));
    if (line.empty()) continue;
    if (has_control(line)) return refuse("control characters are not allowed: '" + printable(line) + "'");
    const auto equals = line.find('=');
    if (equals == std::string_view::npos) return refuse("expected 'key = value', found '" + printable(line) + "'");
    const auto key = trim(line.substr(0, equals));
    if (find_setting(key) == nullptr) {
      const auto successor = successor_of(key);
      return refuse("unknown setting '" + printable(key) + "'; " +
                    (successor.empty() ? "'haproxy_ctld --help' lists them all" : std::string(successor)));
    }
    const auto same = std::ranges::find(lines, key, &ConfLine::key);
    if (same != lines.end()) return refuse(same->key + " is set in line " + std::to_string(same->line) + " already");
    lines.push_back({.key = std::string(key), .value = std::string(trim(line.substr(equals + 1))), .line = number});
  }
  return lines;
}

}  // namespace gearscale::cli
