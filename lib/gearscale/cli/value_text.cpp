// SPDX-License-Identifier: Apache-2.0
// Reading of settings' values. Pure.
#include "gearscale/cli/value_text.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "gearscale/base/text.hpp"
#include "gearscale/core/names.hpp"

namespace gearscale::cli {

namespace {

constexpr std::size_t kMaxPath = 4095;                     // PATH_MAX without the final NUL
constexpr std::size_t kMaxSocketPath = 107;                // sun_path without the final NUL
constexpr std::size_t kMaxInterface = 15;                  // IFNAMSIZ without the final NUL
constexpr std::size_t kMaxLine = 1024;                     // of texts that become part of a line
constexpr double kMaxMillis = 366.0 * 24 * 3600 * 1000;    // a year
constexpr std::int64_t kMaxBytes = std::int64_t{1} << 50;  // a pebibyte

bool is_alnum(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

bool all_of(std::string_view text, std::string_view besides) {
  return std::ranges::all_of(text, [&](char c) { return is_alnum(c) || besides.find(c) != std::string_view::npos; });
}

}  // namespace

std::optional<core::Millis> parse_duration(std::string_view text) {
  struct Unit {
    std::string_view name;
    double millis;
  };
  constexpr std::array<Unit, 4> kUnits{{{"ms", 1}, {"s", 1'000}, {"m", 60'000}, {"h", 3'600'000}}};
  double scale = 1'000;
  for (const auto& unit : kUnits) {
    if (!text.ends_with(unit.name)) continue;
    text.remove_suffix(unit.name.size());
    scale = unit.millis;
    break;
  }
  const auto number = parse_decimal(text);
  if (!number || *number < 0 || *number * scale > kMaxMillis) return std::nullopt;
  return core::Millis(std::llround(*number * scale));
}

std::optional<std::int64_t> parse_bytes(std::string_view text) {
  if (text.empty()) return std::nullopt;
  int shift = 0;
  const char last = text.back();
  if (last == 'K' || last == 'k') shift = 10;
  if (last == 'M' || last == 'm') shift = 20;
  if (last == 'G' || last == 'g') shift = 30;
  if (shift > 0) text.remove_suffix(1);
  const auto number = parse_integer(text);
  if (!number || *number < 0 || *number > (kMaxBytes >> shift)) return std::nullopt;
  return *number << shift;
}

std::optional<bool> parse_flag(std::string_view text) {
  if (text == "true" || text == "yes" || text == "on" || text == "1") return true;
  if (text == "false" || text == "no" || text == "off" || text == "0") return false;
  return std::nullopt;
}

std::optional<core::AddressPool> parse_pool(std::string_view text) {
  const auto dash = text.find('-');
  const auto slash = text.find('/');
  if (dash == std::string_view::npos || slash == std::string_view::npos || slash < dash) return std::nullopt;
  const auto first = parse_ipv4(text.substr(0, dash));
  const auto last = parse_ipv4(text.substr(dash + 1, slash - dash - 1));
  const auto prefix = parse_integer(text.substr(slash + 1));
  if (!first || !last || !prefix || *prefix < 1 || *prefix > 30 || *first > *last) return std::nullopt;
  const std::uint32_t host_bits = 0xffffffffU >> *prefix;
  const std::uint32_t network = *first & ~host_bits;
  if ((*last & ~host_bits) != network || *first == network || *last == (network | host_bits)) return std::nullopt;
  return core::AddressPool{.first = *first, .last = *last, .prefix = static_cast<int>(*prefix)};
}

std::optional<IdMapChoice> parse_idmap(std::string_view text) {
  if (text == "auto") return std::optional<IdMapChoice>(std::in_place, IdMapAutomatic{});
  if (text == "none") return std::optional<IdMapChoice>(std::in_place, IdMapNone{});
  const auto pieces = split(text, ':');
  if (pieces.size() != 2) return std::nullopt;
  const auto base = parse_integer(pieces[0]);
  const auto count = parse_integer(pieces[1]);
  constexpr std::int64_t kIds = 0xffffffffLL;
  if (!base || !count || *base < 1 || *count < 1 || *base > kIds || *count > kIds - *base) return std::nullopt;
  return IdMapChoice(gears::IdMap{.base = static_cast<std::uint32_t>(*base), .count = static_cast<std::uint32_t>(*count)});
}

std::optional<Signals> parse_policy(std::string_view text) {
  Signals signals;
  if (!all_of(text, "-, ")) return std::nullopt;
  for (const auto word : split(text, ',')) {
    const auto name = trim(word);
    bool* used = name == "sessions" ? &signals.sessions : name == "response-time" ? &signals.response_time : nullptr;
    if (used == nullptr || *used) return std::nullopt;
    *used = true;
  }
  return signals;
}

std::optional<ResponseLogPlace> parse_response_log(std::string_view text) {
  const auto place = text.substr(std::min(text.size(), std::size_t{5}));
  if (text.starts_with("ring:") && is_backend_name(place)) return ResponseLogPlace{.ring = std::string(place)};
  if (text.starts_with("file:") && is_file_path(place)) return ResponseLogPlace{.file = std::string(place)};
  return std::nullopt;
}

std::optional<std::uint32_t> parse_gateway(std::string_view text) {
  if (text == "none") return 0U;
  const auto address = parse_ipv4(text);
  if (!address || *address == 0) return std::nullopt;
  return address;
}

bool is_plain_name(std::string_view text) { return text.empty() || is_safe_name(text, core::kMaxContainerName); }
bool is_namespace(std::string_view text) { return is_plain_name(text) && text.find('-') == std::string_view::npos; }
bool is_backend_name(std::string_view text) { return is_safe_name(text, core::kMaxContainerName); }
bool is_interface_name(std::string_view text) { return text.empty() || is_safe_name(text, kMaxInterface); }

bool is_file_path(std::string_view text) {
  // No ':' and no ',': they separate lower directories and mount options of an overlay.
  return text.starts_with('/') && text.size() <= kMaxPath && all_of(text, "/._-+@~");
}
bool is_socket_path(std::string_view text) { return is_file_path(text) && text.size() <= kMaxSocketPath; }
bool is_program(std::string_view text) { return is_safe_name(text, core::kMaxContainerName) || is_file_path(text); }

bool is_server_check(std::string_view text) {
  if (text.empty()) return true;
  if (text.size() > kMaxLine || text.front() == ' ' || text.back() == ' ') return false;
  return all_of(text, " ._-/:=") && text.find("  ") == std::string_view::npos;
}

bool is_probe_path(std::string_view text) {
  return text.starts_with('/') && text.size() <= kMaxLine && all_of(text, "/._-~%?&=+,:;@!$()*");
}
bool is_pool(std::string_view text) { return text.empty() || parse_pool(text).has_value(); }

}  // namespace gearscale::cli
