// SPDX-License-Identifier: Apache-2.0
#include "gearscale/system/child.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <stdexcept>

#include "gearscale/system/deadline.hpp"
#include "gearscale/system/files.hpp"
#include "support/catch.hpp"

namespace gearscale::system {

namespace {

constexpr core::Millis kLong{20'000};

bool ended(const Child& child) {
  pollfd event{child.exit_fd(), POLLIN, 0};
  return ::poll(&event, 1, static_cast<int>(kLong.count())) > 0;
}

void sleep_for_ever() {
  for (;;) ::pause();
}

bool exists(pid_t pid) { return ::kill(pid, 0) == 0; }

}  // namespace

TEST_CASE("what the work says comes back, success and error alike") {
  const auto said = call_in_child([]() -> Result<std::string> { return std::string("a\nb"); }, kLong);
  REQUIRE(said);
  CHECK(*said == "a\nb");
  CHECK(*call_in_child([]() -> Result<std::string> { return std::string(); }, kLong) == "");
  const auto failed = call_in_child([]() -> Result<std::string> { return fail(Errc::limit, "no\nroom", 28); }, kLong);
  REQUIRE_FALSE(failed);
  CHECK(failed.error().code == Errc::limit);
  CHECK(failed.error().message == "no\nroom");
  CHECK(failed.error().sys_errno == 28);
}

TEST_CASE("an answer longer than a pipe holds comes back whole") {
  const std::string longer(300'000, 'x');
  const auto said = call_in_child([&]() -> Result<std::string> { return longer; }, kLong);
  REQUIRE(said);
  CHECK(*said == longer);
}

TEST_CASE("an exception, a crash and an early exit are errors that say so") {
  const auto thrown = call_in_child([]() -> Result<std::string> { throw std::runtime_error("boom"); }, kLong);
  REQUIRE_FALSE(thrown);
  CHECK(thrown.error().message == "unexpected exception: boom");
  const auto crashed = call_in_child(
      []() -> Result<std::string> {
        ::raise(SIGKILL);
        return std::string("unreachable");
      },
      kLong);
  REQUIRE_FALSE(crashed);
  CHECK(crashed.error().message == "the helper process was ended by signal 9");
  const auto left = call_in_child([]() -> Result<std::string> { ::_exit(7); }, kLong);
  REQUIRE_FALSE(left);
  CHECK(left.error().message == "the helper process ended with exit code 7");
  const auto silent = call_in_child([]() -> Result<std::string> { ::_exit(0); }, kLong);
  REQUIRE_FALSE(silent);
  CHECK(silent.error().message == "the helper process answered something unreadable");
}

TEST_CASE("a call that hangs ends at its deadline and leaves no process") {
  const auto hung = call_in_child(
      []() -> Result<std::string> {
        sleep_for_ever();
        return std::string();
      },
      core::Millis(50));
  REQUIRE_FALSE(hung);
  CHECK(hung.error().code == Errc::failed);
  CHECK(hung.error().message == "the helper process did not answer within 50 ms");
  CHECK(::waitpid(-1, nullptr, WNOHANG) == -1);  // no child at all
}

TEST_CASE("the end is seen though somebody else holds the pipe") {
  // The grandchild has the answer's pipe open and outlives the child, as the monitor of a container might.
  auto* pid = static_cast<pid_t*>(::mmap(nullptr, sizeof(pid_t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  REQUIRE(pid != MAP_FAILED);
  const auto said = call_in_child(
      [&]() -> Result<std::string> {
        const pid_t grandchild = ::fork();
        if (grandchild == 0) {
          ::setsid();
          ::sleep(20);
          ::_exit(0);
        }
        *pid = grandchild;
        return std::string("done");
      },
      kLong);
  REQUIRE(said);
  CHECK(*said == "done");
  REQUIRE(*pid > 0);
  CHECK(exists(*pid));
  ::kill(*pid, SIGKILL);
  ::munmap(pid, sizeof(pid_t));
}

TEST_CASE("the child has nothing open of its parent's, default signals, and a name of its own") {
  const Fd open_file(::open("/dev/zero", O_RDONLY));  // not even close-on-exec
  ::signal(SIGUSR1, SIG_IGN);
  sigset_t usr2;
  ::sigemptyset(&usr2);
  ::sigaddset(&usr2, SIGUSR2);
  ::sigprocmask(SIG_BLOCK, &usr2, nullptr);
  const auto said = call_in_child(
      []() -> Result<std::string> {
        std::string text;
        const auto names = list_directory("/proc/self/fd");
        for (const auto& name : *names) {
          char target[256];
          const auto length = ::readlink(("/proc/self/fd/" + name).c_str(), target, sizeof target);
          if (length <= 0) continue;  // the directory that was read
          const std::string file(target, static_cast<std::size_t>(length));
          text += std::stoi(name) <= 2 ? (file == "/dev/null" ? "null " : "?" + file) : (file.starts_with("pipe:") ? "pipe " : file + " ");
        }
        struct sigaction action {};
        ::sigaction(SIGUSR1, nullptr, &action);
        sigset_t blocked;
        ::sigprocmask(SIG_SETMASK, nullptr, &blocked);
        char comm[16];
        ::prctl(PR_GET_NAME, comm);
        return text + (action.sa_handler == SIG_DFL ? "default " : "") + (::sigismember(&blocked, SIGUSR2) == 0 ? "unblocked " : "") + comm;
      },
      kLong);
  ::sigprocmask(SIG_UNBLOCK, &usr2, nullptr);
  ::signal(SIGUSR1, SIG_DFL);
  REQUIRE(said);
  CHECK(*said == "null null null pipe default unblocked gearscale-gear");
}

TEST_CASE("a child's environment is clean, but for our own variables") {
  ::setenv("LISTEN_FDS", "1", 1);
  ::setenv("XDG_RUNTIME_DIR", "/nowhere", 1);
  ::setenv("LD_LIBRARY_PATH", "/nowhere", 1);
  ::setenv("GEARSCALE_TEST", "a=b", 1);
  const auto said = call_in_child(
      []() -> Result<std::string> {
        std::string text;
        for (char** variable = environ; *variable != nullptr; ++variable) text += std::string(*variable) + "\n";
        return text;
      },
      kLong);
  for (const auto* name : {"LISTEN_FDS", "XDG_RUNTIME_DIR", "LD_LIBRARY_PATH", "GEARSCALE_TEST"}) ::unsetenv(name);
  REQUIRE(said);
  CHECK(said->starts_with("PATH=/usr/sbin:/usr/bin:/sbin:/bin\nLC_ALL=C\nGEARSCALE_"));
  CHECK(said->find("GEARSCALE_TEST=a=b\n") != std::string::npos);
  for (const auto* name : {"LISTEN_FDS", "XDG_RUNTIME_DIR", "LD_LIBRARY_PATH", "HOME"}) CHECK(said->find(name) == std::string::npos);
}

TEST_CASE("a child has the name it is given") {
  auto child = Child::start(
      []() -> Result<std::string> {
        char comm[16];
        ::prctl(PR_GET_NAME, comm);
        return std::string(comm);
      },
      "gearscale-other");
  REQUIRE(child);
  REQUIRE(ended(*child));
  REQUIRE(child->reap());
  CHECK(child->result().value_or("") == "gearscale-other");
}

TEST_CASE("the parent's signal mask is as before") {
  sigset_t before, after;
  ::sigprocmask(SIG_SETMASK, nullptr, &before);
  REQUIRE(call_in_child([]() -> Result<std::string> { return std::string(); }, kLong));
  ::sigprocmask(SIG_SETMASK, nullptr, &after);
  for (int number = 1; number < NSIG; ++number) CHECK(::sigismember(&before, number) == ::sigismember(&after, number));
}

TEST_CASE("killing a child ends what it has started, too") {
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  const Fd reading(ends[0]);
  Fd writing(ends[1]);
  auto* pid = static_cast<pid_t*>(::mmap(nullptr, sizeof(pid_t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  REQUIRE(pid != MAP_FAILED);
  *pid = 0;
  auto child = Child::start([&]() -> Result<std::string> {
    const pid_t grandchild = ::fork();
    if (grandchild == 0) sleep_for_ever();
    *pid = grandchild;
    sleep_for_ever();
    return std::string();
  });
  REQUIRE(child);
  const Deadline deadline(kLong);
  while (*static_cast<volatile pid_t*>(pid) == 0 && !deadline.is_over()) ::poll(nullptr, 0, 1);
  REQUIRE(*pid > 0);
  child->kill();
  REQUIRE(ended(*child));
  CHECK(child->reap());
  // An orphan now; whoever adopted it may still have to wait for it, so its state counts.
  for (;;) {
    const auto stat = read_file("/proc/" + std::to_string(*pid) + "/stat", 4096);
    if (!stat || stat->find(") Z ") != std::string::npos || deadline.is_over()) break;
    ::poll(nullptr, 0, 1);
  }
  CHECK_FALSE(deadline.is_over());
  ::munmap(pid, sizeof(pid_t));
}

TEST_CASE("a child dies with its parent") {
  auto* pid = static_cast<pid_t*>(::mmap(nullptr, sizeof(pid_t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  REQUIRE(pid != MAP_FAILED);
  *pid = 0;
  const pid_t parent = ::fork();
  REQUIRE(parent >= 0);
  if (parent == 0) {
    auto child = Child::start([]() -> Result<std::string> {
      sleep_for_ever();
      return std::string();
    });
    *pid = child ? child->pid() : -1;
    ::kill(::getpid(), SIGKILL);  // no destructor, no goodbye
  }
  ::waitpid(parent, nullptr, 0);
  REQUIRE(*pid > 0);
  const Deadline deadline(kLong);
  for (;;) {
    const auto stat = read_file("/proc/" + std::to_string(*pid) + "/stat", 4096);
    if (!stat || stat->find(") Z ") != std::string::npos || deadline.is_over()) break;
    ::poll(nullptr, 0, 1);
  }
  CHECK_FALSE(deadline.is_over());
  ::munmap(pid, sizeof(pid_t));
}

}  // namespace gearscale::system
