// SPDX-License-Identifier: Apache-2.0
// FileWriter: haproxy.cfg is written and checked by a process of its own, one at a time, because `haproxy -c` and a disk take longer than
// a tick may. What has to stand in the file is not its business.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "gearscale/haproxy/config_file.hpp"
#include "gearscale/system/child.hpp"

namespace gearscale::haproxy {

class FileWriter {
 public:
  static constexpr core::Millis kDeadline{15'000};  // `haproxy -c` itself gets 10 s

  // A system without epoll or timerfd is a broken promise.
  explicit FileWriter(const Options& options, core::Millis deadline = kDeadline);
  // Gives a writing under way a second to end, then kills it; what waits for its turn is forgotten.
  ~FileWriter();
  FileWriter(const FileWriter&) = delete;
  FileWriter& operator=(const FileWriter&) = delete;

  // As Balancer::begin_file. A wish that the last success fulfilled already, with a file that nobody touched since, takes no process and is
  // reported by the next written(). Temp files that a crash left more than a minute ago are removed by each writing.
  Result<void> begin(const std::vector<ServerSpec>& servers);
  // As Balancer::file_written; also begins what waits. Errc::failed when the process took longer than the deadline: it was killed.
  std::optional<Result<void>> written();
  bool busy() const { return child_.has_value() || waiting_.has_value(); }
  // One and the same for ever: readable when written() has something to do.
  int fd() const { return poll_.get(); }

  // Did the last success write exactly these, and is the file as it was then? Not read for that, only looked at.
  bool is_made(const std::vector<ServerSpec>& servers) const;
  // What can be asked of the file itself.
  const ConfigFile& file() const { return file_; }

 private:
  Result<void> start();
  Result<std::string> work();
  void arm(std::chrono::nanoseconds time);  // zero: not at all

  std::string path_;
  ConfigFile file_;
  core::Millis deadline_;
  Fd poll_;   // epoll: the timer and the child's exit
  Fd timer_;  // the deadline of a child; or at once, for a wish that took none
  std::optional<system::Child> child_;
  bool killed_ = false;
  std::vector<ServerSpec> writing_;                 // what the child makes
  std::optional<std::vector<ServerSpec>> waiting_;  // the newest wish
  bool nothing_to_do_ = false;                      // a wish took no process, and written() has not said so yet
  std::vector<ServerSpec> made_;                    // what the last success made,
  std::string stamp_;                               // and the file as it was then; empty: not known
};

}  // namespace gearscale::haproxy
