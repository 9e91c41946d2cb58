// SPDX-License-Identifier: Apache-2.0
// Any text as what a ssh key asks gear-shell for: refused, or words that are known here once more, word by word, and that pass again when
// they are put together. What gets through is handed to execve(2), so this list is kept apart from the one under test.
#include <set>

#include "fuzz.hpp"
#include "gearscale/base/text.hpp"
#include "gearscale/codec/gear_command.hpp"

namespace gearscale::fuzz {

namespace {

const std::set<std::string_view> kTools{"add-gear", "remove-gear", "haproxy_ctld", "haproxy_ctld_daemon"};
const std::set<std::string_view> kWords{"-u",        "--up",  "-d",      "--down", "--status",  "--check",
                                        "start",     "stop",  "restart", "status", "--dry-run", "--json",
                                        "--no-wait", "--now", "-h",      "--help", "--version"};

bool is_known(std::string_view word, std::string_view before) {
  const auto is_count = [](std::string_view text) {
    const auto count = parse_integer(text);
    return count && *count >= 1 && *count <= 1'000;
  };
  if (before == "--count") return is_count(word);
  if (before == "--gear") return is_safe_name(word, 128);
  if (word.starts_with("--count=")) return is_count(word.substr(8));
  if (word.starts_with("--gear=")) return is_safe_name(word.substr(7), 128);
  return word == "--count" || word == "--gear" || kWords.contains(word);
}

}  // namespace

void fuzz_gear_command(std::string_view input) {
  const Exact copy(input);
  const auto words = codec::parse_gear_command(copy.view());
  if (!words) return check_error(words.error(), {Errc::usage});
  GEARSCALE_CHECK(!words->empty() && words->size() <= codec::kMaxGearCommandWords && kTools.contains(words->front()));
  const bool daemon = words->front() == "haproxy_ctld_daemon";
  std::string joined = words->front();
  std::string_view before;
  for (std::size_t at = 1; at < words->size(); ++at) {
    const std::string_view word = (*words)[at];
    GEARSCALE_CHECK(is_known(word, before) && !word.starts_with("--config") && word != "--");
    GEARSCALE_CHECK(!daemon || (!word.starts_with("--count") && !word.starts_with("--gear") && word != "--now"));
    // The value of an option is no option itself.
    before = before == "--count" || before == "--gear" ? std::string_view() : word;
    joined.append(" ").append(word);
  }
  GEARSCALE_CHECK(before != "--count" && before != "--gear");
  GEARSCALE_CHECK(joined.find_first_of("\"'\\`$&|;<>()*?~#!%^{}[]\n\t") == std::string::npos && !has_control(joined));
  const auto again = codec::parse_gear_command(Exact(joined).view());
  GEARSCALE_CHECK(again && *again == *words);
  // A command that may run does not become another one by what is put behind it.
  for (const std::string more : {" --config=/tmp/x", " --", " ; id", "\nid", " -c"}) {
    GEARSCALE_CHECK(!codec::parse_gear_command(Exact(joined + more).view()));
  }
}

}  // namespace gearscale::fuzz
