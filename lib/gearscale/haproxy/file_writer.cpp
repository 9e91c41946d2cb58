// SPDX-License-Identifier: Apache-2.0
// One child and one timer behind one epoll descriptor. Whether the file is still as a child left it is told by its stamp.
#include "gearscale/haproxy/file_writer.hpp"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/timerfd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>

#include "gearscale/base/crash_point.hpp"
#include "gearscale/system/deadline.hpp"
#include "gearscale/system/errors.hpp"
#include "gearscale/system/files.hpp"

namespace gearscale::haproxy {

namespace {

constexpr core::Millis kPatienceAtEnd{1'000};

bool watch(int poll, int fd) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = fd;
  return ::epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event) == 0;
}

// Another one whenever the file is another or was touched; empty when there is none.
std::string stamp_of(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return "";
  std::string stamp;
  for (const auto part : {static_cast<std::int64_t>(info.st_ino), static_cast<std::int64_t>(info.st_size), info.st_mtim.tv_sec,
                          info.st_mtim.tv_nsec, info.st_ctim.tv_sec, info.st_ctim.tv_nsec}) {
    stamp += std::to_string(part) + ' ';
  }
  return stamp;
}

}  // namespace

FileWriter::FileWriter(const Options& options, core::Millis deadline)
    : path_(options.config_file),
      file_(options),
      deadline_(deadline),
      poll_(::epoll_create1(EPOLL_CLOEXEC)),
      timer_(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)) {
  GEARSCALE_CHECK(poll_.is_open() && timer_.is_open() && watch(poll_.get(), timer_.get()));
}

FileWriter::~FileWriter() {
  if (!child_) return;
  pollfd ended{child_->exit_fd(), POLLIN, 0};
  const system::Deadline deadline(kPatienceAtEnd);
  while (::poll(&ended, 1, deadline.poll_timeout()) < 0 && errno == EINTR) {
  }
  child_->reap();
}

Result<void> FileWriter::begin(const std::vector<ServerSpec>& servers) {
  waiting_ = servers;
  return child_ ? Result<void>() : start();
}

Result<void> FileWriter::start() {
  writing_ = std::move(*waiting_);
  waiting_.reset();
  nothing_to_do_ = is_made(writing_);
  if (nothing_to_do_) {
    arm(std::chrono::nanoseconds(1));
    return {};
  }
  auto child = system::Child::start([this] { return work(); }, "gearscale-file");
  if (!child) return fail(child.error());
  if (!watch(poll_.get(), child->exit_fd())) return system::fail_errno(Errc::failed, "cannot watch the writing of " + path_, errno);
  child_.emplace(std::move(*child));
  killed_ = false;
  arm(deadline_);
  return {};
}

// In the child. Answers with the stamp of a file that holds what was to be written: taken before the file is read again, so that it is
// never that of a change which came in between.
Result<std::string> FileWriter::work() {
  if (char real[PATH_MAX]; ::realpath(path_.c_str(), real) != nullptr) {
    static_cast<void>(system::remove_stale_temps(system::directory_of(real)));  // what keeps it from that fails the writing as well
  }
  crash_point("file.job", "before");
  if (auto written = file_.write_block(writing_); !written) return fail(written.error());
  crash_point("file.job", "after");
  auto stamp = stamp_of(path_);
  return file_.holds(writing_).value_or(false) ? stamp : std::string();
}

std::optional<Result<void>> FileWriter::written() {
  std::uint64_t times = 0;
  const bool time_is_over = ::read(timer_.get(), &times, sizeof times) > 0;
  if (!child_) return std::exchange(nothing_to_do_, false) ? std::optional(Result<void>()) : std::nullopt;
  if (!child_->reap()) {
    if (time_is_over) {
      killed_ = true;
      child_->kill();  // its end makes the descriptor readable again
    }
    return std::nullopt;
  }
  auto answer = child_->result();
  // Explicitly: a closed descriptor stays in the epoll set while a child, just forked, still has its copy.
  ::epoll_ctl(poll_.get(), EPOLL_CTL_DEL, child_->exit_fd(), nullptr);
  child_.reset();
  arm({});
  Result<void> result;
  if (answer) {
    made_ = std::move(writing_);
    stamp_ = std::move(*answer);
  } else if (killed_) {
    result = fail(Errc::failed, "the writing of " + path_ + " was killed because it took longer than " + std::to_string(deadline_.count()) +
                                    " ms: is its disk slow, or does 'haproxy -c' hang?");
  } else {
    result = fail(answer.error());
  }
  if (waiting_) {
    if (auto begun = start(); !begun) return begun;
  }
  return result;
}

bool FileWriter::is_made(const std::vector<ServerSpec>& servers) const {
  const auto same = [](const ServerSpec& a, const ServerSpec& b) { return a.id == b.id && a.address == b.address; };
  return !stamp_.empty() && std::equal(servers.begin(), servers.end(), made_.begin(), made_.end(), same) && stamp_of(path_) == stamp_;
}

void FileWriter::arm(std::chrono::nanoseconds time) {
  itimerspec when{};
  when.it_value.tv_sec = time.count() / 1'000'000'000;
  when.it_value.tv_nsec = time.count() % 1'000'000'000;
  ::timerfd_settime(timer_.get(), 0, &when, nullptr);  // also makes it unreadable
}

}  // namespace gearscale::haproxy
