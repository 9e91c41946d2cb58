// SPDX-License-Identifier: Apache-2.0
// Jobs: the work under way on gears, each job in a process of its own, with its deadline. Knows nothing of containers.
#pragma once

#include <chrono>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gearscale/system/child.hpp"
#include "gearscale/ports.hpp"

namespace gearscale::gears {

class Jobs {
 public:
  // What a job is: whose, what, and how long it may take at most.
  struct Spec {
    std::string id;
    JobKind kind = JobKind::bring_up;
    core::Millis deadline{0};
  };

  // A system without epoll or timerfd is a broken promise.
  Jobs();
  ~Jobs();
  Jobs(const Jobs&) = delete;
  Jobs& operator=(const Jobs&) = delete;

  // Starts it and returns at once. Errc::failed when a job of that gear is under way, or no process can be had.
  Result<void> begin(Spec spec, const system::Child::Work& work);
  // Kills the job of that gear, if there is one; it will not be reported.
  void cancel(std::string_view id);
  // The jobs that ended since the last call, and those that were killed because their deadline passed; never waits. A job past its deadline
  // is killed here and reported once it is gone (ready_fd tells).
  std::vector<JobResult> finished();
  // What the job under way for that gear is.
  std::optional<JobKind> under_way(std::string_view id) const;
  // Makes ready_fd readable also when this descriptor is.
  void also_watch(int fd);
  // Readable when finished() has something to do.
  int ready_fd() const { return poll_.get(); }

 private:
  using Clock = std::chrono::steady_clock;
  struct Job {
    Spec spec;
    Clock::time_point end;
    bool timed_out;
    system::Child child;
  };
  void forget(std::list<Job>::iterator job);
  void arm();  // the timer, for the earliest deadline

  Fd poll_;  // epoll: the timer and every job's exit
  Fd timer_;
  std::list<Job> jobs_;
};

}  // namespace gearscale::gears
