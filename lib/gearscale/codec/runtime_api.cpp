// SPDX-License-Identifier: Apache-2.0
// Commands to HAProxy and what its replies mean. Its words are those of 2.6 to 3.0; tests/data/runtime holds real ones. Pure.
#include "gearscale/codec/runtime_api.hpp"

#include <algorithm>
#include <optional>
#include <vector>

#include "gearscale/base/text.hpp"

namespace gearscale::codec {

namespace {

constexpr std::string_view kNoServer = "No such server.";

// Takes the next line that says something off the text, trimmed; empty when there is none.
std::string_view next_spoken_line(std::string_view& text) {
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    const auto words = trim(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!words.empty()) return words;
  }
  return {};
}

// The lines that say something. Each command of a line adds its words, if any, and mostly an empty line.
std::vector<std::string_view> spoken_lines(std::string_view reply) {
  std::vector<std::string_view> lines;
  for (auto line = next_spoken_line(reply); !line.empty(); line = next_spoken_line(reply)) lines.push_back(line);
  return lines;
}

Unexpected no_reply() { return fail(Errc::unavailable, "HAProxy closed its stats socket without a reply: is it starting or stopping?"); }

// What HAProxy objected to, as an error.
Unexpected objection(std::string_view words) {
  const auto said = "HAProxy said '" + printable(words, 200) + "'";
  if (words == "No such backend.") return fail(Errc::config, said + ": check the setting 'backend' and haproxy.cfg");
  if (words == "Permission denied") return fail(Errc::config, said + ": its stats socket needs 'level admin' in haproxy.cfg");
  return fail(Errc::failed, said);
}

// "2.6.12-1+deb12u4", "3.4-dev5"
std::optional<HaproxyVersion> parse_version(std::string_view text) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  const auto dot = text.find('.');
  if (dot == std::string_view::npos) return std::nullopt;
  const auto rest = text.substr(dot + 1);
  const auto minor_end = std::find_if_not(rest.begin(), rest.end(), is_digit);
  const auto major_part = parse_integer(text.substr(0, dot));
  const auto minor_part = parse_integer(rest.substr(0, static_cast<std::size_t>(minor_end - rest.begin())));
  if (!major_part || !minor_part || *major_part < 0 || *major_part > 999 || *minor_part > 999) return std::nullopt;
  if (minor_end != rest.end() && *minor_end != '.' && *minor_end != '-' && *minor_end != '+' && *minor_end != '~') return std::nullopt;
  return HaproxyVersion{static_cast<int>(*major_part), static_cast<int>(*minor_part)};
}

}  // namespace

Result<HaproxyInfo> parse_show_info(std::string_view reply) {
  HaproxyInfo info;
  bool has_version = false;
  bool has_pid = false;
  auto rest = reply;
  for (auto line = next_spoken_line(rest); !line.empty(); line = next_spoken_line(rest)) {
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    const auto name = line.substr(0, colon);
    const auto value = trim(line.substr(colon + 1));
    if (name == "Version") {
      const auto version = parse_version(value);
      if (!version) return fail(Errc::unavailable, "HAProxy's reply to 'show info' has a strange version '" + printable(value) + "'");
      info.version = *version;
      info.version_text = value;
      has_version = true;
    } else if (name == "Pid") {
      const auto pid = parse_integer(value);
      if (!pid || *pid <= 0) return fail(Errc::unavailable, "HAProxy's reply to 'show info' has a strange pid '" + printable(value) + "'");
      info.pid = *pid;
      has_pid = true;
    }
  }
  if (reply.empty()) return no_reply();
  if (!has_version || !has_pid) {
    return fail(Errc::unavailable, std::string("HAProxy's reply to 'show info' has no ") + (has_version ? "Pid" : "Version") + " line: '" +
                                       printable(reply) + "'");
  }
  return info;
}

TwoReplies split_replies(std::string_view reply) {
  const auto end = reply.find("\n\n");
  if (end == std::string_view::npos) return {.first = reply, .second = {}};
  return {.first = reply.substr(0, end + 2), .second = reply.substr(end + 2)};
}

