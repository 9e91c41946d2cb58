// SPDX-License-Identifier: Apache-2.0
// The accept date in its brackets is the one thing with a fixed shape in front of the fields, whatever wrote the beginning of the line.
// After it a line is as HAProxy's manual has it (section 8.2.3): frontend, backend/server, TR/Tw/Tc/Tr/Ta, status.
#include "gearscale/codec/httplog.hpp"

#include <charconv>
#include <cstddef>
#include <cstring>

namespace gearscale::codec {

namespace {

constexpr std::string_view kDate = "[22/Nov/2026:10:53:16.123] ";

const char* find_char(const char* from, const char* end, char wanted) {
  const void* at = from == end ? nullptr : std::memchr(from, wanted, static_cast<std::size_t>(end - from));
  return at == nullptr ? end : static_cast<const char*>(at);
}

// Behind the accept date; nullptr when there is none. Other brackets stand around a process id, or in an address.
const char* behind_date(const char* from, const char* end) {
  const auto length = static_cast<std::ptrdiff_t>(kDate.size());
  for (const char* at = find_char(from, end, '['); end - at >= length; at = find_char(at + 1, end, '[')) {
    bool is_date = true;
    for (const std::size_t mark : {3U, 7U, 12U, 15U, 18U, 21U, 25U, 26U}) is_date &= at[mark] == kDate[mark];
    if (is_date) return at + length;
  }
  return nullptr;
}

// A number of at least `least` with `stop` behind it; nullptr when there is something else. Points behind the stop.
const char* read_number(const char* at, const char* end, char stop, int least, int& out) {
  const auto [behind, failure] = std::from_chars(at, end, out);
  return failure == std::errc() && behind != end && *behind == stop && out >= least ? behind + 1 : nullptr;
}

}  // namespace

std::optional<LoggedRequest> parse_httplog(std::string_view line) {
  const char* const end = line.data() + line.size();
  const char* at = behind_date(line.data(), end);
  if (at == nullptr) return std::nullopt;
  at = find_char(at, end, ' ');  // the frontend's end
  if (at == end) return std::nullopt;
  const char* const backend = at + 1;
  const char* const server = find_char(backend, end, '/');
  const char* const timers = find_char(server, end, ' ');
  if (timers == end) return std::nullopt;

  int unused = 0, queued = 0, connected = 0, total = 0, status = 0;
  at = read_number(timers + 1, end, '/', -1, unused);
  if (at != nullptr) at = read_number(at, end, '/', -1, queued);
  if (at != nullptr) at = read_number(at, end, '/', -1, connected);
  if (at != nullptr) at = read_number(at, end, '/', -1, unused);
  if (at != nullptr && at != end && *at == '+') ++at;  // logged before the end: so far
  if (at != nullptr) at = read_number(at, end, ' ', 0, total);
  if (at != nullptr) at = read_number(at, end, ' ', -1, status);
  if (at == nullptr) return std::nullopt;

  LoggedRequest request;
  request.backend = {backend, static_cast<std::size_t>(server - backend)};
  request.server = {server + 1, static_cast<std::size_t>(timers - server - 1)};
  // A server was asked when there was a connection to it, and "<NOSRV>" or "<STATS>" is none; or the request has waited in the queue for
  // one.
  const bool asked = connected >= 0 && !request.server.starts_with('<');
  if (!asked && queued <= 0) return std::nullopt;
  request.status = status;
  request.total_ms = static_cast<std::uint32_t>(total);
  return request;
}

}  // namespace gearscale::codec
