// SPDX-License-Identifier: Apache-2.0
// Signals as something to read, and what is printed when the program crashes. What a signal means is the reader's business.
#pragma once

#include <csignal>
#include <optional>

#include "gearscale/base/fd.hpp"
#include "gearscale/base/result.hpp"

namespace gearscale::system {

// Blocks TERM, INT and HUP for the calling thread (make it before other threads, they inherit the mask) and hands them out one by one.
// A forked child inherits the blocked mask: reset it before an exec (run_process does).
class SignalFd {
 public:
  static Result<SignalFd> open();  // Errc::failed: no descriptors left

  SignalFd(SignalFd&&) = default;
  SignalFd& operator=(SignalFd&&) = delete;
  ~SignalFd();  // the mask is as before; a signal that was not read takes its effect now

  int fd() const { return fd_.get(); }  // readable when read() has something
  std::optional<int> read();            // SIGTERM, SIGINT or SIGHUP; nothing: none is waiting. Never blocks

 private:
  SignalFd(Fd fd, const sigset_t& before) : fd_(std::move(fd)), before_(before) {}
  Fd fd_;
  sigset_t before_;
};

// On SEGV, BUS, FPE, ILL and ABRT: the signal's name and a backtrace to standard error, then the default end (core dump). Call it once, at
// the start, from the main thread; it works on a full stack of that thread too, because it runs on a stack of its own.
void install_crash_handler();

}  // namespace gearscale::system
