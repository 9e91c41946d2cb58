// SPDX-License-Identifier: Apache-2.0
// fork(2) and a pipe for the answer: a line "<code> <errno>" (code 'k' for success, else the number of the Errc), then the text.
#include "gearscale/system/child.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <vector>

#include "gearscale/base/text.hpp"
#include "gearscale/system/deadline.hpp"
#include "gearscale/system/errors.hpp"
#include "gearscale/system/files.hpp"
#include "gearscale/system/open_files.hpp"
#include "gearscale/system/subprocess.hpp"

namespace gearscale::system {

namespace {

constexpr std::size_t kMaxAnswer = 4 * 1024 * 1024;  // some 50,000 containers
constexpr core::Millis kReapPatience{500};
constexpr int kAnswerFd = 3;

std::string encode(const Result<std::string>& result) {
  if (result) return "k 0\n" + *result;
  const Error& error = result.error();
  return std::to_string(static_cast<int>(error.code)) + " " + std::to_string(error.sys_errno) + "\n" + error.message;
}

Result<std::string> decode(std::string_view answer) {
  const auto broken = [] { return fail(Errc::failed, "the helper process answered something unreadable"); };
  const auto line_end = answer.find('\n');
  if (line_end == std::string_view::npos) return broken();
  const auto head = split(answer.substr(0, line_end), ' ');
  const auto text = std::string(answer.substr(line_end + 1));
  if (head.size() != 2) return broken();
  if (head[0] == "k") return text;
  const auto code = parse_integer(head[0]);
  const auto number = parse_integer(head[1]);
  if (!code || !number || *code < 0 || *code > static_cast<int>(Errc::unavailable)) return broken();
  return fail(static_cast<Errc>(*code), text, static_cast<int>(*number));
}

// The answer at descriptor 3, /dev/null at 0 to 2, nothing else: a lock or a socket of the controller must not live on in a job.
void arrange_descriptors(int answer) {
  const int high = ::fcntl(answer, F_DUPFD_CLOEXEC, 10);
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  if (high < 0 || null < 0) ::_exit(1);
  for (int fd = 0; fd <= 2; ++fd) {
    if (null != fd) ::dup2(null, fd);
  }
  if (::dup3(high, kAnswerFd, O_CLOEXEC) < 0) ::_exit(1);
  ::close_range(kAnswerFd + 1, UINT_MAX, 0);
}

// What liblxc starts on the way (rsync, newuidmap, the hooks of a template's config) and what it reads itself (LISTEN_FDS, XDG_RUNTIME_DIR)
// is the same whoever started us, from wherever. Our own variables stay.
void clean_environment() {
  std::vector<std::string> kept = {"PATH=" + std::string(kProgramPath), "LC_ALL=C"};
  for (char** variable = environ; *variable != nullptr; ++variable) {
    if (std::string_view(*variable).starts_with("GEARSCALE_")) kept.emplace_back(*variable);
  }
  ::clearenv();
  for (const auto& variable : kept) {
    const auto equals = variable.find('=');
    ::setenv(variable.substr(0, equals).c_str(), variable.c_str() + equals + 1, 1);
  }
}

[[noreturn]] void run_child(int answer, pid_t parent, const Child::Work& work, const char* name) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);                                    // it died before we asked to be told
  for (int number = 1; number < NSIG; ++number) ::signal(number, SIG_DFL);  // fails for two of them, rightly
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::prctl(PR_SET_NAME, name);  // not the controller's: whoever ends that by its name must not end this, or the gears that inherit it
  arrange_descriptors(answer);
  lower_open_files_again();  // after it: there may have been more than that
  ::umask(022);
  clean_environment();
  if (::chdir("/") != 0) ::_exit(1);
  std::string message;
  try {
    message = encode(work());
  } catch (const std::exception& failure) {
    message = encode(fail(Errc::failed, std::string("unexpected exception: ") + failure.what()));
  }
  write_all(kAnswerFd, message);
  ::_exit(0);
}

}  // namespace

Result<Child> Child::start(const Work& work, const char* name) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    return fail_errno(Errc::failed, "cannot make a pipe for a helper process", errno);
  }
  Fd reading(ends[0]);
  const Fd writing(ends[1]);
  ::fcntl(reading.get(), F_SETFL, O_NONBLOCK);
  // Blocked until the child has its own handlers: a signal in between would run the controller's handler in the child.
  sigset_t all, before;
  ::sigfillset(&all);
  ::sigprocmask(SIG_SETMASK, &all, &before);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  const int failure = errno;
  if (pid == 0) run_child(writing.get(), parent, work, name);
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
  if (pid < 0) return fail_errno(Errc::failed, "cannot start a helper process", failure);
  ::setpgid(pid, pid);                                              // both sides do it: whoever is first
  Fd exit_fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));  // glibc 2.36 declares pidfd_open without extern "C"
  if (!exit_fd.is_open()) {
    const int number = errno;
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    return fail_errno(Errc::failed, "cannot watch a helper process", number);
  }
  return Child(pid, std::move(exit_fd), std::move(reading));
}

Child::~Child() {
  if (!exit_fd_.is_open() || over_) return;  // moved from, or gone
  kill();
  pollfd ended{exit_fd_.get(), POLLIN, 0};
  const Deadline deadline(kReapPatience);
  while (::poll(&ended, 1, deadline.poll_timeout()) < 0 && errno == EINTR) {
  }
  reap();  // one that hangs in the kernel even now is left to whoever reaps after us
}

void Child::kill() const {
  if (over_) return;
  ::kill(-pid_, SIGKILL);
  ::kill(pid_, SIGKILL);
}

void Child::read_answer() {
  char buffer[4096];
  for (;;) {
    const auto count = ::read(answer_fd_.get(), buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return;
    if (answer_.size() < kMaxAnswer) answer_.append(buffer, static_cast<std::size_t>(count));
  }
}

bool Child::reap() {
  if (over_) return true;
  siginfo_t info{};
  const int outcome = ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG);
  if (outcome == 0 && info.si_pid == 0) return false;
  // ECHILD: somebody else's wait took the status; the answer tells enough.
  wait_code_ = outcome == 0 ? info.si_code : CLD_EXITED;
  wait_status_ = outcome == 0 ? info.si_status : 0;
  over_ = true;
  read_answer();
  return true;
}

Result<std::string> Child::result() const {
  GEARSCALE_CHECK(over_);
  if (wait_code_ == CLD_EXITED && wait_status_ == 0) return decode(answer_);
  if (wait_code_ == CLD_EXITED) {
    return fail(Errc::failed, "the helper process ended with exit code " + std::to_string(wait_status_));
  }
  return fail(Errc::failed, "the helper process was ended by signal " + std::to_string(wait_status_));
}

Result<std::string> call_in_child(const Child::Work& work, core::Millis patience) {
  auto child = Child::start(work);
  if (!child) return fail(child.error());
  const Deadline deadline(patience);
  while (!deadline.is_over()) {
    pollfd events[] = {{child->exit_fd(), POLLIN, 0}, {child->answer_fd(), POLLIN, 0}};
    ::poll(events, 2, deadline.poll_timeout());
    child->read_answer();
    if (child->reap()) return child->result();
    // The answer's end alone: only the exit is awaited from here on.
    if ((events[1].revents & POLLHUP) != 0) ::poll(events, 1, deadline.poll_timeout());
  }
  return fail(Errc::failed, "the helper process did not answer within " + std::to_string(patience.count()) + " ms");
}

}  // namespace gearscale::system
