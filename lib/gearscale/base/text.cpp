// SPDX-License-Identifier: Apache-2.0
// Implementation of the text helpers. Pure.
#include "gearscale/base/text.hpp"

#include <charconv>
#include <cmath>
#include <cstdio>

namespace gearscale {

namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_alnum(char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

}  // namespace

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> pieces;
  for (;;) {
    const auto at = text.find(separator);
    pieces.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return pieces;
    text.remove_prefix(at + 1);
  }
}

std::optional<std::int64_t> parse_integer(std::string_view text) {
  std::int64_t value = 0;
  const auto* end = text.data() + text.size();
  const auto [stop, failure] = std::from_chars(text.data(), end, value);
  if (text.empty() || failure != std::errc() || stop != end) return std::nullopt;
  return value;
}

std::optional<double> parse_decimal(std::string_view text) {
  double value = 0;
  const auto* end = text.data() + text.size();
  const auto [stop, failure] = std::from_chars(text.data(), end, value, std::chars_format::fixed);
  if (text.empty() || failure != std::errc() || stop != end || !std::isfinite(value)) return std::nullopt;
  return value;
}

std::string format_decimal(double value) {
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, "%.2f", value);
  std::string text = buffer;
  if (text.back() == '0') text.pop_back();
  return text;
}

bool is_safe_name(std::string_view text, std::size_t max_length) {
  if (text.empty() || text.size() > max_length || !is_alnum(text.front())) return false;
  for (const char c : text) {
    if (!is_alnum(c) && c != '-' && c != '_' && c != '.') return false;
  }
  return true;
}

namespace {

std::string visible(std::string_view text, std::size_t max_length, std::string_view also_escaped) {
  std::string out;
  for (const char c : text) {
    if (out.size() >= max_length) return out + "...";
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\n') {
      out += "\\n";
    } else if (byte < 0x20 || byte >= 0x7f || also_escaped.find(c) != std::string_view::npos) {
      char escaped[8];
      std::snprintf(escaped, sizeof escaped, "\\x%02x", byte);
      out += escaped;
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace

std::string printable(std::string_view text, std::size_t max_length) { return visible(text, max_length, "\\'\""); }
std::string one_line(std::string_view text, std::size_t max_length) { return visible(text, max_length, ""); }

std::optional<std::uint32_t> parse_ipv4(std::string_view text) {
  // Called for every row of `show stat`: no allocation.
  std::uint32_t address = 0;
  for (int piece = 0; piece < 4; ++piece) {
    std::size_t digits = 0;
    std::uint32_t number = 0;
    for (; digits < text.size() && digits < 4 && is_digit(text[digits]); ++digits) {
      number = number * 10 + static_cast<std::uint32_t>(text[digits] - '0');
    }
    if (digits == 0 || number > 255 || (digits > 1 && text.front() == '0')) return std::nullopt;
    text.remove_prefix(digits);
    if (piece < 3 && !text.starts_with('.')) return std::nullopt;
    if (piece < 3) text.remove_prefix(1);
    address = address << 8 | number;
  }
  return text.empty() ? std::optional(address) : std::nullopt;
}

std::string format_ipv4(std::uint32_t address) {
  char buffer[16];
  std::snprintf(buffer, sizeof buffer, "%u.%u.%u.%u", address >> 24, address >> 16 & 255, address >> 8 & 255, address & 255);
  return buffer;
}

}  // namespace gearscale
