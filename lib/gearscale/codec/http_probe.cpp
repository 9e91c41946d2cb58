// SPDX-License-Identifier: Apache-2.0
// The probe's request and reading of the status line. Pure.
#include "gearscale/codec/http_probe.hpp"

#include <algorithm>

namespace gearscale::codec {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Blanks, control characters and bytes beyond ASCII percent-encoded, so that a setting can never add a line to the request.
std::string encoded(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte > 0x20 && byte < 0x7f) {
      out += c;
    } else {
      out += '%';
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    }
  }
  return out;
}

}  // namespace

std::string probe_request(std::string_view path, std::string_view host) {
  const std::string_view slash = path.starts_with('/') ? "" : "/";
  return "GET " + std::string(slash) + encoded(path) + " HTTP/1.0\r\nHost: " + encoded(host) +
         "\r\nUser-Agent: gearscale-probe\r\nConnection: close\r\n\r\n";
}

std::optional<int> probe_status(std::string_view reply) {
  // HTTP/1.1 200 OK
  // 0       8
  const auto line = reply.substr(0, reply.find('\n'));
  if (line.size() == reply.size() || line.size() < 12) return std::nullopt;
  if (!line.starts_with("HTTP/1.") || !is_digit(line[7]) || line[8] != ' ') return std::nullopt;
  const auto code = line.substr(9, 3);
  if (!std::all_of(code.begin(), code.end(), is_digit) || code[0] < '1' || code[0] > '5') return std::nullopt;
  if (line.size() > 12 && line[12] != ' ' && line[12] != '\r') return std::nullopt;
  return (code[0] - '0') * 100 + (code[1] - '0') * 10 + (code[2] - '0');
}

}  // namespace gearscale::codec
