// SPDX-License-Identifier: Apache-2.0
// What the daemon tests share: a directory with a daemon in it, and a controller that is a few lines long.
#pragma once

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>

#include "gearscale/cli/daemon.hpp"
#include "gearscale/cli/exit_codes.hpp"
#include "gearscale/system/pid_file.hpp"
#include "support/catch.hpp"

namespace gearscale::cli {

using system::PidFile;
using system::PidStatus;

inline sigset_t term_signal() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  return set;
}

// Works until TERM, as a controller does.
inline int until_term() {
  const auto set = term_signal();
  int signal = 0;
  sigwait(&set, &signal);
  return kExitDone;
}

inline void block_term() {
  const auto set = term_signal();
  sigprocmask(SIG_BLOCK, &set, nullptr);
}

// A directory, a daemon in it, and what it said. A controller that is left over is ended with the fixture.
class Bench {
 public:
  Bench() {
    // Controllers lose their parent on purpose; not every container has a first process that reaps them, so this one does.
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    char name[] = "/tmp/gearscale-daemon-XXXXXX";
    REQUIRE(::mkdtemp(name) != nullptr);
    directory_ = name;
    daemon.pid_file = directory_ + "/haproxy_ctld.pid";
    daemon.output_file = directory_ + "/haproxy_ctld.output";
    daemon.out = &out_;
    daemon.err = &err_;
    daemon.waits = {.lock = core::Millis(20'000), .silence = core::Millis(20'000), .stop = core::Millis(20'000), .poll = core::Millis(2)};
    daemon.controller = [this](ReadyReport& ready) { return good_controller(ready); };
  }
  ~Bench() {
    if (const auto seen = PidFile::status(daemon.pid_file); seen && seen->state == PidStatus::State::running && seen->pid != ::getpid()) {
      ::kill(seen->pid, SIGKILL);
      await([&] { return state() != PidStatus::State::running; });
    }
    await([] { return ::waitpid(-1, nullptr, WNOHANG) < 0 && errno == ECHILD; });
    for (const auto* name : {"haproxy_ctld.pid", "haproxy_ctld.output", "note"}) ::unlink((directory_ + "/" + name).c_str());
    ::rmdir(directory_.c_str());
  }
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  // The exit code, as a tool that is run would give it; `text` is then stdout and stderr of this command.
  int run(DaemonCommand command) {
    out_.str("");
    err_.str("");
    const int code = run_main("haproxy_ctld_daemon", [&] { return control_daemon(daemon, command); }, out_, err_);
    out = out_.str();
    err = err_.str();
    return code;
  }
  int good_controller(ReadyReport& ready) const {
    block_term();
    auto pid_file = PidFile::acquire(daemon.pid_file);
    if (!pid_file) {
      ready.failed(exit_code(pid_file.error().code), pid_file.error().message);
      return exit_code(pid_file.error().code);
    }
    ready.ok();
    return until_term();
  }
  PidStatus::State state() const { return PidFile::status(daemon.pid_file).value().state; }
  pid_t pid() const { return PidFile::status(daemon.pid_file).value().pid; }
  std::string output() const { return read(daemon.output_file); }
  static std::string read(const std::string& path) {
    std::ifstream file(path);
    std::stringstream content;
    content << file.rdbuf();
    return content.str();
  }
  template <class Condition>
  static bool await(Condition condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!condition()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return true;
  }
  const std::string& directory() const { return directory_; }

  Daemon daemon;
  std::string out, err;

 private:
  std::string directory_;
  std::ostringstream out_, err_;
};

}  // namespace gearscale::cli
