// SPDX-License-Identifier: Apache-2.0
// What the tests of this room share: a directory of their own, child processes, a disk that is soon full. Asserts nothing by itself.
#pragma once

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "gearscale/base/check.hpp"
#include "gearscale/base/fd.hpp"
#include "gearscale/base/result.hpp"

namespace gearscale::test {

class TempDir {
 public:
  TempDir() {
    char name[] = "/tmp/gearscale-test-XXXXXX";
    GEARSCALE_CHECK(::mkdtemp(name) != nullptr);
    path_ = name;
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

inline std::string slurp(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

inline void spit(const std::string& path, const std::string& content) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
}

inline bool exists(const std::string& path) {
  struct stat info {};
  return ::lstat(path.c_str(), &info) == 0;
}

inline std::size_t files_in(const std::string& directory) {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(directory), std::filesystem::directory_iterator()));
}

inline std::size_t open_descriptors() { return files_in("/proc/self/fd"); }

inline std::vector<std::string> lines_of(const std::string& path) {
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

// "" for success, so that REQUIRE shows why not.
template <class T>
std::string error_of(const Result<T>& result) {
  return result ? "" : result.error().message;
}

// A pipe between processes: one says "now", another waits for it; end of file counts as "never" (0).
class Gate {
 public:
  Gate() {
    int ends[2];
    GEARSCALE_CHECK(::pipe2(ends, O_CLOEXEC) == 0);
    out_ = Fd(ends[0]);
    in_ = Fd(ends[1]);
  }
  void open(char what = 'x') const { GEARSCALE_CHECK(::write(in_.get(), &what, 1) == 1); }
  char wait() const {
    char what = 0;
    ssize_t got = -1;
    do {
      got = ::read(out_.get(), &what, 1);
    } while (got < 0 && errno == EINTR);
    return got == 1 ? what : '\0';
  }
  void only_waits() { in_.reset(); }  // so that the end of all who could open it is seen

 private:
  Fd out_, in_;
};

// Runs `body` in a fork and ends with its return value as exit code; killed and reaped at the latest by the destructor.
class Child {
 public:
  explicit Child(const std::function<int()>& body) : pid_(::fork()) {
    GEARSCALE_CHECK(pid_ >= 0);
    if (pid_ != 0) return;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);                                     // it must not wait for a test that crashed
    for (int number = 1; number < 32; ++number) ::signal(number, SIG_DFL);  // not the test framework's handlers
    ::_exit(body());
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (pid_ > 0) {
      kill(SIGKILL);
      status();
    }
  }
  pid_t pid() const { return pid_; }
  void kill(int number) const { ::kill(pid_, number); }
  int status() {  // the wait status
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    return status;
  }
  int exit_code() {  // -1 when a signal ended it
    const int how = status();
    return WIFEXITED(how) ? WEXITSTATUS(how) : -1;
  }
  int end_signal() {  // 0 when it exited
    const int how = status();
    return WIFSIGNALED(how) ? WTERMSIG(how) : 0;
  }

 private:
  pid_t pid_;
};

// A tmpfs of a few KiB, in a mount namespace that ends with this process, so that nothing stays behind whatever happens.
class TinyDisk {
 public:
  explicit TinyDisk(const std::string& options) {
    if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("tmpfs", directory_.path().c_str(), "tmpfs", 0, options.c_str()) != 0) {
      why_not_ = "skipped: no small disk can be mounted here: " + std::string(strerrordesc_np(errno));
    }
  }
  ~TinyDisk() {
    if (why_not_.empty()) ::umount2(directory_.path().c_str(), MNT_DETACH);
  }
  TinyDisk(const TinyDisk&) = delete;
  TinyDisk& operator=(const TinyDisk&) = delete;
  const std::string& why_not() const { return why_not_; }  // empty: it is there
  std::string operator/(const std::string& name) const { return directory_ / name; }
  // Fills what is free but for `pages` of 4 KiB.
  void fill(int pages) const {
    const Fd reserve(::open((*this / "reserve").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    if (pages > 0) GEARSCALE_CHECK(::fallocate(reserve.get(), 0, 0, 4096L * pages) == 0);
    const Fd filler(::open((*this / "filler").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    const std::string page(4096, 'f');
    while (::write(filler.get(), page.data(), page.size()) > 0) {
    }
    ::unlink((*this / "reserve").c_str());
  }
  void free() const { ::unlink((*this / "filler").c_str()); }

 private:
  TempDir directory_;
  std::string why_not_;
};

// What is written to standard error while it lives.
class CapturedStderr {
 public:
  CapturedStderr() : saved_(::dup(STDERR_FILENO)) {
    const Fd file(::open((directory_ / "stderr").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    ::dup2(file.get(), STDERR_FILENO);
  }
  ~CapturedStderr() { ::dup2(saved_.get(), STDERR_FILENO); }
  CapturedStderr(const CapturedStderr&) = delete;
  CapturedStderr& operator=(const CapturedStderr&) = delete;
  std::vector<std::string> lines() const { return lines_of(directory_ / "stderr"); }

 private:
  TempDir directory_;
  Fd saved_;
};

}  // namespace gearscale::test
