// SPDX-License-Identifier: Apache-2.0
// Implementation of the event log.
#include "gearscale/system/event_log.hpp"

#include <unistd.h>

#include <chrono>
#include <ctime>
#include <utility>

#include "gearscale/codec/events.hpp"

namespace gearscale::system {

codec::LogStamp stamp_now() {
  const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
  const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(since_epoch).count();
  const auto seconds = static_cast<std::time_t>(micros / 1'000'000);
  std::tm local{};
  ::tzset();  // localtime_r need not do it
  ::localtime_r(&seconds, &local);
  return {.year = local.tm_year + 1900,
          .month = local.tm_mon + 1,
          .day = local.tm_mday,
          .hour = local.tm_hour,
          .minute = local.tm_min,
          .second = local.tm_sec,
          .micros = static_cast<int>(micros % 1'000'000),
          .pid = ::getpid()};
}

EventLog::EventLog(EventLogOptions options)
    : options_(std::move(options)), text_{.file = AppendFile(options_.text_path)}, json_{.file = AppendFile(options_.json_path)} {}

void EventLog::text(Severity severity, std::string_view message) {
  if (severity == Severity::debug && !options_.debug) return;
  const std::string line = codec::log_line(severity, message, stamp_now());
  if (options_.mirror != nullptr) {
    std::fwrite(line.data(), 1, line.size(), options_.mirror);
    std::fflush(options_.mirror);
  }
  account(text_, text_.file.append(line));
}

void EventLog::json(std::string_view object) {
  const std::string line = std::string(object) + "\n";
  rotate_json(line.size());
  account(json_, json_.file.append(line));
}

// A rotation that fails is said once, and the file just grows.
void EventLog::rotate_json(std::size_t more) {
  const auto size = json_.file.refresh();
  if (!size) return;  // append says why
  if (*size == 0 || *size + static_cast<std::int64_t>(more) <= options_.json_limit) return;
  const auto rotated = rotate_if_longer(json_.file.path(), static_cast<std::int64_t>(more), {.limit = options_.json_limit});
  if (!rotated && !json_.rotation_failing) std::fprintf(stderr, "gearscale: %s\n", rotated.error().message.c_str());
  json_.rotation_failing = !rotated;
}

void EventLog::account(Channel& channel, const Result<void>& written) {
  if (!written) {
    if (!channel.failing) {
      channel.dropped_before = channel.dropped;
      std::fprintf(stderr, "gearscale: %s; events are dropped until it can be written again\n", written.error().message.c_str());
    }
    ++channel.dropped;
  } else if (channel.failing) {
    std::fprintf(stderr, "gearscale: %s can be written again; events dropped: %llu\n", channel.file.path().c_str(),
                 static_cast<unsigned long long>(channel.dropped - channel.dropped_before));
  }
  channel.failing = !written;
}

void EventLog::reopen() {
  text_.file.close();
  json_.file.close();
}

}  // namespace gearscale::system
