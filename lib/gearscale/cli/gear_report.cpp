// SPDX-License-Identifier: Apache-2.0
// Printing for the gear tools.
#include "gearscale/cli/gear_report.hpp"

#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>

#include "gearscale/base/text.hpp"

namespace gearscale::cli {

namespace {

core::Time steady_now() { return std::chrono::time_point_cast<core::Millis>(std::chrono::steady_clock::now()); }

}  // namespace

void print_report(const GearReport& report, bool json) {
  const auto& application = report.application;
  if (json) {
    nlohmann::ordered_json object;
    object["action"] = report.action;
    object["reason"] = core::to_string(report.decision.reason);
    object["serving_before"] = report.decision.numbers.serving;
    object["target"] = report.decision.target;
    object["gears"] = nlohmann::ordered_json::array();
    for (const auto& gear : report.gears) {
      object["gears"].push_back({{"name", core::gear_name(application, gear.id)},
                                 {"server", core::server_name(application, gear.id)},
                                 {"container", core::container_name(application, gear.id)},
                                 {"address", gear.address},
                                 {"outcome", gear.outcome}});
    }
    std::cout << object.dump() << "\n";
    return;
  }
  if (report.gears.empty()) std::cout << "nothing to do\n";
  for (const auto& gear : report.gears) {
    std::cout << core::gear_name(application, gear.id) << " " << gear.outcome << (gear.address.empty() ? "" : " " + gear.address) << "\n";
  }
}

ProgressLine::ProgressLine(core::Application application, app::ManualRequest::Kind kind, std::size_t total)
    : application_(std::move(application)),
      adding_(kind == app::ManualRequest::Kind::add),
      total_(total),
      terminal_(::isatty(STDERR_FILENO) == 1),
      start_(steady_now()) {}

ProgressLine::~ProgressLine() {
  if (written_) std::cerr << "\r\x1b[K" << std::flush;
}

void ProgressLine::show(const core::Registry& registry, const std::vector<std::string>& ids, const app::Followed& followed,
                        const SessionCounts& sessions) {
  if (!terminal_) return;
  std::string line = adding_ ? "booting: " : "draining: ";
  line += std::to_string(followed.arrived.size()) + " of " + std::to_string(total_) + (adding_ ? " serve" : " gone");
  for (const auto& id : ids) {
    const auto* gear = core::find_gear(registry, id);
    if (gear == nullptr || gear->state == core::GearState::serving) continue;
    line += ", " + core::gear_name(application_, id) + " " + std::string(core::to_string(gear->state));
    const bool leaving = gear->state == core::GearState::draining || gear->state == core::GearState::removing;
    const auto found = sessions.find(id);
    if (leaving && found != sessions.end()) {
      const auto left = std::chrono::duration_cast<std::chrono::seconds>(gear->deadline - steady_now()).count();
      line += " (" + std::to_string(found->second) + (found->second == 1 ? " session" : " sessions") + ", at most " +
              std::to_string(std::max<std::int64_t>(0, left)) + " s more)";
    }
    break;  // one gear is enough for one line
  }
  line += ", " + std::to_string(std::chrono::duration_cast<std::chrono::seconds>(steady_now() - start_).count()) + " s";
  std::cerr << "\r\x1b[K" << line << std::flush;
  written_ = true;
}

}  // namespace gearscale::cli
