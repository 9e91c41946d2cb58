// SPDX-License-Identifier: Apache-2.0
// The limits file, line by line; the first thing that is not understood refuses the whole. Pure.
#include "gearscale/codec/scale_limits.hpp"

#include <optional>

#include "gearscale/base/text.hpp"

namespace gearscale::codec {

namespace {

constexpr std::size_t kMaxBytes = 64 * 1024;
constexpr int kMost = 100'000;

Unexpected in_line(int number, const std::string& why) {
  return fail(Errc::config,
              "scale_limits.txt, line " + std::to_string(number) + ": " + why + "; expected scale_min=NUMBER or scale_max=NUMBER");
}

std::string quoted(std::string_view text) { return std::string("'").append(printable(text)).append("'"); }

}  // namespace

Result<core::Limits> parse_scale_limits(std::string_view text) {
  if (text.size() > kMaxBytes) {
    return fail(Errc::config, "scale_limits.txt is " + std::to_string(text.size()) + " bytes long; at most 65536 are read");
  }
  std::optional<int> lowest;
  std::optional<int> highest;
  int number = 0;
  for (const auto raw : split(text, '\n')) {
    ++number;
    if (raw.find('\0') != std::string_view::npos) return in_line(number, "a NUL byte");
    const auto line = trim(raw);
    if (line.empty() || line.front() == '#') continue;
    const auto equals = line.find('=');
    if (equals == std::string_view::npos) return in_line(number, quoted(line) + " is not a setting");
    const auto key = line.substr(0, equals);
    if (key != "scale_min" && key != "scale_max") return in_line(number, "unknown key " + quoted(key));
    const auto value = parse_integer(line.substr(equals + 1));
    if (!value || *value < core::Limits::kNoLimit || *value > kMost) {
      return in_line(number, quoted(line.substr(equals + 1)) + " is not a whole number from 1 to 100000 (scale_max also -1)");
    }
    auto& slot = key == "scale_min" ? lowest : highest;
    if (slot) return in_line(number, std::string(key) + " is there twice");
    slot = static_cast<int>(*value);
  }
  const core::Limits defaults;
  const core::Limits limits{.min = lowest.value_or(defaults.min), .max = highest.value_or(defaults.max)};
  if (auto checked = check_limits(limits); !checked) return fail(Errc::config, "scale_limits.txt: " + checked.error().message);
  return limits;
}

std::string format_scale_limits(const core::Limits& limits) {
  return "scale_min=" + std::to_string(limits.min) + "\nscale_max=" + std::to_string(limits.max) + "\n";
}

Result<void> check_limits(const core::Limits& limits) {
  if (limits.min < 1 || limits.min > kMost) {
    return fail(Errc::config, "scale_min is " + std::to_string(limits.min) + "; it must be 1 to 100000");
  }
  if (limits.max == core::Limits::kNoLimit) return {};
  if (limits.max < 1 || limits.max > kMost) {
    return fail(Errc::config, "scale_max is " + std::to_string(limits.max) + "; it must be 1 to 100000, or -1 for no limit");
  }
  if (limits.max < limits.min) {
    return fail(Errc::config, "scale_max (" + std::to_string(limits.max) + ") is below scale_min (" + std::to_string(limits.min) + ")");
  }
  return {};
}

}  // namespace gearscale::codec
