// SPDX-License-Identifier: Apache-2.0
// Event lines for people, in the cartridge's words. Pure.
#include "gearscale/codec/events.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "gearscale/base/text.hpp"

namespace gearscale::codec {

namespace {

std::string_view level_name(Severity severity) {
  switch (severity) {
    case Severity::debug: return "DEBUG";
    case Severity::info: return "INFO";
    case Severity::warn: return "WARN";
    case Severity::error: return "ERROR";
  }
  return "ANY";
}

// One event is one line, and no text from outside can forge a second one or move a terminal's cursor.
std::string one_line(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte != 0x7f) {
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else {
      std::array<char, 8> escaped{};
      std::snprintf(escaped.data(), escaped.size(), "\\x%02x", byte);
      out += escaped.data();
    }
  }
  return out;
}

std::string percent(double value) { return format_decimal(value) + "%"; }

// "capacity: 90.0% gear_count: 1 sessions: 9", the middle of every line.
std::string load_text(const core::Numbers& numbers) {
  const double capacity = std::isinf(numbers.capacity_pct) ? 100.0 * numbers.sessions : numbers.capacity_pct;
  return "capacity: " + percent(capacity) + " gear_count: " + std::to_string(numbers.serving) +
         " sessions: " + std::to_string(std::llround(numbers.sessions));
}

// " response_p90: 1534ms" where response time is looked at and there is something to see; the cartridge has no such word.
std::string response_text(const core::Numbers& numbers, const core::Policy& policy) {
  if (numbers.response.state == core::ResponseView::State::off) return "";
  const std::string_view percentile = policy.response.percentile == core::Percentile::p50   ? "p50"
                                      : policy.response.percentile == core::Percentile::p90 ? "p90"
                                                                                            : "p99";
  const auto value = numbers.response.state == core::ResponseView::State::live
                         ? std::to_string(value_ms(numbers.response, policy.response.percentile)) + "ms"
                         : std::string(core::to_string(numbers.response.state));
  return " response_" + std::string(percentile) + ": " + value;
}

}  // namespace

std::string log_line(Severity severity, std::string_view message, const LogStamp& stamp) {
  const auto level = level_name(severity);
  std::array<char, 160> prefix{};  // room for eight numbers of any size
  std::snprintf(prefix.data(), prefix.size(), "%c, [%04d-%02d-%02dT%02d:%02d:%02d.%06d #%d] %5s -- : ", level.front(), stamp.year,
                stamp.month, stamp.day, stamp.hour, stamp.minute, stamp.second, stamp.micros, stamp.pid, std::string(level).c_str());
  return prefix.data() + one_line(message) + "\n";
}

std::string gear_info(const core::Numbers& numbers, const core::Policy& policy) {
  const auto left = std::chrono::ceil<std::chrono::seconds>(std::max(numbers.left_til_remove, core::Millis{0}));
  return "GEAR_INFO - " + load_text(numbers) + " up/remove_thresh: " + percent(policy.up_pct) + "/" + percent(policy.remove_pct) +
         " sec_left_til_remove: " + std::to_string(left.count()) + " gear_remove_thresh: " + std::to_string(numbers.low_checks) + "/" +
         std::to_string(policy.remove_checks) + response_text(numbers, policy);
}

std::string gear_up(const core::Numbers& numbers, const core::Policy& policy) {
  return "GEAR_UP - " + load_text(numbers) + " up_thresh: " + percent(policy.up_pct) + response_text(numbers, policy);
}

std::string gear_down(const core::Numbers& numbers, const core::Policy& policy) {
  return "GEAR_DOWN - " + load_text(numbers) + " remove_thresh: " + percent(policy.remove_pct) + response_text(numbers, policy);
}

std::string tool_exit(std::string_view event, std::string_view tool, int pid, int exit_code, std::string_view output) {
  return std::string(event) + " - " + std::string(tool) + ": exit: pid " + std::to_string(pid) + " exit " + std::to_string(exit_code) +
         "  stdout: " + std::string(output);
}

}  // namespace gearscale::codec
