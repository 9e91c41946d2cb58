// SPDX-License-Identifier: Apache-2.0
// signalfd(2), and a crash handler that calls nothing but what is safe in one.
#include "gearscale/system/signals.hpp"

#include <execinfo.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "gearscale/base/check.hpp"
#include "gearscale/system/errors.hpp"

namespace gearscale::system {

namespace {

constexpr std::size_t kCrashStack = 64 * 1024;
constexpr int kMaxFrames = 64;

struct CrashSignal {
  int number;
  const char* text;
};
constexpr CrashSignal kCrashSignals[] = {
    {SIGSEGV, "gearscale: crashed by SIGSEGV, backtrace:\n"}, {SIGBUS, "gearscale: crashed by SIGBUS, backtrace:\n"},
    {SIGFPE, "gearscale: crashed by SIGFPE, backtrace:\n"},   {SIGILL, "gearscale: crashed by SIGILL, backtrace:\n"},
    {SIGABRT, "gearscale: crashed by SIGABRT, backtrace:\n"},
};

void on_crash(int number) {
  for (const auto& crash : kCrashSignals) {
    if (crash.number != number) continue;
    if (::write(STDERR_FILENO, crash.text, std::strlen(crash.text)) < 0) break;  // nobody to tell
    void* frames[kMaxFrames];
    ::backtrace_symbols_fd(frames, ::backtrace(frames, kMaxFrames), STDERR_FILENO);
  }
  struct sigaction usual {};
  usual.sa_handler = SIG_DFL;
  ::sigaction(number, &usual, nullptr);
  sigset_t only;
  ::sigemptyset(&only);
  ::sigaddset(&only, number);
  ::pthread_sigmask(SIG_UNBLOCK, &only, nullptr);  // it is blocked while its handler runs
  ::raise(number);
  ::_exit(128 + number);
}

}  // namespace

Result<SignalFd> SignalFd::open() {
  sigset_t wanted, before;
  ::sigemptyset(&wanted);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) ::sigaddset(&wanted, number);
  Fd fd(::signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd.is_open()) return fail_errno(Errc::failed, "cannot listen for signals", errno);
  GEARSCALE_CHECK(::pthread_sigmask(SIG_BLOCK, &wanted, &before) == 0);
  return SignalFd(std::move(fd), before);
}

SignalFd::~SignalFd() {
  if (fd_.is_open()) ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

std::optional<int> SignalFd::read() {
  signalfd_siginfo info{};
  ssize_t got = -1;
  do {
    got = ::read(fd_.get(), &info, sizeof info);
  } while (got < 0 && errno == EINTR);
  if (got != static_cast<ssize_t>(sizeof info)) return std::nullopt;
  return static_cast<int>(info.ssi_signo);
}

void install_crash_handler() {
  // The first backtrace() loads a library, which must not happen in a crash.
  void* frame[1];
  ::backtrace(frame, 1);
  alignas(16) static char crash_stack[kCrashStack];  // has to outlive everything
  stack_t stack{};
  stack.ss_sp = crash_stack;
  stack.ss_size = sizeof crash_stack;
  GEARSCALE_CHECK(::sigaltstack(&stack, nullptr) == 0);
  struct sigaction action {};
  action.sa_handler = on_crash;
  action.sa_flags = SA_ONSTACK;
  ::sigemptyset(&action.sa_mask);
  for (const auto& crash : kCrashSignals) GEARSCALE_CHECK(::sigaction(crash.number, &action, nullptr) == 0);
}

}  // namespace gearscale::system
