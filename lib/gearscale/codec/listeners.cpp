// SPDX-License-Identifier: Apache-2.0
// "   0: 0100007F:1F90 00000000:0000 0A ...": number, local address, remote address, state, each in hexadecimal.
#include "gearscale/codec/listeners.hpp"

#include <bit>
#include <charconv>
#include <optional>
#include <vector>

#include "gearscale/base/text.hpp"

namespace gearscale::codec {

namespace {

constexpr std::string_view kListen = "0A";
constexpr std::size_t kWord = 8;   // digits of 32 bits
constexpr std::size_t kV6 = 32;    // digits of an IPv6 address
constexpr std::size_t kLocal = 1;  // fields of a line
constexpr std::size_t kState = 3;

std::optional<std::uint32_t> parse_hex(std::string_view text) {
  std::uint32_t value = 0;
  const auto* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, value, 16);
  return parsed.ec == std::errc() && parsed.ptr == end ? std::optional(value) : std::nullopt;
}

// Addresses are printed as the machine reads the four bytes of the network.
std::uint32_t as_printed(std::uint32_t address) {
  return std::endian::native == std::endian::little ? __builtin_bswap32(address) : address;
}

bool takes(std::string_view local, std::uint32_t address, int port) {
  const auto colon = local.find(':');
  if (colon == local.npos || (colon != kWord && colon != kV6)) return false;
  // :: is all zeros, an IPv4 address within IPv6 begins with ten bytes of them.
  if (colon == kV6 && local.substr(0, 2 * kWord).find_first_not_of('0') != local.npos) return false;
  const auto word = parse_hex(local.substr(colon - kWord, kWord));
  const auto number = parse_hex(local.substr(colon + 1));
  return word && number && (*word == 0 || *word == as_printed(address)) && *number == static_cast<std::uint32_t>(port);
}

}  // namespace

bool has_listener(std::string_view table, std::uint32_t address, int port) {
  for (const auto line : split(table, '\n')) {
    std::vector<std::string_view> fields;
    for (const auto field : split(line, ' ')) {
      if (!field.empty()) fields.push_back(field);
      if (fields.size() > kState) break;
    }
    if (fields.size() > kState && fields[kState] == kListen && takes(fields[kLocal], address, port)) return true;
  }
  return false;
}

}  // namespace gearscale::codec
