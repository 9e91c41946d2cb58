// SPDX-License-Identifier: Apache-2.0
// How a gear is called: its id is 8 lowercase hex digits; gear, HAProxy server and container names are made from it, as in the cartridge.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "gearscale/base/result.hpp"

namespace gearscale::core {

// The application that gears belong to. `ns` may be empty; then no name has a trailing dash.
struct Application {
  std::string app;
  std::string ns;
  std::string uuid{};  // part of no name: it tells two applications of one name apart, in the mark of their containers
};

inline constexpr std::size_t kMaxContainerName = 64;

// Errc::config when app or ns is not a safe name (letters, digits, '-', '_', '.'; the namespace without '-'), or a container name would be over 64 characters.
Result<void> check_application(const Application& application);

bool is_gear_id(std::string_view text);                                           // 1f3a9c02
std::string gear_name(const Application& application, std::string_view id);       // 1f3a9c02-ns
std::string server_name(const Application& application, std::string_view id);     // gear-1f3a9c02-ns
std::string container_name(const Application& application, std::string_view id);  // app-1f3a9c02-ns
std::string container_group(
    const Application& application);  // gearscale/app@uuid or gearscale/app/ns@uuid: the mark of ownership in lxc.group
std::string former_group(const Application& application);  // gearscale/app or gearscale/app/ns: the mark of earlier versions

// The id in a HAProxy server name or container name of this application; nothing when it is not one of ours.
std::optional<std::string_view> id_of_server(const Application& application, std::string_view server);
std::optional<std::string_view> id_of_container(const Application& application, std::string_view container);

// The id of a gear that a person named by its gear, server or container name, or by the bare id. Errc::usage otherwise.
Result<std::string> parse_gear_name(const Application& application, std::string_view text);

}  // namespace gearscale::core
