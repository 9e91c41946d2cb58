// SPDX-License-Identifier: Apache-2.0
// The event lines of recorded runs, made again from their numbers: the same text, character for character.
#include <regex>

#include "gearscale/codec/events.hpp"
#include "gearscale/core/capacity.hpp"
#include "recording.hpp"

using namespace gearscale;

namespace {

// What one recorded line says.
struct Recorded {
  std::string kind;      // "GEAR_INFO", "GEAR_UP", "GEAR_DOWN", or the "add-gear", "remove-gear" of 2017
  core::Numbers numbers;
  core::Policy policy;
  std::string original;  // with its numbers cut to two decimals: 2017 prints up to 17 digits
};

std::string two_decimals(const std::string& text) {
  static const std::regex kLong(R"((\d+\.\d{3,})%)");
  std::string out;
  auto rest = text.cbegin();
  for (std::smatch match; std::regex_search(rest, text.cend(), match, kLong); rest = match.suffix().first) {
    out += match.prefix().str() + format_decimal(std::stod(match[1].str())) + "%";
  }
  return out + std::string(rest, text.cend());
}

std::optional<Recorded> understand(const std::string& message) {
  static const std::regex kLoad(R"(^([\w-]+) - capacity: ([\d.]+)% gear_count: (\d+) sessions: (\d+) (.*)$)");
  static const std::regex kInfo(R"(^up/remove_thresh: ([\d.]+)%/([\d.]+)% sec_left_til_remove: (\d+) gear_remove_thresh: (\d+)/(\d+)$)");
  static const std::regex kThreshold(R"(^(up|remove)_thresh: ([\d.]+)%$)");
  std::smatch load;
  if (!std::regex_match(message, load, kLoad)) return std::nullopt;
  Recorded line;
  line.kind = load[1];
  line.original = two_decimals(message);
  line.numbers.capacity_pct = std::stod(load[2]);
  line.numbers.serving = std::stoi(load[3]);
  line.numbers.sessions = std::stod(load[4]);
  const std::string rest = load[5];
  std::smatch tail;
  if (std::regex_match(rest, tail, kInfo)) {
    line.policy.up_pct = std::stod(tail[1]);
    line.policy.remove_pct = std::stod(tail[2]);
    line.numbers.left_til_remove = std::chrono::seconds(std::stoi(tail[3]));
    line.numbers.low_checks = std::stoi(tail[4]);
    line.policy.remove_checks = std::stoi(tail[5]);
  } else if (std::regex_match(rest, tail, kThreshold)) {
    (tail[1] == "up" ? line.policy.up_pct : line.policy.remove_pct) = std::stod(tail[2]);
  } else {
    return std::nullopt;
  }
  return line;
}

std::string made_again(const Recorded& line) {
  if (line.kind == "GEAR_INFO") return codec::gear_info(line.numbers, line.policy);
  if (line.kind == "GEAR_UP") return codec::gear_up(line.numbers, line.policy);
  if (line.kind == "GEAR_DOWN") return codec::gear_down(line.numbers, line.policy);
  // 2017 wrote the tool's name instead; ours keeps the words of 2012, which the README quotes.
  if (line.kind == "add-gear") return "add-gear" + codec::gear_up(line.numbers, line.policy).substr(std::string("GEAR_UP").size());
  return "remove-gear" + codec::gear_down(line.numbers, line.policy).substr(std::string("GEAR_DOWN").size());
}

struct Run {
  const char* name;
  double sessions_per_gear;
  bool floors;  // 2012: sessions / gears rounded down
};

constexpr Run kRuns[] = {{"v12_randwalk0", 10, true},          {"v12_up_then_idle", 10, true},      {"v12_intdiv_2gear", 10, true},
                         {"v12_cap_print_1gear", 10, true},    {"v12_gear_count_zero_mid", 10, true}, {"v12_remove_fail", 10, true},
                         {"v17_exact_remove_equal", 10, false}, {"v17_step_60_debug", 16, false}};

}  // namespace

