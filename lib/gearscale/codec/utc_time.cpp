// SPDX-License-Identifier: Apache-2.0
// Stamps in UTC (RFC 3339) to and from numbers; the calendar comes from <chrono>, no clock and no time zone is asked. Pure.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>

#include "gearscale/base/text.hpp"
#include "gearscale/codec/events.hpp"

namespace gearscale::codec {

namespace {

using std::chrono::sys_days;
using std::chrono::year_month_day;

constexpr std::int64_t kDayMicros = 86'400'000'000;

// Four-digit years are all that RFC 3339 has; what is outside is shown as the nearest time inside.
constexpr std::int64_t kFirstDay = sys_days(std::chrono::year{0} / 1 / 1).time_since_epoch().count();
constexpr std::int64_t kLastDay = sys_days(std::chrono::year{9999} / 12 / 31).time_since_epoch().count();

// "2026-11-22T06:12:24."
std::string format_seconds(std::int64_t micros) {
  const auto days = std::chrono::floor<std::chrono::days>(std::chrono::microseconds{micros});
  const year_month_day date{sys_days{days}};
  const auto seconds = (micros - days.count() * kDayMicros) / 1'000'000;
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), static_cast<int>(seconds / 3600),
                static_cast<int>(seconds / 60 % 60), static_cast<int>(seconds % 60));
  return text.data();
}

std::string digits(std::int64_t value, std::size_t width) {
  auto text = std::to_string(value);
  return std::string(width - std::min(width, text.size()), '0') + text;
}

std::int64_t remainder_of(std::int64_t value, std::int64_t unit) { return (value % unit + unit) % unit; }

}  // namespace

std::string format_utc_micros(std::int64_t system_micros) {
  const auto micros = std::clamp(system_micros, kFirstDay * kDayMicros, (kLastDay + 1) * kDayMicros - 1);
  return format_seconds(micros) + digits(remainder_of(micros, 1'000'000), 6) + "Z";
}

std::string format_utc_millis(std::int64_t system_millis) {
  const auto millis = std::clamp(system_millis, kFirstDay * (kDayMicros / 1000), (kLastDay + 1) * (kDayMicros / 1000) - 1);
  return format_seconds(millis * 1000) + digits(remainder_of(millis, 1000), 3) + "Z";
}

std::optional<std::int64_t> parse_utc_millis(std::string_view text) {
  constexpr std::string_view kShape = "0000-00-00T00:00:00.000Z";
  if (text.size() != kShape.size()) return std::nullopt;
  for (std::size_t at = 0; at < kShape.size(); ++at) {
    const bool digit = text[at] >= '0' && text[at] <= '9';
    if (kShape[at] == '0' ? !digit : text[at] != kShape[at]) return std::nullopt;
  }
  const auto part = [text](std::size_t at, std::size_t count) { return static_cast<int>(*parse_integer(text.substr(at, count))); };
  const year_month_day date{std::chrono::year{part(0, 4)}, std::chrono::month{static_cast<unsigned>(part(5, 2))},
                            std::chrono::day{static_cast<unsigned>(part(8, 2))}};
  if (!date.ok() || part(11, 2) > 23 || part(14, 2) > 59 || part(17, 2) > 59) return std::nullopt;
  const std::int64_t days = sys_days(date).time_since_epoch().count();
  const std::int64_t seconds = days * 86'400 + part(11, 2) * 3600 + part(14, 2) * 60 + part(17, 2);
  return seconds * 1000 + part(20, 3);
}

}  // namespace gearscale::codec
