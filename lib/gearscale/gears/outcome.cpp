// SPDX-License-Identifier: Apache-2.0
// A line of numbers "CODE ERRNO INIT FROZEN LINES" (CODE -1 for success), that many lines of the log, and the rest is the detail or the
// error's message.
#include "gearscale/gears/outcome.hpp"

#include <algorithm>
#include <limits>

#include "gearscale/base/text.hpp"

namespace gearscale::gears {

std::string format_outcome(const Outcome& outcome) {
  const bool good = outcome.detail.has_value();
  std::string text = std::to_string(good ? -1 : static_cast<int>(outcome.detail.error().code));
  for (const int number :
       {good ? 0 : outcome.detail.error().sys_errno, outcome.init, outcome.frozen ? 1 : 0, static_cast<int>(outcome.log.size())}) {
    text += " " + std::to_string(number);
  }
  text += "\n";
  for (const auto& line : outcome.log) text += line + "\n";
  return text + (good ? *outcome.detail : outcome.detail.error().message);
}

Outcome parse_outcome(std::string_view text) {
  Outcome outcome;
  outcome.detail = fail(Errc::failed, "the job answered something unreadable");
  const auto take_line = [&] {
    const auto end = std::min(text.find('\n'), text.size());
    const auto line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return line;
  };
  std::vector<int> numbers;
  for (const auto word : split(take_line(), ' ')) {
    const auto number = parse_integer(word);
    if (!number || *number < -1 || *number > std::numeric_limits<int>::max()) return outcome;
    numbers.push_back(static_cast<int>(*number));
  }
  if (numbers.size() != 5 || numbers[0] > static_cast<int>(Errc::unavailable)) return outcome;
  outcome.init = numbers[2];
  outcome.frozen = numbers[3] != 0;
  for (int count = numbers[4]; count > 0 && !text.empty(); --count) outcome.log.emplace_back(take_line());
  if (numbers[0] < 0) {
    outcome.detail = std::string(text);
  } else {
    outcome.detail = fail(static_cast<Errc>(numbers[0]), std::string(text), numbers[1]);
  }
  return outcome;
}

}  // namespace gearscale::gears
