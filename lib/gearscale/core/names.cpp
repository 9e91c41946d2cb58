// SPDX-License-Identifier: Apache-2.0
// Names of gears, servers and containers. Pure.
#include "gearscale/core/names.hpp"

#include "gearscale/base/text.hpp"

namespace gearscale::core {

namespace {

constexpr std::size_t kIdLength = 8;

std::string suffix(const Application& application) { return application.ns.empty() ? "" : "-" + application.ns; }

std::optional<std::string_view> strip(std::string_view text, std::string_view prefix, std::string_view tail) {
  if (text.size() != prefix.size() + kIdLength + tail.size()) return std::nullopt;
  if (!text.starts_with(prefix) || !text.ends_with(tail)) return std::nullopt;
  const auto id = text.substr(prefix.size(), kIdLength);
  return is_gear_id(id) ? std::optional(id) : std::nullopt;
}

}  // namespace

Result<void> check_application(const Application& application) {
  if (!is_safe_name(application.app, kMaxContainerName)) {
    return fail(Errc::config, "application name '" + printable(application.app) +
                                  "' is not usable: use 1 to 64 letters, digits, '-', '_' or '.', starting with a letter or digit");
  }
  if (!application.ns.empty() && (!is_safe_name(application.ns, kMaxContainerName) || application.ns.find('-') != std::string::npos)) {
    return fail(Errc::config, "namespace '" + printable(application.ns) +
                                  "' is not usable: use letters, digits, '_' or '.', starting with a letter or digit, or leave it empty");
  }
  const auto longest = container_name(application, "00000000");
  if (longest.size() > kMaxContainerName) {
    return fail(Errc::config, "application and namespace make container names of " + std::to_string(longest.size()) + " characters (" +
                                  longest + "); at most 64 are possible: use shorter names");
  }
  return {};
}

bool is_gear_id(std::string_view text) {
  if (text.size() != kIdLength) return false;
  for (const char c : text) {
    if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'f')) return false;
  }
  return true;
}

std::string gear_name(const Application& application, std::string_view id) { return std::string(id) + suffix(application); }
std::string server_name(const Application& application, std::string_view id) { return "gear-" + gear_name(application, id); }
std::string container_name(const Application& application, std::string_view id) {
  return application.app + "-" + gear_name(application, id);
}
std::string container_group(const Application& application) { return former_group(application) + "@" + application.uuid; }
std::string former_group(const Application& application) {
  return "gearscale/" + application.app + (application.ns.empty() ? "" : "/" + application.ns);
}

std::optional<std::string_view> id_of_server(const Application& application, std::string_view server) {
  // Called for every row of `show stat`: no allocation.
  if (!server.starts_with("gear-")) return std::nullopt;
  auto rest = server.substr(5);
  if (!application.ns.empty()) {
    if (rest.size() <= application.ns.size() || !rest.ends_with(application.ns)) return std::nullopt;
    rest.remove_suffix(application.ns.size());
    if (!rest.ends_with('-')) return std::nullopt;
    rest.remove_suffix(1);
  }
  return is_gear_id(rest) ? std::optional(rest) : std::nullopt;
}

std::optional<std::string_view> id_of_container(const Application& application, std::string_view container) {
  return strip(container, application.app + "-", suffix(application));
}

Result<std::string> parse_gear_name(const Application& application, std::string_view text) {
  if (is_gear_id(text)) return std::string(text);
  const auto tail = suffix(application);
  for (const auto& prefix : {std::string(), std::string("gear-"), application.app + "-"}) {
    if (const auto id = strip(text, prefix, tail)) return std::string(*id);
  }
  return fail(Errc::usage, "'" + printable(text) + "' is not the name of a gear of this application: expected " +
                               gear_name(application, "1f3a9c02") + ", " + server_name(application, "1f3a9c02") + " or " +
                               container_name(application, "1f3a9c02"));
}

}  // namespace gearscale::core
