// SPDX-License-Identifier: Apache-2.0
// Tests of signals as something to read, and of what a crash leaves.
#include "gearscale/system/signals.hpp"

#include <poll.h>
#include <sys/mman.h>

#include "helpers.hpp"
#include "support/catch.hpp"

using namespace gearscale;
using system::SignalFd;
using test::Child;
using test::TempDir;

namespace {

bool is_readable(int fd) {
  pollfd watched{fd, POLLIN, 0};
  return ::poll(&watched, 1, 0) == 1;
}

bool is_blocked(int number) {
  sigset_t now;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &now);
  return ::sigismember(&now, number) == 1;
}

// Runs `crash` in a child with the handler installed; how the child ended and what it said.
struct Crash {
  int signal = 0;
  std::string output;
};
Crash crashed(const std::function<void()>& crash) {
  const TempDir dir;
  Child child([&] {
    const Fd file(::open((dir / "stderr").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    ::dup2(file.get(), STDERR_FILENO);
    system::install_crash_handler();
    crash();
    return 0;
  });
  const int signal = child.end_signal();
  return {signal, test::slurp(dir / "stderr")};
}

// Endless recursion that no optimiser turns into a loop.
int deeper(volatile int* depth) {
  volatile char frame[4096];
  frame[0] = static_cast<char>(*depth);
  *depth = *depth + 1;
  if (*depth < 0) return 0;  // never reached, but the compiler cannot know
  return deeper(depth) + frame[0];
}

}  // namespace

TEST_CASE("TERM, INT and HUP are read, others are left alone, and the mask comes back") {
  {
    auto signals = SignalFd::open();
    REQUIRE(test::error_of(signals) == "");
    for (const int number : {SIGTERM, SIGINT, SIGHUP}) {
      CHECK(is_blocked(number));
      CHECK(!signals->read());
      CHECK(!is_readable(signals->fd()));
      ::raise(number);
      CHECK(is_readable(signals->fd()));
      CHECK(signals->read() == number);
    }
    CHECK(!signals->read());
    CHECK(!is_blocked(SIGUSR1));
    const SignalFd moved = std::move(*signals);
    CHECK(is_blocked(SIGTERM));
  }
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) CHECK(!is_blocked(number));
}

TEST_CASE("a signal that was blocked before stays blocked after") {
  sigset_t one, before;
  ::sigemptyset(&one);
  ::sigaddset(&one, SIGHUP);
  ::pthread_sigmask(SIG_BLOCK, &one, &before);
  { const auto signals = SignalFd::open(); }
  CHECK(is_blocked(SIGHUP));
  CHECK(!is_blocked(SIGTERM));
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

TEST_CASE("a TERM that nobody read ends the program when the mask comes back") {
  Child child([] {
    { const auto signals = SignalFd::open(); ::raise(SIGTERM); }
    return 0;
  });
  CHECK(child.end_signal() == SIGTERM);
}

TEST_CASE("each crash signal is named with a backtrace and ends the program as by default") {
  const struct {
    int number;
    const char* name;
  } cases[] = {{SIGSEGV, "SIGSEGV"}, {SIGBUS, "SIGBUS"}, {SIGFPE, "SIGFPE"}, {SIGILL, "SIGILL"}, {SIGABRT, "SIGABRT"}};
  for (const auto& each : cases) {
    const auto crash = crashed([&] { ::raise(each.number); });
    CHECK(crash.signal == each.number);
    CHECK(crash.output.find(std::string("gearscale: crashed by ") + each.name + ", backtrace:\n") == 0);
    CHECK(crash.output.find("[0x") != std::string::npos);  // frames
  }
}

TEST_CASE("a real fault, abort and a broken promise leave a backtrace") {
  const auto fault = crashed([] {
    auto* page = static_cast<volatile char*>(::mmap(nullptr, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    *page = 1;
  });
  CHECK(fault.signal == SIGSEGV);
  CHECK(fault.output.find("SIGSEGV, backtrace:\n") != std::string::npos);
  const auto promise = crashed([] { GEARSCALE_CHECK(1 + 1 == 3); });
  CHECK(promise.signal == SIGABRT);
  CHECK(promise.output.find("broken promise: 1 + 1 == 3") != std::string::npos);
  CHECK(promise.output.find("SIGABRT, backtrace:\n") != std::string::npos);
}

TEST_CASE("a full stack leaves a backtrace too") {
  const auto crash = crashed([] {
    volatile int depth = 0;
    deeper(&depth);
  });
  CHECK(crash.signal == SIGSEGV);
  CHECK(crash.output.find("SIGSEGV, backtrace:\n") != std::string::npos);
}
