// SPDX-License-Identifier: Apache-2.0
// One table of what each tool may be given; everything else is refused. The tools check their arguments once more.
#include "gearscale/codec/gear_command.hpp"

#include <algorithm>
#include <array>
#include <span>

#include "gearscale/base/text.hpp"

namespace gearscale::codec {

namespace {

using Words = std::span<const std::string_view>;
constexpr std::size_t kMaxGearName = 2 * 64;  // as remove-gear has it
constexpr std::int64_t kMaxCount = 1'000;     // as both have it

constexpr std::array<std::string_view, 3> kAddSwitches{"--dry-run", "--json", "--no-wait"};
constexpr std::array<std::string_view, 4> kRemoveSwitches{"--dry-run", "--json", "--no-wait", "--now"};
constexpr std::array<std::string_view, 2> kControllerSwitches{"--dry-run", "--json"};
constexpr std::array<std::string_view, 1> kAddValues{"--count"};
constexpr std::array<std::string_view, 2> kRemoveValues{"--count", "--gear"};
constexpr std::array<std::string_view, 6> kModes{"-u", "--up", "-d", "--down", "--status", "--check"};
constexpr std::array<std::string_view, 4> kDaemonCommands{"start", "stop", "restart", "status"};
constexpr std::array<std::string_view, 3> kAnswers{"-h", "--help", "--version"};  // they start nothing

struct GearTool {
  std::string_view name;
  Words switches, values;
  Words exactly_one;  // of these; empty: none is needed
};

constexpr std::array<GearTool, 4> kTools{
    {{.name = "add-gear", .switches = kAddSwitches, .values = kAddValues, .exactly_one = {}},
     {.name = "remove-gear", .switches = kRemoveSwitches, .values = kRemoveValues, .exactly_one = {}},
     {.name = "haproxy_ctld", .switches = kControllerSwitches, .values = {}, .exactly_one = kModes},
     {.name = "haproxy_ctld_daemon", .switches = {}, .values = {}, .exactly_one = kDaemonCommands}}};

bool is_one_of(std::string_view word, Words words) { return std::ranges::find(words, word) != words.end(); }

bool is_allowed(char c) {
  const bool alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  return alnum || std::string_view("._=:/,+- ").find(c) != std::string_view::npos;
}

Unexpected refuse(std::string_view word, std::string_view why) {
  return fail(Errc::usage, "'" + printable(word) + "' " + std::string(why));
}

Result<std::vector<std::string>> words_of(std::string_view text) {
  if (text.size() > kMaxGearCommand) return fail(Errc::usage, "longer than " + std::to_string(kMaxGearCommand) + " bytes");
  for (const char c : text) {
    if (!is_allowed(c)) return refuse(std::string_view(&c, 1), "is no character that a command may have");
  }
  std::vector<std::string> words;
  for (const auto word : split(text, ' ')) {
    if (!word.empty()) words.emplace_back(word);
  }
  if (words.empty()) return fail(Errc::usage, "no command (there is no shell here)");
  if (words.size() > kMaxGearCommandWords) return fail(Errc::usage, "more than " + std::to_string(kMaxGearCommandWords) + " words");
  return words;
}

// No value begins with a dash, so none can be taken for an option.
Result<void> check_value(std::string_view option, std::string_view value) {
  if (option == "--gear") return is_safe_name(value, kMaxGearName) ? Result<void>() : refuse(value, "is not the name of a gear");
  const auto count = parse_integer(value);
  if (count && *count >= 1 && *count <= kMaxCount) return {};
  return refuse(value, "is no --count: a whole number from 1 to " + std::to_string(kMaxCount));
}

}  // namespace

Result<std::vector<std::string>> parse_gear_command(std::string_view text) {
  auto words = words_of(text);
  if (!words) return words;
  const auto tool = std::ranges::find(kTools, std::string_view(words->front()), &GearTool::name);
  if (tool == kTools.end()) return refuse(words->front(), "is no command that is allowed");
  std::string_view chosen;  // of exactly_one
  bool answers = false;
  for (std::size_t at = 1; at < words->size(); ++at) {
    const std::string_view word = (*words)[at];
    const auto equals = word.find('=');
    if (is_one_of(word, tool->switches)) continue;
    if (is_one_of(word, kAnswers)) {
      answers = true;
    } else if (is_one_of(word, tool->exactly_one)) {
      if (!chosen.empty()) return refuse(word, "and '" + std::string(chosen) + "' cannot be asked for together");
      chosen = word;
    } else if (is_one_of(word.substr(0, equals), tool->values)) {
      const bool detached = equals == std::string_view::npos;
      if (detached && ++at == words->size()) return refuse(word, "needs a value");
      const auto good = check_value(word.substr(0, equals), detached ? std::string_view((*words)[at]) : word.substr(equals + 1));
      if (!good) return fail(good.error());
    } else {
      return refuse(word, "is nothing that " + std::string(tool->name) + " may be given here");
    }
  }
  // haproxy_ctld without a mode would be the controller itself, in the foreground of the connection.
  if (!tool->exactly_one.empty() && chosen.empty() && !answers) return refuse(tool->name, "needs to be told what to do");
  return words;
}

}  // namespace gearscale::codec
