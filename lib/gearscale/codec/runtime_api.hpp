// SPDX-License-Identifier: Apache-2.0
// HAProxy's Runtime API as text: the commands we send and the meaning of the replies. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "gearscale/base/result.hpp"

namespace gearscale::codec {

struct HaproxyVersion {
  int major_number = 0;
  int minor_number = 0;
  friend auto operator<=>(const HaproxyVersion&, const HaproxyVersion&) = default;
};

struct HaproxyInfo {
  HaproxyVersion version;
  std::string version_text;  // "2.6.12-1+deb12u4"
  std::int64_t pid = 0;
};

inline constexpr HaproxyVersion kOldestHaproxy{2, 6};

// The reply to `show info`: lines "Name: value". Errc::unavailable when Version or Pid is missing or not understood.
Result<HaproxyInfo> parse_show_info(std::string_view reply);

// The reply to a line of two commands, the first of which ends its own with an empty line, as `show info` does: "show info;show stat".
// Without an empty line all of it is the first.
struct TwoReplies {
  std::string_view first;
  std::string_view second;
};
TwoReplies split_replies(std::string_view reply);

// Errc::config with what to do when the version is older than kOldestHaproxy.
Result<void> check_version(const HaproxyInfo& info);

// The reply to `show cli level`. Errc::config when it is a level that may change nothing; other words and none at all say nothing against it.
Result<void> check_cli_level(std::string_view reply);

struct ServerCommand {
  std::string backend;
  std::string server;
  std::string address;       // "10.0.3.11"
  int port = 0;
  std::string check;         // e.g. "check inter 500 fall 2 rise 1"; empty: none
  int maxconn = 0;           // 0: none
  bool has_check() const { return !check.empty(); }
};

// One line of several commands that adds the server, enables its health check, makes it ready and, because 2.6 refuses `cookie` on dynamic
// servers, enables the backend's dynamic cookies again so that this server gets one too. Without a line end.
std::string add_server_line(const ServerCommand& command);

// Everything after the name in `add server` and on a `server` line of haproxy.cfg alike: "10.0.3.11:8080 check inter 500 fall 2 rise 1
// maxconn 8".
std::string server_arguments(const ServerCommand& command);

// The replies, each as a whole up to the end of the connection. Success is silence (empty lines) for set/enable/shutdown; "New server
// registered." for add; "Server deleted." for del. A reply of no bytes at all is Errc::unavailable: HAProxy is starting or stopping.
// HAProxy's other words are Errc::failed, but "No such backend." and "Permission denied" (socket without `level admin`), which are
// Errc::config.
enum class AddReply { added, exists };                 // exists: "Already exists a server with the same name in backend."
// Of `add server` alone or with other commands in its line: words before the verdict do not matter, an error after it does.
Result<AddReply> parse_add_reply(std::string_view reply);
enum class RemoveReply { removed, absent, busy };      // absent: "No such server."; busy: connections are left, try again
Result<RemoveReply> parse_remove_reply(std::string_view reply);
// How many connections to the server "BACKEND/NAME" are in use, idle ones not counted: column used_cur of the reply to
// `show servers conn BACKEND`. Nothing when that is not in the reply.
std::optional<std::int64_t> used_connections(std::string_view reply, std::string_view path);
// For commands that answer with silence.
Result<void> parse_silent_reply(std::string_view reply);

}  // namespace gearscale::codec
