// SPDX-License-Identifier: Apache-2.0
// Events for programs: one JSON object each, members always in the same order. Pure.
#include <cmath>
#include <nlohmann/json.hpp>

#include "gearscale/codec/events.hpp"

namespace gearscale::codec {

namespace {

using Json = nlohmann::ordered_json;

Json begin_event(const EventStamp& stamp, const char* event) {
  return Json{{"at", format_utc_micros(stamp.system_micros)}, {"event", event}, {"pid", stamp.pid}};
}

Json decision_json(const core::Decision& decision) {
  return Json{{"action", core::to_string(decision.action)}, {"reason", core::to_string(decision.reason)}, {"target", decision.target}};
}

// JSON has no infinity: as in the log lines, sessions without a gear count as 100% each.
double finite(double pct, const core::Numbers& numbers) { return std::isfinite(pct) ? pct : 100.0 * numbers.sessions; }

Json response_json(const core::ResponseView& response) {
  Json json{{"state", core::to_string(response.state)}};
  if (response.state != core::ResponseView::State::too_few && response.state != core::ResponseView::State::live) return json;
  json["count"] = response.count;
  json["p50_ms"] = response.p50_ms;
  json["p90_ms"] = response.p90_ms;
  json["p99_ms"] = response.p99_ms;
  return json;
}

Json numbers_json(const core::Numbers& numbers) {
  Json json{{"sessions", numbers.sessions},
            {"serving", numbers.serving},
            {"coming", numbers.coming},
            {"down", numbers.down},
            {"draining", numbers.draining},
            {"standby", numbers.standby},
            {"capacity_pct", finite(numbers.capacity_pct, numbers)},
            {"capacity_coming_pct", finite(numbers.capacity_coming_pct, numbers)},
            {"peak_sessions", numbers.peak_sessions},
            {"low_checks", numbers.low_checks},
            {"left_til_remove_ms", numbers.left_til_remove.count()}};
  if (numbers.response.state != core::ResponseView::State::off) json["response"] = response_json(numbers.response);
  return json;
}

// Bytes that are not UTF-8 become U+FFFD: a gear's strange words must never cost the event.
std::string finish(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

}  // namespace

std::string check_json(const EventStamp& stamp, const core::Decision& decision, std::string_view error) {
  auto json = begin_event(stamp, "check");
  json["decision"] = decision_json(decision);
  json["numbers"] = numbers_json(decision.numbers);
  if (!error.empty()) json["error"] = error;
  return finish(json);
}

std::string action_json(const EventStamp& stamp, const core::Decision& decision, const std::vector<std::string>& gears,
                        std::string_view by) {
  auto json = begin_event(stamp, "action");
  json["decision"] = decision_json(decision);
  json["numbers"] = numbers_json(decision.numbers);
  json["gears"] = gears;
  json["by"] = by;
  return finish(json);
}

std::string outcome_json(const EventStamp& stamp, std::string_view gear, std::string_view step, bool ok, std::string_view detail) {
  auto json = begin_event(stamp, "outcome");
  json["gear"] = gear;
  json["step"] = step;
  json["ok"] = ok;
  json["detail"] = detail;
  return finish(json);
}

std::string notice_json(const EventStamp& stamp, std::string_view text) {
  auto json = begin_event(stamp, "notice");
  json["text"] = text;
  return finish(json);
}

}  // namespace gearscale::codec
