// SPDX-License-Identifier: Apache-2.0
// Rendering of the status.
#include "gearscale/codec/status.hpp"

#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "gearscale/base/text.hpp"

namespace gearscale::codec {

std::string status_json(const StatusReport& report) {
  using Json = nlohmann::ordered_json;
  Json json;
  json["sessions"] = report.sessions;
  json["capacity_pct"] = std::isfinite(report.capacity_pct) ? Json(report.capacity_pct) : Json(nullptr);
  json["serving"] = report.serving;
  json["coming"] = report.coming;
  json["down"] = report.down;
  json["draining"] = report.draining;
  json["standby"] = report.standby;
  json["template"] = report.template_name;
  json["limits"] = {{"min", report.limits.min}, {"max", report.limits.max}};
  json["thresholds"] = {{"up_pct", report.policy.up_pct}, {"remove_pct", report.policy.remove_pct}};
  json["controller"] = {{"running", report.controller_pid.has_value()},
                        {"pid", report.controller_pid ? Json(*report.controller_pid) : Json(nullptr)}};
  json["breaker"] = {{"template", report.breaker.template_name},
                     {"failures", report.breaker.failures},
                     {"open_seconds", report.breaker_seconds},
                     {"why", report.breaker.why}};
  if (!report.error.empty()) json["error"] = report.error;
  json["gears"] = Json::array();
  for (const auto& gear : report.gears) {
    json["gears"].push_back({{"name", gear.name},
                             {"server", gear.server},
                             {"container", gear.container},
                             {"address", format_ipv4(gear.address)},
                             {"state", core::to_string(gear.state)},
                             {"server_state", core::to_string(gear.server_state)},
                             {"sessions", gear.sessions},
                             {"pinned", gear.pinned},
                             {"seconds", gear.seconds_in_state},
                             {"template", gear.template_name},
                             {"note", gear.note}});
  }
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string status_table(const StatusReport& report) {
  std::string out;
  const auto max = report.limits.max == core::Limits::kNoLimit ? std::string("none") : std::to_string(report.limits.max);
  out += "controller  " +
         (report.controller_pid ? "running (pid " + std::to_string(*report.controller_pid) + ")" : std::string("not running")) + "\n";
  if (report.error.empty()) {
    const auto pct = std::isfinite(report.capacity_pct) ? format_decimal(report.capacity_pct) + "%" : std::string("no gear serves");
    if (!report.template_name.empty()) out += "template    " + report.template_name + "\n";
    out += "sessions    " + std::to_string(std::llround(report.sessions)) + "\n";
    out += "capacity    " + pct + "  (up at " + format_decimal(report.policy.up_pct) + "%, remove below " +
           format_decimal(report.policy.remove_pct) + "%)\n";
    out += "gears       " + std::to_string(report.serving) + " serving, " + std::to_string(report.coming) + " coming, " +
           std::to_string(report.draining) + " draining, " + std::to_string(report.down) + " down, " + std::to_string(report.standby) +
           " standing by  (min " + std::to_string(report.limits.min) + ", max " + max + ")\n";
  } else {
    out += "haproxy     not available: " + report.error + "\n";
  }
  if (core::is_open(report.breaker)) {
    const auto pause = report.breaker_seconds > 0 ? "not cloned for another " + std::to_string(report.breaker_seconds) + " s"
                                                  : std::string("cloned one at a time until one goes well");
    out += "breaker     template " + report.breaker.template_name + " is " + pause + ": " + std::to_string(report.breaker.failures) +
           " gears in a row failed: " + one_line(report.breaker.why, 200) + "\n";
  }
  char line[256];
  std::snprintf(line, sizeof line, "\n%-28s %-15s %-9s %-7s %8s %8s  %s\n", "GEAR", "ADDRESS", "STATE", "SERVER", "SESSIONS", "SECONDS",
                "");
  if (!report.gears.empty()) out += line;
  for (const auto& gear : report.gears) {
    std::snprintf(line, sizeof line, "%-28s %-15s %-9s %-7s %8d %8lld  %s", gear.name.c_str(), format_ipv4(gear.address).c_str(),
                  std::string(core::to_string(gear.state)).c_str(), std::string(core::to_string(gear.server_state)).c_str(), gear.sessions,
                  static_cast<long long>(gear.seconds_in_state), gear.pinned ? "pinned" : "");
    out += line + (gear.note.empty() ? std::string() : " " + one_line(gear.note, 120)) + "\n";
  }
  return out;
}

}  // namespace gearscale::codec
