// SPDX-License-Identifier: Apache-2.0
// Event lines for people: the cartridge's text, character for character.
#include "gearscale/codec/events.hpp"

#include <limits>

#include "damage.hpp"

using namespace gearscale;
using namespace gearscale::codec;
using core::Millis;
using core::Numbers;
using core::Policy;

namespace {

const LogStamp kStamp{.year = 2026, .month = 11, .day = 22, .hour = 6, .minute = 12, .second = 24, .micros = 190922, .pid = 6399};

}  // namespace

TEST_CASE("the prefix is that of the cartridge, for each level") {
  CHECK(log_line(Severity::info, "MSG", kStamp) == "I, [2026-11-22T06:12:24.190922 #6399]  INFO -- : MSG\n");
  CHECK(log_line(Severity::debug, "MSG", kStamp) == "D, [2026-11-22T06:12:24.190922 #6399] DEBUG -- : MSG\n");
  CHECK(log_line(Severity::warn, "MSG", kStamp) == "W, [2026-11-22T06:12:24.190922 #6399]  WARN -- : MSG\n");
  CHECK(log_line(Severity::error, "MSG", kStamp) == "E, [2026-11-22T06:12:24.190922 #6399] ERROR -- : MSG\n");
  const LogStamp early{.year = 2027, .month = 1, .day = 2, .hour = 3, .minute = 4, .second = 5, .micros = 7, .pid = 1};
  CHECK(log_line(Severity::info, "", early) == "I, [2027-01-02T03:04:05.000007 #1]  INFO -- : \n");
}

TEST_CASE("one event is one line, and nothing from outside can move a cursor") {
  CHECK(log_line(Severity::info, "a\nI, [x]  INFO -- : forged\r\n", kStamp) ==
        "I, [2026-11-22T06:12:24.190922 #6399]  INFO -- : a\\nI, [x]  INFO -- : forged\\r\\n\n");
  CHECK(log_line(Severity::info, std::string_view("\x1b[2J\t\0\x7f", 7), kStamp) ==
        "I, [2026-11-22T06:12:24.190922 #6399]  INFO -- : \\x1b[2J\\t\\x00\\x7f\n");
  CHECK(log_line(Severity::info, "50% \"\\ \xc3\xa4", kStamp) == "I, [2026-11-22T06:12:24.190922 #6399]  INFO -- : 50% \"\\ \xc3\xa4\n");
}

TEST_CASE("a stamp of absurd numbers is still one line") {
  const auto big = std::numeric_limits<int>::min();
  const LogStamp absurd{.year = big, .month = big, .day = big, .hour = big, .minute = big, .second = big, .micros = big, .pid = big};
  const auto line = log_line(Severity::error, "MSG", absurd);
  CHECK(line.ends_with("] ERROR -- : MSG\n"));
}

TEST_CASE("GEAR_INFO, GEAR_UP and GEAR_DOWN are the lines of the README") {
  CHECK(gear_info({.serving = 1, .left_til_remove = Millis{120'000}}, {}) ==
        "GEAR_INFO - capacity: 0.0% gear_count: 1 sessions: 0 up/remove_thresh: 90.0%/49.9% sec_left_til_remove: 120 gear_remove_thresh: "
        "0/3");
  CHECK(gear_up({.sessions = 9, .serving = 1, .capacity_pct = 90}, {}) ==
        "GEAR_UP - capacity: 90.0% gear_count: 1 sessions: 9 up_thresh: 90.0%");
  CHECK(gear_down({.sessions = 0, .serving = 3}, {}) == "GEAR_DOWN - capacity: 0.0% gear_count: 3 sessions: 0 remove_thresh: 49.9%");
}

TEST_CASE("where response time is looked at, the three lines end in its percentile or in what is the matter with it") {
  using core::Percentile;
  using State = core::ResponseView::State;
  Policy policy;
  Numbers numbers{.serving = 1, .response = {.state = State::live, .count = 20, .p50_ms = 7, .p90_ms = 1534, .p99_ms = 9000}};
  CHECK(gear_info(numbers, policy).ends_with("gear_remove_thresh: 0/3 response_p90: 1534ms"));
  CHECK(gear_up(numbers, policy).ends_with("up_thresh: 90.0% response_p90: 1534ms"));
  CHECK(gear_down(numbers, policy).ends_with("remove_thresh: 49.9% response_p90: 1534ms"));
  for (const auto& [percentile, text] :
       {std::pair(Percentile::p50, " response_p50: 7ms"), std::pair(Percentile::p99, " response_p99: 9000ms")}) {
    policy.response.percentile = percentile;
    CHECK(gear_up(numbers, policy).ends_with(text));
  }
  for (const auto& [state, text] : {std::pair(State::lost, "lost"), std::pair(State::too_few, "too_few")}) {
    numbers.response.state = state;
    CHECK(gear_up(numbers, policy).ends_with(std::string(" response_p99: ") + text));
  }
  numbers.response.state = State::off;
  CHECK(gear_up(numbers, policy).ends_with("up_thresh: 90.0%"));
}

TEST_CASE("capacity and thresholds have one decimal at least and two at most, sessions none") {
  const Policy policy{.up_pct = 87.655, .remove_pct = 33.3333, .remove_checks = 20};
  CHECK(gear_info({.sessions = 6.5, .serving = 3, .capacity_pct = 23.3333, .low_checks = 7}, policy) ==
        "GEAR_INFO - capacity: 23.33% gear_count: 3 sessions: 7 up/remove_thresh: 87.66%/33.33% sec_left_til_remove: 0 gear_remove_thresh: "
        "7/20");
  CHECK(gear_up({.sessions = 6.49, .serving = 3, .capacity_pct = 93.75}, {}) ==
        "GEAR_UP - capacity: 93.75% gear_count: 3 sessions: 6 up_thresh: 90.0%");
}

TEST_CASE("the seconds left are rounded up and never below zero") {
  for (const auto& [left, shown] : {std::pair(0, "0"), std::pair(-1, "0"), std::pair(-100'000, "0"), std::pair(1, "1"), std::pair(999, "1"),
                                    std::pair(1000, "1"), std::pair(1001, "2"), std::pair(119'999, "120")}) {
    CAPTURE(left);
    const auto line = gear_info({.left_til_remove = Millis{left}}, {});
    CHECK(test::contains(line, "sec_left_til_remove: " + std::string(shown) + " "));
  }
}

TEST_CASE("sessions without a gear print as 100% each") {
  const auto infinite = std::numeric_limits<double>::infinity();
  CHECK(gear_up({.sessions = 4, .serving = 0, .capacity_pct = infinite}, {}) ==
        "GEAR_UP - capacity: 400.0% gear_count: 0 sessions: 4 up_thresh: 90.0%");
}

TEST_CASE("what a tool said follows its pid and exit code") {
  CHECK(tool_exit("GEAR_UP", "add-gear", 8054, 0, "") == "GEAR_UP - add-gear: exit: pid 8054 exit 0  stdout: ");
  CHECK(tool_exit("GEAR_DOWN", "remove-gear", 12, 3, "two\nlines\n") ==
        "GEAR_DOWN - remove-gear: exit: pid 12 exit 3  stdout: two\nlines\n");
}