TEST_CASE("GEAR_INFO, GEAR_UP and GEAR_DOWN of recorded runs come out as they were") {
  int infos = 0;
  int ups = 0;
  int downs = 0;
  for (const auto& run : kRuns) {
    for (const auto& row : test::read_recording("log/" + std::string(run.name) + ".txt", '\t', false)) {
      REQUIRE(row.size() == 2);
      const auto line = understand(row[1]);
      if (!line) continue;
      if (made_again(*line) != line->original) FAIL(run.name << ": '" << made_again(*line) << "' instead of '" << line->original << "'");
      infos += line->kind == "GEAR_INFO" ? 1 : 0;
      ups += line->kind == "GEAR_UP" ? 1 : 0;
      downs += line->kind == "GEAR_DOWN" ? 1 : 0;
    }
  }
  CHECK(infos > 700);
  CHECK(ups > 5);
  CHECK(downs > 5);
}

TEST_CASE("the recorded capacity is ours, but where the controller of 2012 floored") {
  int different = 0;
  for (const auto& run : kRuns) {
    for (const auto& row : test::read_recording("log/" + std::string(run.name) + ".txt", '\t', false)) {
      auto line = understand(row[1]);
      if (!line) continue;
      const auto ours = core::capacity_pct(
          {.sessions = line->numbers.sessions, .gears = line->numbers.serving, .sessions_per_gear = run.sessions_per_gear});
      line->numbers.capacity_pct = ours;
      const bool same_text = made_again(*line) == line->original;
      const bool floored = run.floors && static_cast<int>(line->numbers.sessions) % line->numbers.serving != 0;
      if (same_text == floored) FAIL(run.name << ": " << line->original << ", ours is " << ours);
      different += floored ? 1 : 0;
    }
  }
  CHECK(different > 50);
}

TEST_CASE("what a tool said comes out as it was, on one line") {
  static const std::regex kExit(R"(^(GEAR_UP|GEAR_DOWN) - ([\w-]+): exit: pid (\d+) exit (\d+)  stdout: (.*)$)");
  const codec::LogStamp stamp{.year = 2026, .month = 11, .day = 22, .hour = 6, .minute = 12, .second = 24, .micros = 190922, .pid = 6399};
  int seen = 0;
  for (const auto* name : {"v12_add_fail_stdout", "v12_remove_fail", "v12_randwalk0", "v12_up_then_idle"}) {
    for (const auto& row : test::read_recording("log/" + std::string(name) + ".txt", '\t', false)) {
      std::smatch match;
      if (!std::regex_match(row[1], match, kExit)) continue;
      ++seen;
      const auto message =
          codec::tool_exit(match[1].str(), match[2].str(), std::stoi(match[3]), std::stoi(match[4]), test::unescaped(match[5].str()));
      CHECK(codec::log_line(Severity::debug, message, stamp) == "D, [2026-11-22T06:12:24.190922 #6399] DEBUG -- : " + row[1] + "\n");
    }
  }
  CHECK(seen > 20);
}

TEST_CASE("the words of several lines of 2017 stay one line of ours") {
  const codec::LogStamp stamp{.year = 2026, .month = 11, .day = 22, .hour = 6, .minute = 12, .second = 24, .micros = 190922, .pid = 6399};
  const auto rows = test::read_recording("log/v17_add_fail_multiline.txt", '\t', false);
  REQUIRE(rows.size() == 3);
  CHECK(rows[2][1] == R"(add-gear - exit_code: 1  output: line1\nline2\nerr1\nerr2\n)");
  const auto line = codec::log_line(Severity::info, test::unescaped(rows[2][1]), stamp);
  CHECK(line == "I, [2026-11-22T06:12:24.190922 #6399]  INFO -- : " + rows[2][1] + "\n");
}
