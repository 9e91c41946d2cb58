// SPDX-License-Identifier: Apache-2.0
// Reading of haproxy_ctld.conf's text. Pure.
#include "gearscale/cli/conf_file.hpp"

#include <algorithm>
#include <optional>
#include <utility>

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

// One line: nothing when there is only a comment or nothing on it. The error says what is wrong with it, not where it is.
Result<std::optional<ConfLine>> parse_line(std::string_view raw, int number) {
  if (raw.ends_with('\r')) raw.remove_suffix(1);
  const auto line = trim(without_comment(raw));
  if (line.empty()) return std::optional<ConfLine>();
  if (has_control(line)) return fail(Errc::config, "control characters are not allowed: '" + printable(line) + "'");
  const auto equals = line.find('=');
  if (equals == std::string_view::npos) return fail(Errc::config, "expected 'key = value', found '" + printable(line) + "'");
  const auto key = trim(line.substr(0, equals));
  if (find_setting(key) == nullptr) {
    const auto successor = successor_of(key);
    return fail(Errc::config, "unknown setting '" + printable(key) + "'; " +
                                  (successor.empty() ? "'haproxy_ctld --help' lists them all" : std::string(successor)));
  }
  return std::optional(ConfLine{.key = std::string(key), .value = std::string(trim(line.substr(equals + 1))), .line = number});
}

}  // namespace

Result<std::vector<ConfLine>> parse_conf(std::string_view text, std::string_view name) {
  const std::string file(name);
  if (text.size() > kMaxConfFile) return fail(Errc::config, file + ": longer than 64 KiB; this is not a configuration of gearscale");
  std::vector<ConfLine> lines;
  int number = 0;
  for (const auto raw : split(text, '\n')) {
    ++number;
    const auto refuse = [&](const std::string& why) { return fail(Errc::config, file + " line " + std::to_string(number) + ": " + why); };
    auto line = parse_line(raw, number);
    if (!line) return refuse(line.error().message);
    if (!*line) continue;
    const auto same = std::ranges::find(lines, (*line)->key, &ConfLine::key);
    if (same != lines.end()) return refuse(same->key + " is set in line " + std::to_string(same->line) + " already");
    lines.push_back(std::move(**line));
  }
  return lines;
}

std::vector<ConfLine> readable_conf(std::string_view text) {
  std::vector<ConfLine> lines;
  int number = 0;
  for (const auto raw : split(text.substr(0, kMaxConfFile), '\n')) {
    auto line = parse_line(raw, ++number);
    if (line && *line && std::ranges::find(lines, (*line)->key, &ConfLine::key) == lines.end()) lines.push_back(std::move(**line));
  }
  return lines;
}

}  // namespace gearscale::cli
