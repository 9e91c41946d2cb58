// SPDX-License-Identifier: Apache-2.0
// How a starting controller tells whoever started it that it is ready, ready but without HAProxy, or not able to run.
#pragma once

#include <iosfwd>
#include <optional>
#include <string>

#include "gearscale/base/fd.hpp"
#include "gearscale/base/result.hpp"

namespace gearscale::cli {

struct Report {
  enum class Kind { ok, warning, failure };
  Kind kind = Kind::ok;
  int exit_code = 0;  // of a failure
  std::string text;   // of a warning or failure, without a line end
};

// One end of a pair of sockets, the other one is read by receive_report(). Only the first report is sent, further ones go to `err` alone.
// Nobody need listen: the starter may have lost patience and gone.
class ReadyReport {
 public:
  // `tool` begins the lines written to `err`; without a socket (foreground) that is all that happens.
  ReadyReport(std::string tool, std::ostream& err, Fd socket = Fd());

  void ok();                                            // configured, pid file taken, HAProxy reached
  void warn(const std::string& text);                   // configured, pid file taken, but HAProxy not reached yet: "tool: warning: TEXT"
  void failed(int exit_code, const std::string& text);  // it will end with this code: "tool: TEXT". The caller prints nothing more

 private:
  void send(const Report& report);
  std::string tool_;
  std::ostream& err_;
  Fd socket_;
};

// Two connected sockets, close-on-exec, for the report of a child. Errc::failed.
struct ReportPair {
  Fd receiver, sender;
};
Result<ReportPair> make_report_pair();

// Reads the report; call it when the descriptor is readable. Nothing: the child ended, or closed its end, without one.
std::optional<Report> receive_report(const Fd& receiver);

}  // namespace gearscale::cli
