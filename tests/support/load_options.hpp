// SPDX-License-Identifier: Apache-2.0
// The command line of gearscale-load, and the schedule of how many requests are to be in flight.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "gearscale/base/result.hpp"

namespace gearscale::load {

// For `seconds`, the number of requests in flight goes from `from` to `to` in a straight line.
struct Step {
  double seconds = 0;
  int from = 0;
  int to = 0;
};

struct Options {
  std::uint32_t address = 0;
  std::uint16_t port = 80;
  std::string host;  // as given, for the Host header
  std::string path = "/";
  std::vector<Step> steps;
  int hold = -1;            // requests in flight until told otherwise; -1: follow the steps
  bool read_stdin = false;  // each line is a new number for `hold`; the end of stdin ends the run
  bool cookies = false;
  bool close = false;          // a connection for each request, instead of one that each client keeps
  double think_seconds = 0;    // a client's pause between an answer and its next request
  double session_seconds = 0;  // after this long a client forgets its cookie and is a new visitor; 0: never
  std::string stats_file;
  std::string failures_file;    // one JSON object for each request that failed
  double timeout_seconds = 60;  // of one request
  double grace_seconds = 2;     // for requests in flight beyond a held load that was made smaller
  bool help = false;
};

inline constexpr int kMaxInFlight = 10'000;
extern const char* const kUsage;

// Errc::usage with the argument that is wrong.
Result<Options> parse_arguments(const std::vector<std::string>& arguments);

double total_seconds(const std::vector<Step>& steps);
// How many requests are to be in flight at this time since the start; 0 after the end.
int target_at(const std::vector<Step>& steps, double seconds);

}  // namespace gearscale::load