Result<void> check_cli_level(std::string_view reply) {
  const auto level = trim(reply);
  if (level != "operator" && level != "user") return {};
  return fail(Errc::config, "HAProxy's stats socket gives level " + std::string(level) + " only: it needs 'level admin' in haproxy.cfg");
}

Result<void> check_version(const HaproxyInfo& info) {
  if (info.version >= kOldestHaproxy) return {};
  return fail(Errc::config,
              "HAProxy " + printable(info.version_text) + " is too old: it cannot add and remove servers at run time as needed; install " +
                  std::to_string(kOldestHaproxy.major_number) + "." + std::to_string(kOldestHaproxy.minor_number) + " or later");
}

std::string server_arguments(const ServerCommand& command) {
  auto text = command.address + ":" + std::to_string(command.port);
  if (command.has_check()) text += " " + command.check;
  if (command.maxconn > 0) text += " maxconn " + std::to_string(command.maxconn);
  return text;
}

std::string add_server_line(const ServerCommand& command) {
  const auto name = command.backend + "/" + command.server;
  auto line = "add server " + name + " " + server_arguments(command);
  // HAProxy refuses this one for a server that has no `check`.
  if (command.has_check()) line += "; enable health " + name;
  return line + "; set server " + name + " state ready; enable dynamic-cookie backend " + command.backend;
}

Result<AddReply> parse_add_reply(std::string_view reply) {
  if (reply.empty()) return no_reply();
  const auto lines = spoken_lines(reply);
  const auto verdict = std::find_if(lines.begin(), lines.end(), [](std::string_view line) {
    return line == "New server registered." || line == "Already exists a server with the same name in backend.";
  });
  if (verdict == lines.end()) {
    if (lines.empty()) return fail(Errc::failed, "HAProxy did not say that it added the server");
    // The commands around `add server` say only that there is no such server; the reason is what it says itself.
    const auto reason = std::find_if(lines.begin(), lines.end(), [](std::string_view line) { return line != kNoServer; });
    return objection(reason == lines.end() ? lines.front() : *reason);
  }
  // What stands before it are warnings about the new server, or words of earlier commands; what follows are the errors of later ones.
  if (verdict + 1 != lines.end()) return objection(*(verdict + 1));
  return verdict->starts_with("New") ? AddReply::added : AddReply::exists;
}

Result<RemoveReply> parse_remove_reply(std::string_view reply) {
  if (reply.empty()) return no_reply();
  const auto lines = spoken_lines(reply);
  if (lines.empty()) return fail(Errc::failed, "HAProxy did not say that it removed the server");
  // `set server B/S state maint; del server B/S` complains twice about a server that is not there.
  if (std::all_of(lines.begin(), lines.end(), [](std::string_view line) { return line == kNoServer; })) return RemoveReply::absent;
  if (lines.size() > 1) return objection(lines.front());
  if (lines.front() == "Server deleted.") return RemoveReply::removed;
  if (lines.front().starts_with("Server still has connections attached to it")) return RemoveReply::busy;
  return objection(lines.front());
}

std::optional<std::int64_t> used_connections(std::string_view reply, std::string_view path) {
  std::optional<std::size_t> column;
  for (const auto line : spoken_lines(reply)) {
    const auto words = split(line, ' ');
    if (words.front() == "#") {
      const auto at = std::find(words.begin(), words.end(), "used_cur");
      if (at != words.end()) column = static_cast<std::size_t>(at - words.begin()) - 1;  // the rows have no '#'
    } else if (words.front() == path && column && *column < words.size()) {
      const auto used = parse_integer(words[*column]);
      return used && *used >= 0 ? used : std::nullopt;
    }
  }
  return std::nullopt;
}

Result<void> parse_silent_reply(std::string_view reply) {
  if (reply.empty()) return no_reply();
  const auto lines = spoken_lines(reply);
  if (lines.empty()) return {};
  return objection(lines.front());
}

}  // namespace gearscale::codec
