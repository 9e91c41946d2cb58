// SPDX-License-Identifier: Apache-2.0
// What gearscale-load counts, how it reads an answer, and its JSON.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace gearscale::load {

// One answer as far as the load generator cares.
struct Answer {
  int status = 0;      // 0: no status line
  bool whole = false;  // as long as its headers say; an answer without a length is whole when the connection was closed properly
  bool ended = false;  // whole, and known to be so without the end of the connection
  bool keeps = false;  // the connection may be used again
  std::string gear;    // the X-Gear header, else a body that looks like a name
  std::string server;  // the X-Server header, which a test may have HAProxy set, in its own error pages too
  bool sets_cookie = false;
  std::string cookie;  // the value of GEAR in Set-Cookie
};
Answer read_answer(std::string_view text);

// unanswered: a kept connection was closed after the request had been taken, without a byte of an answer. A browser would silently send a GET again.
enum class Failure { connect, status, truncated, timeout, unanswered };

struct Tally {
  std::uint64_t answered = 0;  // 2xx and 3xx, whole
  std::map<Failure, std::uint64_t> failures;
  std::uint64_t released = 0;  // given up by us at the end of a held load
  std::uint64_t connections = 0;
  std::uint64_t closed_idle = 0;  // kept connections that the other side closed while no request was on them
  std::uint64_t sent_again = 0;   // requests that met such a closing and were sent once more, on a new connection
  std::map<std::string, std::uint64_t> gears;
  std::vector<float> latencies_ms;
  int cookie_clients = 0;
  std::uint64_t sessions = 0;  // of clients with cookies
  int clients_that_changed = 0;
  std::uint64_t gear_changes = 0;

  std::uint64_t failed() const;
};

// The state now, for a display.
struct Now {
  double seconds = 0;
  int target = 0;
  int in_flight = 0;
};
// One request that failed, in milliseconds since 1970. The server is the last one that HAProxy gave it to; empty when nobody knows.
struct Failed {
  std::int64_t begun = 0, ended = 0;
  Failure failure = Failure::connect;
  std::size_t bytes = 0;  // of an answer that came
  Answer answer;
};
std::string failed_json(const Failed& failed);
std::string now_json(const Now& now, const Tally& tally);
std::string report_json(double seconds, Tally& tally);  // sorts the latencies

}  // namespace gearscale::load
