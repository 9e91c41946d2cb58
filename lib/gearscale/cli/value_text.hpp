// SPDX-License-Identifier: Apache-2.0
// How settings are written: durations, byte sizes, flags, and the whitelists of texts. Pure; knows no setting.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "gearscale/core/plan.hpp"
#include "gearscale/core/types.hpp"
#include "gearscale/gears/options.hpp"

namespace gearscale::cli {

// "500ms", "120s", "2m", "1h", "0.5s"; a bare number is seconds. Rounded to whole milliseconds; nothing below 0 or above a year.
std::optional<core::Millis> parse_duration(std::string_view text);

// "268435456", "262144K", "256M", "1G" (powers of 1024, either case); nothing below 0 or above 2^50.
std::optional<std::int64_t> parse_bytes(std::string_view text);

// true, yes, on, 1 and false, no, off, 0.
std::optional<bool> parse_flag(std::string_view text);

// FIRST-LAST/PREFIX: first <= last, prefix 1 to 30, both in one network; its own address and its broadcast address are not within.
std::optional<core::AddressPool> parse_pool(std::string_view text);

// Where the id range of gears comes from; `automatic` is resolved by the gear room, which reads /etc/subuid.
struct IdMapAutomatic {};
struct IdMapNone {};
using IdMapChoice = std::variant<IdMapAutomatic, IdMapNone, gears::IdMap>;

// "auto", "none", or BASE:COUNT with BASE and COUNT at least 1 and BASE + COUNT at most 2^32 - 1 (the last id means "no id" to the kernel).
std::optional<IdMapChoice> parse_idmap(std::string_view text);

// "sessions", "response-time", or both in any order with a comma; blanks around it are allowed.
struct Signals {
  bool sessions = false;
  bool response_time = false;
};
std::optional<Signals> parse_policy(std::string_view text);

// "ring:NAME" or "file:PATH" with an absolute path; the other one is empty.
struct ResponseLogPlace {
  std::string ring, file;
};
std::optional<ResponseLogPlace> parse_response_log(std::string_view text);

// "none" gives 0, an IPv4 address itself.
std::optional<std::uint32_t> parse_gateway(std::string_view text);

// The whitelists. Every text that may reach a path, a socket command or a config line passes one of them.
bool is_plain_name(std::string_view text);      // a safe name of at most 64 characters, or empty
bool is_namespace(std::string_view text);       // the same without '-'
bool is_backend_name(std::string_view text);    // a safe name, not empty
bool is_interface_name(std::string_view text);  // at most 15 characters (IFNAMSIZ), or empty
bool is_file_path(std::string_view text);       // absolute; letters, digits and / . _ - + @ ~ only
bool is_socket_path(std::string_view text);     // is_file_path, and at most 107 bytes (sun_path)
bool is_program(std::string_view text);         // a safe name (found in PATH) or an absolute path
bool is_server_check(std::string_view text);    // letters, digits, single blanks and . _ - / : =, or empty
bool is_probe_path(std::string_view text);      // begins with '/'; what RFC 3986 allows in path and query but quotes
bool is_pool(std::string_view text);            // parse_pool, or empty

}  // namespace gearscale::cli
