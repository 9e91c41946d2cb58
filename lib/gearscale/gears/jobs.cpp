// SPDX-License-Identifier: Apache-2.0
// One epoll descriptor over the pidfds of all jobs and one timer for the earliest deadline.
#include "gearscale/gears/jobs.hpp"

#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "gearscale/system/errors.hpp"

namespace gearscale::gears {

namespace {

bool watch(int poll, int fd) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = fd;
  return ::epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event) == 0;
}

}  // namespace

Jobs::Jobs() : poll_(::epoll_create1(EPOLL_CLOEXEC)), timer_(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)) {
  GEARSCALE_CHECK(poll_.is_open() && timer_.is_open() && watch(poll_.get(), timer_.get()));
}

Jobs::~Jobs() {
  for (const auto& job : jobs_) job.child.kill();  // all at once; the destructors wait for each
}

Result<void> Jobs::begin(Spec spec, const system::Child::Work& work) {
  if (under_way(spec.id)) return fail(Errc::failed, "gear " + spec.id + " has a job under way already");
  auto child = system::Child::start(work);
  if (!child) return fail(child.error());
  const auto end = Clock::now() + spec.deadline;
  jobs_.push_back(Job{std::move(spec), end, false, std::move(*child)});
  if (!watch(poll_.get(), jobs_.back().child.exit_fd())) {
    const int number = errno;
    jobs_.pop_back();
    return system::fail_errno(Errc::failed, "cannot watch a job", number);
  }
  arm();
  return {};
}

void Jobs::cancel(std::string_view id) {
  const auto job = std::find_if(jobs_.begin(), jobs_.end(), [&](const Job& each) { return each.spec.id == id; });
  if (job != jobs_.end()) forget(job);
  arm();
}

std::optional<JobKind> Jobs::under_way(std::string_view id) const {
  const auto job = std::find_if(jobs_.begin(), jobs_.end(), [&](const Job& each) { return each.spec.id == id; });
  return job == jobs_.end() ? std::nullopt : std::optional(job->spec.kind);
}

void Jobs::also_watch(int fd) { GEARSCALE_CHECK(watch(poll_.get(), fd)); }

std::vector<JobResult> Jobs::finished() {
  std::vector<JobResult> results;
  const auto now = Clock::now();
  for (auto job = jobs_.begin(); job != jobs_.end();) {
    const auto next = std::next(job);
    job->child.read_answer();
    if (job->child.reap()) {
      auto detail = job->child.result();
      if (job->timed_out && !detail) {
        detail = fail(Errc::failed, "the job was killed because it took longer than " + std::to_string(job->spec.deadline.count()) + " ms");
      }
      results.push_back(JobResult{job->spec.id, job->spec.kind, job->child.pid(), std::move(detail)});
      forget(job);
    } else if (now >= job->end && !job->timed_out) {
      job->timed_out = true;
      job->child.kill();
    }
    job = next;
  }
  arm();
  return results;
}

void Jobs::forget(std::list<Job>::iterator job) {
  // Explicitly: a closed descriptor stays in the epoll set while a child, just forked, still has its copy.
  ::epoll_ctl(poll_.get(), EPOLL_CTL_DEL, job->child.exit_fd(), nullptr);
  jobs_.erase(job);
}

void Jobs::arm() {
  itimerspec when{};  // zero: disarmed
  auto earliest = Clock::time_point::max();
  for (const auto& job : jobs_) {
    if (!job.timed_out) earliest = std::min(earliest, job.end);
  }
  if (earliest != Clock::time_point::max()) {
    const auto since_boot = std::chrono::duration_cast<std::chrono::nanoseconds>(earliest.time_since_epoch()).count();
    when.it_value.tv_sec = since_boot / 1'000'000'000;
    when.it_value.tv_nsec = since_boot % 1'000'000'000;
  }
  ::timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &when, nullptr);  // also makes it unreadable again
}

}  // namespace gearscale::gears
