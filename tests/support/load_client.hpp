// SPDX-License-Identifier: Apache-2.0
// One client of gearscale-load and its connection. It moves bytes and says what happened; it counts nothing.
#pragma once

#include <cstdint>
#include <string>

#include "gearscale/base/fd.hpp"
#include "load_options.hpp"
#include "load_report.hpp"

namespace gearscale::load {

using Seconds = double;  // since the start of the run, on the steady clock

struct Client {
  Fd connection;  // open without a request: kept for the next one
  bool in_flight = false;
  bool connected = false;
  bool reused = false;  // this request goes over a connection that has served another one
  std::string request;
  std::size_t sent = 0;
  std::string answer;
  Seconds started = 0;
  Seconds not_before = 0;
  std::string cookie;
  std::string last_gear;
  Seconds session_end = 0;  // 0: none has begun
  bool changed = false;
};

// What became of a request, as far as its connection knows.
enum class Progress {
  under_way,
  answered,     // wholly, or until the other side closed the connection
  closed_idle,  // a kept connection that had been closed before the request came
  unanswered,   // a kept connection that was closed after it had taken the request
  refused,      // no connection: errno
  broken,       // in the middle: errno, or EFBIG for an answer over 16 MB
};

// Begins a connection. False: errno.
bool open_connection(Client& client, const Options& options);
// A connection without a request: has the other side closed it? Nothing else is to come on it.
bool kept_was_closed(const Client& client);
// The text of its next request, with the cookie it has.
std::string request_text(const Client& client, const Options& options);
// Sends and receives what the events of poll(2) allow.
Progress serve(Client& client, short events);

}  // namespace gearscale::load
