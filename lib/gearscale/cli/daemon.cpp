// SPDX-License-Identifier: Apache-2.0
// Daemon control: forking away, waiting for the first report, ending by TERM.
#include "gearscale/cli/daemon.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <exception>
#include <iostream>
#include <optional>
#include <thread>
#include <utility>

#include "gearscale/cli/exit_codes.hpp"
#include "gearscale/system/errors.hpp"
#include "gearscale/system/files.hpp"
#include "gearscale/system/pid_file.hpp"

namespace gearscale::cli {

namespace {

using system::PidFile;
using system::PidStatus;
using SteadyClock = std::chrono::steady_clock;

constexpr const char* kController = "haproxy_ctld";
constexpr int kStatusDead = 1;
constexpr int kStatusNotRunning = 3;

// Pid 0: the lock is held from a pid namespace that ours does not show.
std::string pid_text(pid_t pid) { return pid == 0 ? "(pid not visible from here)" : "(pid " + std::to_string(pid) + ")"; }

// The same error; where somebody who is not root came as far as this, with what to do.
Unexpected explained(const Error& error) {
  if (error.sys_errno != EACCES && error.sys_errno != EPERM) return fail(error);
  return fail(Errc::config, error.message + ": run it as root (sudo)", error.sys_errno);
}

// Takes the lock of a controller that died and lets it go again, which removes the file. Whoever starts in this moment has the lock and
// keeps the file.
void remove_stale(const std::string& pid_file) { static_cast<void>(PidFile::acquire(pid_file).has_value()); }

Result<void> refuse_running(const Daemon& daemon) {
  const auto seen = PidFile::status(daemon.pid_file);
  if (!seen) return explained(seen.error());
  if (seen->state == PidStatus::State::running) return fail(Errc::failed, "already running " + pid_text(seen->pid));
  return {};
}

// The second child: no terminal, no foreign descriptors, its own directory and streams.
void detach(const Fd& output, const Fd& report) {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  signal(SIGCHLD, SIG_DFL);
  umask(027);
  const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (::chdir("/") != 0 || null < 0 || ::dup2(null, 0) < 0 || ::dup2(output.get(), 1) < 0 || ::dup2(output.get(), 2) < 0) {
    _exit(kExitFailed);
  }
  // A lock or socket that the starter's caller left open must not live on in a daemon.
  const auto kept = static_cast<unsigned>(report.get());
  if (kept > 3) ::close_range(3, kept - 1, 0);
  ::close_range(kept + 1, ~0U, 0);
}

[[noreturn]] void run_detached(const Daemon& daemon, const Fd& output, Fd report) {
  if (::setsid() < 0) _exit(kExitFailed);
  const pid_t second = ::fork();  // no session leader, so that it never gets a terminal again
  if (second != 0) _exit(second < 0 ? kExitFailed : kExitDone);
  detach(output, report);
  int code = kExitFailed;
  ReadyReport ready(kController, std::cerr, std::move(report));
  try {
    code = daemon.controller(ready);
  } catch (const std::exception& exception) {
    ready.failed(kExitFailed, std::string("unexpected failure: ") + exception.what());
  } catch (...) {
    ready.failed(kExitFailed, "unexpected failure of an unknown kind");
  }
  std::cout.flush();
  std::cerr.flush();
  std::fflush(nullptr);
  _exit(code);  // exit() would run what belongs to the starter
}

// How the first seconds of a controller went.
struct Beginning {
  enum class Kind { reported, died, silent, no_lock };
  Kind kind = Kind::died;
  Report report;
};

Beginning await_report(const Daemon& daemon, const Fd& receiver) {
  const auto begun = SteadyClock::now();
  std::optional<SteadyClock::time_point> locked;
  for (;;) {
    pollfd readable{.fd = receiver.get(), .events = POLLIN, .revents = 0};
    if (::poll(&readable, 1, static_cast<int>(daemon.waits.poll.count())) > 0) {
      auto report = receive_report(receiver);
      if (!report) return {.kind = Beginning::Kind::died};
      return {.kind = Beginning::Kind::reported, .report = std::move(*report)};
    }
    const auto now = SteadyClock::now();
    if (!locked) {
      const auto seen = PidFile::status(daemon.pid_file);
      if (seen && seen->state == PidStatus::State::running) locked = now;
    }
    if (locked && now - *locked >= daemon.waits.silence) return {.kind = Beginning::Kind::silent};
    if (!locked && now - begun >= daemon.waits.lock) return {.kind = Beginning::Kind::no_lock};
  }
}

std::string seconds(core::Millis time) { return std::to_string(time.count() / 1'000) + " s"; }

void print_started(const Daemon& daemon) {
  const auto seen = PidFile::status(daemon.pid_file);
  *daemon.out << kController << " started";
  if (seen && seen->state == PidStatus::State::running) *daemon.out << " " << pid_text(seen->pid);
  *daemon.out << "\n";
}

Result<int> conclude(const Daemon& daemon, const Beginning& beginning) {
  const auto see = "; see " + daemon.output_file;
  switch (beginning.kind) {
    case Beginning::Kind::died:
      return fail(Errc::failed, std::string(kController) + " ended at once and did not say why" + see);
    case Beginning::Kind::no_lock:
      return fail(Errc::failed, std::string(kController) + " has not taken " + daemon.pid_file + " within " + seconds(daemon.waits.lock) +
                                    " and may still be starting" + see);
    case Beginning::Kind::silent:
      *daemon.err << kController << ": warning: it runs, but has not said within " << seconds(daemon.waits.silence)
                  << " whether all is well" << see << "\n";
      break;
    case Beginning::Kind::reported:
      if (beginning.report.kind == Report::Kind::failure) {
        *daemon.err << kController << ": " << beginning.report.text << "\n";
        // Whatever code it named: a controller that did not start is no success.
        return beginning.report.exit_code == kExitDone ? kExitFailed : beginning.report.exit_code;
      }
      if (beginning.report.kind == Report::Kind::warning) *daemon.err << kController << ": warning: " << beginning.report.text << "\n";
      break;
  }
  print_started(daemon);
  return kExitDone;
}

Result<int> start(const Daemon& daemon) {
  if (auto free = refuse_running(daemon); !free) return fail(free.error());
  const auto output = system::open_regular(daemon.output_file, {.flags = O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, .mode = 0640});
  if (!output && output.error().sys_errno == ENOENT) {
    return fail(Errc::config, output.error().message + ": run the cartridge's setup first", ENOENT);
  }
  if (!output) return explained(output.error());
  auto pair = make_report_pair();
  if (!pair) return fail(pair.error());
  // What is buffered now would be written twice, the second time into the output file.
  std::cout.flush();
  std::cerr.flush();
  std::fflush(nullptr);
  const pid_t first = ::fork();
  if (first < 0) return system::fail_errno(Errc::failed, "cannot start a process", errno);
  if (first == 0) run_detached(daemon, *output, std::move(pair->sender));
  pair->sender.reset();
  while (::waitpid(first, nullptr, 0) < 0 && errno == EINTR) {
  }
  return conclude(daemon, await_report(daemon, pair->receiver));
}

// Has the process let the lock go?
Result<bool> is_free_of(const Daemon& daemon, pid_t pid) {
  const auto seen = PidFile::status(daemon.pid_file);
  if (!seen) return fail(seen.error());
  return seen->state != PidStatus::State::running || seen->pid != pid;
}

Result<int> stop(const Daemon& daemon) {
  const auto seen = PidFile::status(daemon.pid_file);
  if (!seen) return explained(seen.error());
  if (seen->state != PidStatus::State::running) {
    const bool stale = seen->state == PidStatus::State::dead_with_file;
    if (stale) remove_stale(daemon.pid_file);
    *daemon.out << kController << " is not running" << (stale ? " (its stale pid file is removed)" : "") << "\n";
    return kExitDone;
  }
  const pid_t pid = seen->pid;
  const auto name = std::string(kController) + " " + pid_text(pid);
  if (pid <= 0) return fail(Errc::failed, "cannot stop " + name + ": stop it where it was started");
  if (::kill(pid, SIGTERM) != 0 && errno != ESRCH) return explained(system::fail_errno(Errc::failed, "cannot stop " + name, errno).value);
  const auto deadline = SteadyClock::now() + daemon.waits.stop;
  for (;;) {
    const auto free = is_free_of(daemon, pid);
    if (!free) return fail(free.error());
    if (*free) break;
    if (SteadyClock::now() >= deadline) {
      return fail(Errc::failed,
                  name + " has not ended within " + seconds(daemon.waits.stop) + " of TERM; it is left running; see " + daemon.output_file);
    }
    std::this_thread::sleep_for(daemon.waits.poll);
  }
  const auto after = PidFile::status(daemon.pid_file);
  if (after && after->state == PidStatus::State::dead_with_file) remove_stale(daemon.pid_file);
  *daemon.out << kController << " stopped " << pid_text(pid) << "\n";
  return kExitDone;
}

Result<int> status(const Daemon& daemon) {
  const auto seen = PidFile::status(daemon.pid_file);
  // 1 would mean "dead": what cannot be known is 4, in the LSB too.
  if (!seen) return fail(Errc::unavailable, seen.error().message, seen.error().sys_errno);
  switch (seen->state) {
    case PidStatus::State::running:
      *daemon.out << kController << " is running " << pid_text(seen->pid) << "\n";
      return kExitDone;
    case PidStatus::State::dead_with_file:
      *daemon.out << kController << " is dead but its pid file exists\n";
      return kStatusDead;
    case PidStatus::State::not_running:
      break;
  }
  *daemon.out << kController << " is not running\n";
  return kStatusNotRunning;
}

Result<int> run(const Daemon& daemon) {
  if (auto free = refuse_running(daemon); !free) return fail(free.error());
  ReadyReport ready(kController, *daemon.err);
  return daemon.controller(ready);
}

}  // namespace

Result<int> control_daemon(const Daemon& daemon, DaemonCommand command) {
  switch (command) {
    case DaemonCommand::start:
      return start(daemon);
    case DaemonCommand::stop:
      return stop(daemon);
    case DaemonCommand::restart: {
      auto stopped = stop(daemon);
      if (!stopped) return stopped;
      return start(daemon);
    }
    case DaemonCommand::status:
      return status(daemon);
    case DaemonCommand::run:
      return run(daemon);
  }
  return fail(Errc::usage, "unknown command");
}

}  // namespace gearscale::cli
