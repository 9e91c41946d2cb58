// SPDX-License-Identifier: Apache-2.0
// Any text as HAProxy's reply to each command that we send: what is said to have been done was said by HAProxy in its own words.
#include "fuzz.hpp"
#include "gearscale/base/text.hpp"
#include "gearscale/codec/runtime_api.hpp"

namespace gearscale::fuzz {

namespace {

constexpr std::string_view kPath = "express/gear-1f3a9c02-prod";

bool has(std::string_view text, std::string_view words) { return text.find(words) != std::string_view::npos; }

// Silence is "unavailable", words are an objection.
void check_refusal(const Error& error, std::string_view reply) {
  check_error(error, {Errc::unavailable, Errc::failed, Errc::config});
  GEARSCALE_CHECK((error.code == Errc::unavailable) == reply.empty());
}

void check_show_info(std::string_view reply) {
  const auto info = codec::parse_show_info(reply);
  if (!info) return check_error(info.error(), {Errc::unavailable});
  GEARSCALE_CHECK(info->pid > 0);
  GEARSCALE_CHECK(info->version.major_number >= 0 && info->version.major_number <= 999);
  GEARSCALE_CHECK(info->version.minor_number >= 0 && info->version.minor_number <= 999);
  const Exact again("Version: " + info->version_text + "\nPid: " + std::to_string(info->pid) + "\n\n");
  const auto read = codec::parse_show_info(again.view());
  GEARSCALE_CHECK(read && read->version == info->version && read->version_text == info->version_text && read->pid == info->pid);
  if (const auto checked = codec::check_version(*info); !checked) check_error(checked.error(), {Errc::config});
}

void check_verdicts(std::string_view reply) {
  if (const auto added = codec::parse_add_reply(reply); added) {
    GEARSCALE_CHECK(has(reply, *added == codec::AddReply::added ? "New server registered." : "Already exists a server with the same name"));
  } else {
    check_refusal(added.error(), reply);
  }
  if (const auto removed = codec::parse_remove_reply(reply); removed) {
    GEARSCALE_CHECK(has(reply, *removed == codec::RemoveReply::removed  ? "Server deleted."
                               : *removed == codec::RemoveReply::absent ? "No such server."
                                                                        : "Server still has connections attached to it"));
  } else {
    check_refusal(removed.error(), reply);
  }
  if (const auto silent = codec::parse_silent_reply(reply); silent) {
    GEARSCALE_CHECK(!reply.empty() && trim(reply).empty());
  } else {
    check_refusal(silent.error(), reply);
  }
  if (const auto level = codec::check_cli_level(reply); !level) check_error(level.error(), {Errc::config});
}

}  // namespace

void fuzz_runtime_api(std::string_view input) {
  const Exact copy(input);
  const auto reply = copy.view();
  check_show_info(reply);
  check_verdicts(reply);
  const auto two = codec::split_replies(reply);
  GEARSCALE_CHECK(std::string(two.first).append(two.second) == reply);
  GEARSCALE_CHECK(two.second.empty() || two.first.ends_with("\n\n"));
  if (const auto used = codec::used_connections(reply, kPath)) {
    GEARSCALE_CHECK(*used >= 0 && has(reply, kPath) && has(reply, "used_cur"));
    const Exact again("# bkname/svname used_cur\n" + std::string(kPath) + " " + std::to_string(*used) + "\n\n");
    GEARSCALE_CHECK(codec::used_connections(again.view(), kPath) == used);
  }
}

}  // namespace gearscale::fuzz
