// SPDX-License-Identifier: Apache-2.0
// Turns decisions and outcomes into event lines: the cartridge's text and one JSON object each. What is said only once is remembered here.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gearscale/core/decision.hpp"
#include "gearscale/core/names.hpp"
#include "gearscale/ports.hpp"

namespace gearscale::app {

inline constexpr std::string_view kRecalled = "recalled while it drained";  // detail of became_ready

class Recorder {
 public:
  // `by`: the program that acts ("haproxy_ctld", "add-gear"); `pid`: its process.
  Recorder(EventSink& events, Clock& clock, core::Application application, std::string by, int pid);

  void check(const core::Decision& decision, const core::Policy& policy, const core::Limits& limits, const std::string& error);
  // `decided_micros`: the system clock at the decision, before anything was done.
  void action(const core::Decision& decision, const core::Policy& policy, const std::vector<std::string>& ids, std::int64_t decided_micros);
  void refused(const core::Decision& decision, const Error& error);
  void became_ready(std::string_view id, int pid, std::string_view detail);
  void gave_up(std::string_view id, int pid, std::string_view why);
  void stands_by(std::string_view id, int pid, std::string_view detail);
  void froze(std::string_view id, int pid, std::string_view detail);
  void removed(std::string_view id, int pid, std::string_view detail);
  // A failure is said when it is another one, or another gear's, and at each doubling of its tries in a row; creations are all one.
  void step(std::string_view id, core::StepKind kind, const Result<void>& result);
  void notice(Severity severity, std::string_view text);
  // HAProxy could (nullptr) or could not be observed: one line when it is lost, one when it is back.
  void connection(const Error* error);
  // Checks are skipped because lock or registry cannot be had (why), or are made again (nullptr): said when it begins, when it is of another
  // kind, and when it ends. Who has the lock does not matter: with commands at work it is each time another one.
  void skipped(const Error* error);
  // The same of the first look at all containers, without which nothing is carried on.
  void apart(const Error* error);
  // Lines that a gear's hooks printed.
  void hook_output(std::string_view id, const std::vector<std::string>& lines);
  // The log of response times is lost (why), or back (nullptr); said when it changes.
  void response_log(const Error* error);
  // HAProxy's processes could not (why) or could (nullptr) be remembered: said when it begins and when it is over.
  void processes(const Error* error);
  // Why haproxy.cfg could not be written, or nothing: said when it changes.
  void file(const std::string& error);

 private:
  std::string name(std::string_view id) const { return core::gear_name(application_, id); }
  void trouble(std::optional<Error>& before, const Error* now, std::string_view begins, std::string_view ends);

  EventSink& events_;
  Clock& clock_;
  core::Application application_;
  std::string by_;
  int pid_;
  bool lost_ = false;
  bool log_lost_ = false;
  core::Reason last_reason_ = core::Reason::in_band;
  std::string last_refusal_;
  std::string file_error_;
  std::optional<Error> skipped_;
  std::optional<Error> apart_;
  std::optional<Error> forgotten_;
  struct Failing {
    std::string message;
    unsigned tries = 0;  // in a row
  };
  std::map<std::string, Failing> failing_;  // steps of gears, since they last succeeded
};

}  // namespace gearscale::app
