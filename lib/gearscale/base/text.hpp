// SPDX-License-Identifier: Apache-2.0
// Small helpers for untrusted text: trimming, splitting, strict numbers, whitelists. Pure; no locale.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gearscale {

// Without leading and trailing blanks, tabs and line ends.
std::string_view trim(std::string_view text);

// The pieces between separators; an empty text gives one empty piece.
std::vector<std::string_view> split(std::string_view text, char separator);

// The whole text as a decimal number, or nothing: no sign but a leading '-', no blanks, no trailing characters, in range.
std::optional<std::int64_t> parse_integer(std::string_view text);
std::optional<double> parse_decimal(std::string_view text);  // finite; "90", "49.9"; no exponent, no hex

// At least one decimal and at most two: 90.0, 93.75, 23.33 (the cartridge's log lines).
std::string format_decimal(double value);

// Letters, digits, '-', '_' and '.', starting with a letter or digit, 1 to max_length characters: safe in a path, a socket command and a config line.
bool is_safe_name(std::string_view text, std::size_t max_length);

// Control characters, quotes and backslashes made visible (\n, \x1b), cut at `max_length` with "...": for messages about untrusted text.
std::string printable(std::string_view text, std::size_t max_length = 80);

// The same for a sentence that stands by itself, between no quotes: quotes stay readable.
std::string one_line(std::string_view text, std::size_t max_length);

// 10.0.0.1 <-> 0x0a000001 (host byte order). Strict: four decimal numbers without leading zeros, 0 to 255.
std::optional<std::uint32_t> parse_ipv4(std::string_view text);
std::string format_ipv4(std::uint32_t address);

}  // namespace gearscale
