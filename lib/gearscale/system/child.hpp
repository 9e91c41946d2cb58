// SPDX-License-Identifier: Apache-2.0
// Child: one function run in a forked process of its own (no exec), and what it answers. What may hang, leak or crash (each call of liblxc)
// and what takes longer than a tick may (HAProxy's own check of its file) is done in one: the control loop neither waits nor falls with it.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>

#include "gearscale/base/fd.hpp"
#include "gearscale/base/result.hpp"
#include "gearscale/core/types.hpp"

namespace gearscale::system {

// Only for single-threaded processes, because the child goes on to allocate memory and to call libraries. It gets default signals, umask
// 022, "/" as directory, /dev/null as standard files, no other descriptor of ours, an environment of PATH, LC_ALL and our own GEARSCALE_
// variables, a process group of its own and a name of its own, and it is killed when its parent ends, however that happens. It leaves by
// _exit: nothing of the parent's is flushed or destroyed twice.
class Child {
 public:
  using Work = std::function<Result<std::string>()>;

  // Errc::failed when there is no memory, process or descriptor left. The work's exceptions become its error. The name (15 characters at
  // most) is what ps(1) shows; the default is that of what works on containers, because a container's monitor inherits it.
  static Result<Child> start(const Work& work, const char* name = "gearscale-gear");

  Child(Child&&) noexcept = default;
  Child& operator=(Child&&) = delete;
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  // Kills it if it still runs, and waits for it for half a second at most.
  ~Child();

  pid_t pid() const { return pid_; }
  int exit_fd() const { return exit_fd_.get(); }  // readable when it has ended: a pidfd, so nobody who inherited the pipe can hide the end
  int answer_fd() const { return answer_fd_.get(); }

  // SIGKILL for it and for what it has started, except for monitors of containers: those lead sessions of their own.
  void kill() const;
  // Takes what it has written so far; never waits.
  void read_answer();
  // Has it ended? Never waits; from then on there is no zombie left.
  bool reap();
  // What the work returned, or how the process died. Only when reap() was true.
  Result<std::string> result() const;

 private:
  Child(pid_t pid, Fd exit_fd, Fd answer_fd) : pid_(pid), exit_fd_(std::move(exit_fd)), answer_fd_(std::move(answer_fd)) {}

  pid_t pid_ = 0;
  Fd exit_fd_;
  Fd answer_fd_;
  std::string answer_;
  bool over_ = false;
  int wait_code_ = 0;    // si_code of waitid(2)
  int wait_status_ = 0;  // exit code or signal
};

// Runs the work in a child and waits for its answer. Errc::failed when it does not come before the deadline; the child is killed then.
Result<std::string> call_in_child(const Child::Work& work, core::Millis deadline);

}  // namespace gearscale::system
