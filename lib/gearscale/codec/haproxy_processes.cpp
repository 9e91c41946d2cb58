// SPDX-License-Identifier: Apache-2.0
// Lines `boot ID`, `current PID START` and `earlier PID START`; what is not understood refuses the whole.
#include "gearscale/codec/haproxy_processes.hpp"

#include <optional>

#include "gearscale/base/text.hpp"

namespace gearscale::codec {

namespace {

constexpr std::int64_t kHighestPid = 1 << 22;  // PID_MAX_LIMIT

std::optional<ProcessMark> parse_mark(std::string_view pid_text, std::string_view start_text) {
  const auto pid = parse_integer(pid_text);
  const auto start = parse_integer(start_text);
  if (!pid || *pid < 1 || *pid > kHighestPid || !start || *start < 0) return std::nullopt;
  return ProcessMark{*pid, static_cast<std::uint64_t>(*start)};
}

std::string line_of(std::string_view key, const ProcessMark& mark) {
  return std::string(key) + " " + std::to_string(mark.pid) + " " + std::to_string(mark.start) + "\n";
}

}  // namespace

std::string format_haproxy_processes(const HaproxyProcesses& processes) {
  auto text = "boot " + processes.boot_id + "\n" + line_of("current", processes.current);
  for (const auto& mark : processes.earlier) text += line_of("earlier", mark);
  return text;
}

Result<HaproxyProcesses> parse_haproxy_processes(std::string_view text) {
  HaproxyProcesses processes;
  if (text.size() > kLongestProcessesFile || !text.ends_with('\n')) return fail(Errc::failed, "it is cut short, or far too long");
  text.remove_suffix(1);
  for (const auto line : split(text, '\n')) {
    const auto words = split(line, ' ');
    const auto mark = words.size() == 3 ? parse_mark(words[1], words[2]) : std::nullopt;
    if (words.size() == 2 && words[0] == "boot" && processes.boot_id.empty() && is_safe_name(words[1], 64)) {
      processes.boot_id = words[1];
    } else if (mark && words[0] == "current" && processes.current.pid == 0) {
      processes.current = *mark;
    } else if (mark && words[0] == "earlier") {
      processes.earlier.push_back(*mark);
    } else {
      return fail(Errc::failed, "'" + printable(line) + "' is not a line of it");
    }
  }
  if (processes.boot_id.empty() || processes.current.pid == 0) return fail(Errc::failed, "a line of it is missing");
  return processes;
}

Result<ProcessStat> parse_process_stat(std::string_view text) {
  const auto wrong = [&] { return fail(Errc::failed, "'" + printable(text) + "' does not tell of a process"); };
  const auto open = text.find(" (");
  const auto close = text.rfind(") ");
  if (open == text.npos || close == text.npos || close < open + 2) return wrong();
  const auto fields = split(text.substr(close + 2), ' ');  // the first one is field 3
  const auto parent = fields.size() > 1 ? parse_integer(fields[1]) : std::nullopt;
  const auto start = fields.size() > 19 ? parse_integer(fields[19]) : std::nullopt;
  if (!parent || *parent < 0 || !start || *start < 0) return wrong();
  return ProcessStat{std::string(text.substr(open + 2, close - open - 2)), *parent, static_cast<std::uint64_t>(*start)};
}

}  // namespace gearscale::codec
