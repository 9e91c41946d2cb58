// SPDX-License-Identifier: Apache-2.0
// Event lines; the texts themselves are made in codec/events.
#include "gearscale/app/recorder.hpp"

#include <bit>

#include "gearscale/codec/events.hpp"

namespace gearscale::app {

namespace {

constexpr std::size_t kMostSaid = 1'000;

}  // namespace

Recorder::Recorder(EventSink& events, Clock& clock, core::Application application, std::string by, int pid)
    : events_(events), clock_(clock), application_(std::move(application)), by_(std::move(by)), pid_(pid) {}

void Recorder::check(const core::Decision& decision, const core::Policy& policy, const core::Limits& limits, const std::string& error) {
  if (events_.wants_debug() && error.empty()) events_.text(Severity::debug, codec::gear_info(decision.numbers, policy));
  if (decision.reason == core::Reason::at_max && last_reason_ != core::Reason::at_max) {
    // The original says it at each check; once is enough to be found.
    events_.text(Severity::error, "Cannot add gear, max gears already met");
    const int gears = decision.numbers.serving + decision.numbers.coming + decision.numbers.down;
    events_.text(Severity::error, "max: " + std::to_string(limits.max) + " gearcount: " + std::to_string(gears));
  }
  const bool was_down = last_reason_ == core::Reason::all_down || last_reason_ == core::Reason::all_hang;
  if (decision.reason == core::Reason::all_down && !was_down) {
    events_.text(Severity::error,
                 std::string("All gears are DOWN in HAProxy: holding, because more of the same kind would hardly help; look at the "
                             "application") +
                     (policy.down_timeout > core::Millis{0} ? "; after down_timeout a fresh gear is tried" : ""));
  }
  if (decision.reason == core::Reason::flap_budget && last_reason_ != core::Reason::flap_budget) {
    events_.text(Severity::error, "No gear is removed for now: " + std::to_string(policy.flap_budget) +
                                      " cold starts and destroys in an hour are enough (flap_budget); is the load that restless?");
  }
  if (decision.reason == core::Reason::disabled && last_reason_ != core::Reason::disabled) {
    events_.text(Severity::info, "Automatic scaling is disabled by the disable_auto_scaling marker");
  }
  if (decision.action == core::Action::hold && decision.reason != core::Reason::hold_off) last_refusal_.clear();
  last_reason_ = decision.reason;
  events_.json(codec::check_json({clock_.system_micros(), pid_}, decision, error));
}

void Recorder::action(const core::Decision& decision, const core::Policy& policy, const std::vector<std::string>& ids,
                      std::int64_t decided_micros) {
  if (decision.reason == core::Reason::all_hang) {
    notice(Severity::warn, "All gears stay DOWN: one fresh gear is started beside them; if it serves, the others are replaced, one by one");
  }
  if (decision.action == core::Action::up) events_.text(Severity::info, codec::gear_up(decision.numbers, policy));
  if (decision.action == core::Action::down) events_.text(Severity::info, codec::gear_down(decision.numbers, policy));
  std::vector<std::string> names;
  names.reserve(ids.size());
  for (const auto& id : ids) names.push_back(name(id));
  events_.json(codec::action_json({decided_micros, pid_}, decision, names, by_));
}

void Recorder::refused(const core::Decision& decision, const Error& error) {
  if (error.message == last_refusal_) return;  // said already; the hold-off makes it come again
  last_refusal_ = error.message;
  notice(Severity::error, std::string(decision.action == core::Action::up ? "Cannot add gear: " : "Cannot remove gear: ") + error.message);
}

void Recorder::became_ready(std::string_view id, int pid, std::string_view detail) {
  const auto text = name(id) + " serves: " + std::string(detail);
  if (events_.wants_debug()) events_.text(Severity::debug, codec::tool_exit("GEAR_UP", "add-gear", pid, 0, text));
  events_.json(codec::outcome_json({clock_.system_micros(), pid_}, name(id), "serving", true, detail));
}

void Recorder::stands_by(std::string_view id, int pid, std::string_view detail) {
  if (events_.wants_debug()) events_.text(Severity::debug, name(id) + " stands by: " + std::string(detail));
  events_.json(codec::outcome_json({clock_.system_micros(), pid}, name(id), "standby", true, detail));
}

void Recorder::froze(std::string_view id, int pid, std::string_view detail) {
  if (events_.wants_debug()) events_.text(Severity::debug, name(id) + " is frozen: " + std::string(detail));
  events_.json(codec::outcome_json({clock_.system_micros(), pid}, name(id), "frozen", true, detail));
}

void Recorder::gave_up(std::string_view id, int pid, std::string_view why) {
  events_.text(Severity::error, codec::tool_exit("GEAR_UP", "add-gear", pid, 1, name(id) + ": " + std::string(why)));
  events_.json(codec::outcome_json({clock_.system_micros(), pid_}, name(id), "serving", false, why));
}

void Recorder::removed(std::string_view id, int pid, std::string_view detail) {
  const auto text = name(id) + " removed: " + std::string(detail);
  if (events_.wants_debug()) events_.text(Severity::debug, codec::tool_exit("GEAR_DOWN", "remove-gear", pid, 0, text));
  events_.json(codec::outcome_json({clock_.system_micros(), pid_}, name(id), "removed", true, detail));
}

void Recorder::step(std::string_view id, core::StepKind kind, const Result<void>& result) {
  const bool creates = kind == core::StepKind::create || kind == core::StepKind::create_standby;
  const auto key = std::string(creates ? std::string_view() : id) + " " + std::string(core::to_string(kind));
  if (failing_.size() > kMostSaid) failing_.clear();
  if (result) {
    failing_.erase(key);
  } else {
    auto& failing = failing_[key];
    const bool another = failing.message != result.error().message;
    if (!std::has_single_bit(++failing.tries) && !another) return;
    failing.message = result.error().message;
    const auto tries = failing.tries > 1 ? " (tried " + std::to_string(failing.tries) + " times)" : std::string();
    if (another || !creates)
      events_.text(Severity::error, name(id) + " - " + std::string(core::to_string(kind)) + " failed: " + failing.message + tries);
  }
  events_.json(codec::outcome_json({clock_.system_micros(), pid_}, name(id), core::to_string(kind), result.has_value(),
                                   result ? std::string_view() : std::string_view(result.error().message)));
}

void Recorder::notice(Severity severity, std::string_view text) {
  events_.text(severity, text);
  events_.json(codec::notice_json({clock_.system_micros(), pid_}, text));
}

void Recorder::connection(const Error* error) {
  if (error != nullptr && !lost_) notice(Severity::error, "A retryable error occurred: " + error->message);
  if (error == nullptr && lost_) notice(Severity::info, "HAProxy answers again");
  lost_ = error != nullptr;
}

void Recorder::trouble(std::optional<Error>& before, const Error* now, std::string_view begins, std::string_view ends) {
  const bool another = now != nullptr && (!before || before->code != now->code || before->sys_errno != now->sys_errno);
  if (another) notice(Severity::error, std::string(begins) + now->message);
  if (now == nullptr && before) notice(Severity::info, ends);
  before = now == nullptr ? std::nullopt : std::optional(*now);
}

void Recorder::skipped(const Error* error) { trouble(skipped_, error, "Checks are skipped: ", "Checks are made again"); }

void Recorder::apart(const Error* error) {
  trouble(apart_, error, "The registry could not be brought together with LXC: ", "The registry is brought together with LXC again");
}

void Recorder::processes(const Error* error) {
  trouble(forgotten_, error,
          "A controller that starts after this one will not know of sessions on HAProxy processes before the last reload: ",
          "The processes of HAProxy are remembered again");
}

void Recorder::hook_output(std::string_view id, const std::vector<std::string>& lines) {
  for (const auto& line : lines) notice(Severity::info, name(id) + " - " + line);
}

void Recorder::response_log(const Error* error) {
  if (error != nullptr && !log_lost_) {
    notice(Severity::error, "Response times are not known, so no gear is removed: " + error->message);
  }
  if (error == nullptr && log_lost_) notice(Severity::info, "Response times are known again");
  log_lost_ = error != nullptr;
}

void Recorder::file(const std::string& error) {
  if (error == file_error_) return;
  file_error_ = error;
  if (error.empty()) return notice(Severity::info, "haproxy.cfg is up to date again");
  notice(Severity::error, "haproxy.cfg could not be brought up to date: " + error);
}

}  // namespace gearscale::app
