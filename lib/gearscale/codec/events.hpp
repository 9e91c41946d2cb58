// SPDX-License-Identifier: Apache-2.0
// Event lines: the cartridge's exact text for people, one JSON object for programs. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gearscale/base/severity.hpp"
#include "gearscale/core/decision.hpp"

namespace gearscale::codec {

// "L, [2026-11-22T06:12:24.190922 #6399]  INFO -- : MSG\n" with the level right-aligned to 5 and L its first letter (D, I, W, E).
// Line ends and control characters in `message` are escaped, so that one event is one line. `local_time` is broken down by the caller.
struct LogStamp {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, micros = 0;  // local time
  int pid = 0;
};
std::string log_line(Severity severity, std::string_view message, const LogStamp& stamp);

// The cartridge's lines. Capacity and thresholds have at least one decimal and at most two; sessions are rounded.
//   GEAR_INFO - capacity: 0.0% gear_count: 1 sessions: 0 up/remove_thresh: 90.0%/49.9% sec_left_til_remove: 120 gear_remove_thresh: 0/3
//   GEAR_UP - capacity: 90.0% gear_count: 1 sessions: 9 up_thresh: 90.0%
//   GEAR_DOWN - capacity: 0.0% gear_count: 3 sessions: 0 remove_thresh: 49.9%
//   GEAR_UP - add-gear: exit: pid 8054 exit 0  stdout: ...
// Where response time is looked at, GEAR_INFO, GEAR_UP and GEAR_DOWN end in " response_p90: 1534ms" (or lost, too_few).
// gear_count is the serving gears. sec_left_til_remove is rounded up to whole seconds and never negative. An infinite capacity prints as
// 100.0 x sessions.
std::string gear_info(const core::Numbers& numbers, const core::Policy& policy);
std::string gear_up(const core::Numbers& numbers, const core::Policy& policy);
std::string gear_down(const core::Numbers& numbers, const core::Policy& policy);
std::string tool_exit(std::string_view event, std::string_view tool, int pid, int exit_code,
                      std::string_view output);  // "GEAR_UP", "add-gear"

// JSON objects, one line each, without a line end. `at` is RFC 3339 UTC with microseconds. "numbers" has the members of core::Numbers by
// their names (left_til_remove_ms for the time); an infinite capacity is written as in the lines. Bytes that are not UTF-8 become U+FFFD.
//   {"at":..,"event":"check","pid":..,"decision":{"action","reason","target"},"numbers":{...},"error":"..."(only without data)}
// "numbers" has "response":{"state","count","p50_ms","p90_ms","p99_ms"} where response time is looked at. An action's `at` is the time of its
// decision, before anything was done.
//   {"at":..,"event":"action","pid":..,"decision":{...},"numbers":{...},"gears":["1f3a9c02-ns"],"by":"haproxy_ctld"|"add-gear"|...}
//   {"at":..,"event":"outcome","pid":..,"gear":..,"step":"enrol","ok":true,"detail":".."}
//   {"at":..,"event":"notice","pid":..,"text":".."}
struct EventStamp {
  std::int64_t system_micros = 0;
  int pid = 0;
};
std::string check_json(const EventStamp& stamp, const core::Decision& decision, std::string_view error);
std::string action_json(const EventStamp& stamp, const core::Decision& decision, const std::vector<std::string>& gears,
                        std::string_view by);
std::string outcome_json(const EventStamp& stamp, std::string_view gear, std::string_view step, bool ok, std::string_view detail);
std::string notice_json(const EventStamp& stamp, std::string_view text);

// 2026-11-22T06:12:24.190922Z, or with milliseconds only; times outside the years 0 to 9999 become the nearest inside. Only what
// format_utc_millis writes is read.
std::string format_utc_micros(std::int64_t system_micros);
std::string format_utc_millis(std::int64_t system_millis);
std::optional<std::int64_t> parse_utc_millis(std::string_view text);

}  // namespace gearscale::codec
