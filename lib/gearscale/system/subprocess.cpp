// SPDX-License-Identifier: Apache-2.0
// posix_spawn(3) rather than fork: it is cheap in a large process, safe in a threaded one, and tells why an exec failed.
#include "gearscale/system/subprocess.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "gearscale/base/check.hpp"
#include "gearscale/base/fd.hpp"
#include "gearscale/base/text.hpp"
#include "gearscale/system/deadline.hpp"
#include "gearscale/system/errors.hpp"
#include "gearscale/system/open_files.hpp"

namespace gearscale::system {

namespace {

constexpr std::size_t kMaxOutput = 64 * 1024;

Result<std::string> find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) return name;
  for (const auto directory : split(kProgramPath, ':')) {
    const std::string candidate = std::string(directory) + "/" + name;
    struct stat info {};
    if (::stat(candidate.c_str(), &info) == 0 && S_ISREG(info.st_mode) && ::access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return fail(Errc::config, "cannot run " + name + ": not found in " + std::string(kProgramPath) + "; give its full path", ENOENT);
}

// As execve(2) wants them; they live as long as the texts.
std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> list;
  for (const auto& text : texts) list.push_back(const_cast<char*>(text.c_str()));
  list.push_back(nullptr);
  return list;
}

// What posix_spawn is told. Every part of it may fail for want of memory.
class SpawnPlan {
 public:
  explicit SpawnPlan(int output) {
    note(::posix_spawnattr_init(&attributes_));
    note(::posix_spawn_file_actions_init(&actions_));
    sigset_t none, all;
    ::sigemptyset(&none);
    ::sigfillset(&all);
    note(::posix_spawnattr_setsigmask(&attributes_, &none));
    note(::posix_spawnattr_setsigdefault(&attributes_, &all));
    note(::posix_spawnattr_setpgroup(&attributes_, 0));
    note(::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP));
    // Input last: `output` itself may be descriptor 0 in a program that was started with it closed.
    note(::posix_spawn_file_actions_adddup2(&actions_, output, 1));
    note(::posix_spawn_file_actions_adddup2(&actions_, output, 2));
    note(::posix_spawn_file_actions_addopen(&actions_, 0, "/dev/null", O_RDONLY, 0));
    note(::posix_spawn_file_actions_addclosefrom_np(&actions_, 3));  // close_range(2) where the kernel has it
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;
  ~SpawnPlan() {
    ::posix_spawn_file_actions_destroy(&actions_);
    ::posix_spawnattr_destroy(&attributes_);
  }

  // The errno, 0 for success.
  int start(const std::string& program, const std::vector<std::string>& argv, std::vector<std::string> environment, pid_t& pid) {
    if (failure_ != 0) return failure_;
    environment.insert(environment.begin(), {"PATH=" + std::string(kProgramPath), "LC_ALL=C"});
    const LoweredOpenFiles lowered;
    return ::posix_spawn(&pid, program.c_str(), &actions_, &attributes_, pointers(argv).data(), pointers(environment).data());
  }

 private:
  void note(int result) {
    if (failure_ == 0) failure_ = result;
  }
  posix_spawnattr_t attributes_;
  posix_spawn_file_actions_t actions_;
  int failure_ = 0;
};

// A started child; it never stays behind as a process or a zombie.
class Child {
 public:
  explicit Child(pid_t pid) : pid_(pid) {}
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() { end(); }

  // Ends what is left of its group and reaps it; the wait status, or nothing when somebody else reaped it. The group is killed while the
  // child, if only as a zombie, still holds the number: it cannot be another group's.
  std::optional<int> end() {
    if (pid_ < 0) return status_;
    ::kill(-pid_, SIGKILL);
    int status = 0;
    pid_t reaped = -1;
    do {
      reaped = ::waitpid(pid_, &status, 0);
    } while (reaped < 0 && errno == EINTR);
    if (reaped == pid_) status_ = status;
    pid_ = -1;
    return status_;
  }

 private:
  pid_t pid_;
  std::optional<int> status_;
};

// Takes one buffer of output; what is over the bound is read and dropped, so that the child never waits for us. False: no more will come
// now.
bool take_output(Fd& pipe, std::string& output) {
  char buffer[16 * 1024];
  const ssize_t got = ::read(pipe.get(), buffer, sizeof buffer);
  if (got < 0 && errno == EINTR) return true;
  if (got <= 0) {
    if (got == 0 || errno != EAGAIN) pipe.reset();
    return false;
  }
  output.append(buffer, std::min(static_cast<std::size_t>(got), kMaxOutput - output.size()));
  return true;
}

// Until the child ended: true; until the deadline: false.
Result<bool> wait_for_end(int pidfd, Fd& pipe, const Deadline& deadline, std::string& output) {
  for (;;) {
    pollfd watched[2] = {{pidfd, POLLIN, 0}, {pipe.get(), POLLIN, 0}};  // poll ignores a descriptor of -1
    const int count = ::poll(watched, 2, deadline.poll_timeout());
    if (count < 0 && errno != EINTR) return fail_errno(Errc::failed, "cannot wait for a program", errno);
    if (count > 0 && watched[1].revents != 0) take_output(pipe, output);  // one buffer a round: a flood must not hide the deadline
    if (count > 0 && watched[0].revents != 0) return true;
    if (deadline.is_over()) return false;
  }
}

}  // namespace

Result<ProcessResult> run_process(const std::vector<std::string>& argv, core::Millis patience,
                                  const std::vector<std::string>& environment) {
  GEARSCALE_CHECK(!argv.empty());
  const Deadline deadline(patience);
  for (const auto& argument : argv) {
    if (argument.find('\0') == std::string::npos) continue;
    return fail(Errc::failed, "cannot run " + printable(argv[0]) + ": an argument has a NUL byte");
  }
  const auto program = find_program(argv[0]);
  if (!program) return fail(program.error());
  const std::string what = "cannot run " + *program;
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return fail_errno(Errc::failed, what, errno);
  Fd pipe(ends[0]);
  Fd far_end(ends[1]);
  if (::fcntl(pipe.get(), F_SETFL, O_NONBLOCK) != 0) return fail_errno(Errc::failed, what, errno);

  pid_t pid = -1;
  if (const int why = SpawnPlan(far_end.get()).start(*program, argv, environment, pid); why != 0) {
    const bool is_setting = why == ENOENT || why == EACCES || why == ENOTDIR || why == ENOEXEC || why == EISDIR;
    return fail_errno(is_setting ? Errc::config : Errc::failed, what, why);
  }
  Child child(pid);
  far_end.reset();
  const Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));  // Linux 5.3
  if (!pidfd.is_open()) return fail_errno(Errc::failed, what, errno);
  ProcessResult result;
  const auto ended = wait_for_end(pidfd.get(), pipe, deadline, result.output);
  if (!ended) return fail(ended.error());
  result.timed_out = !*ended;
  const auto status = child.end();
  // What it wrote before its end; bounded, because a grandchild that left the group may still be writing.
  for (std::size_t taken = 0; taken < 2 * kMaxOutput / (16 * 1024) && pipe.is_open() && take_output(pipe, result.output); ++taken) {
  }
  if (!status) return fail(Errc::failed, what + ": its exit status was taken by somebody else", ECHILD);
  if (WIFEXITED(*status)) result.exit_code = WEXITSTATUS(*status);
  if (WIFSIGNALED(*status)) result.signal = WTERMSIG(*status);
  return result;
}

}  // namespace gearscale::system
