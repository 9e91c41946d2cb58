// SPDX-License-Identifier: Apache-2.0
// EventLog: scale_events.log for people and scale_events.jsonl for programs. A log that cannot be written never stops the program.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

#include "gearscale/base/severity.hpp"
#include "gearscale/codec/events.hpp"
#include "gearscale/ports.hpp"
#include "gearscale/system/append_file.hpp"

namespace gearscale::system {

// This moment and this process, for codec::log_line.
codec::LogStamp stamp_now();

struct EventLogOptions {
  std::string text_path;                             // scale_events.log; rotated by outsiders, if at all
  std::string json_path;                             // scale_events.jsonl; rotated here
  bool debug = false;                                // are debug lines written?
  std::FILE* mirror = nullptr;                       // gets every line for people too (foreground mode); not owned
  std::int64_t json_limit = 64 * 1024 * 1024;        // bytes; longer: rotated, four are kept
};

// Several processes may write to the same files, each with one EventLog; one is for one thread. A line that cannot be written is dropped
// and counted; standard error hears of it when the drops begin and when they are over.
class EventLog final : public EventSink {
 public:
  explicit EventLog(EventLogOptions options);

  void text(Severity severity, std::string_view message) override;
  void json(std::string_view object) override;
  bool wants_debug() const override { return options_.debug; }
  void set_debug(bool debug) { options_.debug = debug; }

  // After SIGHUP: the next line opens the files anew. (A rotation is noticed without it.)
  void reopen();

  std::uint64_t dropped() const { return text_.dropped + json_.dropped; }  // lines, of both files, since the start

 private:
  struct Channel {
    AppendFile file;
    std::uint64_t dropped = 0;
    std::uint64_t dropped_before = 0;  // when the present trouble began
    bool failing = false;
    bool rotation_failing = false;
  };
  static void account(Channel& channel, const Result<void>& written);
  void rotate_json(std::size_t more);

  EventLogOptions options_;
  Channel text_;
  Channel json_;
};

}  // namespace gearscale::system
