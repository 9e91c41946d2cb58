// SPDX-License-Identifier: Apache-2.0
#include "gearscale/gears/jobs.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "gearscale/system/deadline.hpp"
#include "support/catch.hpp"

namespace gearscale::gears {

namespace {

constexpr core::Millis kLong{20'000};

Result<std::string> hang() {
  for (;;) ::pause();
}

bool is_ready(const Jobs& jobs, core::Millis patience) {
  pollfd event{jobs.ready_fd(), POLLIN, 0};
  return ::poll(&event, 1, static_cast<int>(patience.count())) > 0;
}

std::vector<JobResult> all_of(Jobs& jobs, std::size_t count) {
  std::vector<JobResult> results;
  const system::Deadline deadline(kLong);
  while (results.size() < count && !deadline.is_over()) {
    is_ready(jobs, deadline.left());
    for (auto& result : jobs.finished()) results.push_back(std::move(result));
  }
  return results;
}

}  // namespace

TEST_CASE("a job is reported once, with its kind, its process and what it said") {
  Jobs jobs;
  CHECK_FALSE(is_ready(jobs, core::Millis(0)));
  CHECK(jobs.finished().empty());
  REQUIRE(jobs.begin({.id = "1f3a9c02", .kind = JobKind::tear_down, .deadline = kLong},
                     []() -> Result<std::string> { return std::string("gone"); }));
  const auto results = all_of(jobs, 1);
  REQUIRE(results.size() == 1);
  CHECK(results[0].id == "1f3a9c02");
  CHECK(results[0].kind == JobKind::tear_down);
  CHECK(results[0].pid > 0);
  CHECK(*results[0].detail == "gone");
  CHECK(jobs.finished().empty());
  CHECK_FALSE(is_ready(jobs, core::Millis(0)));
}

TEST_CASE("an error of the work is the job's") {
  Jobs jobs;
  REQUIRE(jobs.begin({.id = "a", .kind = JobKind::bring_up, .deadline = kLong},
                     []() -> Result<std::string> { return fail(Errc::config, "no template"); }));
  const auto results = all_of(jobs, 1);
  REQUIRE(results.size() == 1);
  REQUIRE_FALSE(results[0].detail);
  CHECK(results[0].detail.error().code == Errc::config);
  CHECK(results[0].detail.error().message == "no template");
}

TEST_CASE("a gear has one job at a time, then another may begin") {
  Jobs jobs;
  REQUIRE(jobs.begin({.id = "a", .kind = JobKind::bring_up, .deadline = kLong}, hang));
  const auto second = jobs.begin({.id = "a", .kind = JobKind::tear_down, .deadline = kLong}, hang);
  REQUIRE_FALSE(second);
  CHECK(second.error().message == "gear a has a job under way already");
  REQUIRE(jobs.begin({.id = "b", .kind = JobKind::bring_up, .deadline = kLong}, hang));
  jobs.cancel("a");
  REQUIRE(jobs.begin({.id = "a", .kind = JobKind::tear_down, .deadline = kLong}, hang));
}

TEST_CASE("a job that hangs is killed at its deadline, and only that one") {
  Jobs jobs;
  REQUIRE(jobs.begin({.id = "slow", .kind = JobKind::bring_up, .deadline = kLong}, hang));
  REQUIRE(jobs.begin({.id = "late", .kind = JobKind::bring_up, .deadline = core::Millis(50)}, hang));
  const auto results = all_of(jobs, 1);  // ready_fd wakes us: nothing else happens
  REQUIRE(results.size() == 1);
  CHECK(results[0].id == "late");
  REQUIRE_FALSE(results[0].detail);
  CHECK(results[0].detail.error().code == Errc::failed);
  CHECK(results[0].detail.error().message == "the job was killed because it took longer than 50 ms");
  CHECK_FALSE(is_ready(jobs, core::Millis(0)));
}

TEST_CASE("a job that was killed from outside says so") {
  Jobs jobs;
  REQUIRE(jobs.begin({.id = "a", .kind = JobKind::bring_up, .deadline = kLong}, []() -> Result<std::string> {
    ::raise(SIGSEGV);
    return std::string();
  }));
  const auto results = all_of(jobs, 1);
  REQUIRE(results.size() == 1);
  REQUIRE_FALSE(results[0].detail);
}

TEST_CASE("a cancelled job is gone and not heard of again") {
  Jobs jobs;
  REQUIRE(jobs.begin({.id = "a", .kind = JobKind::bring_up, .deadline = core::Millis(100)}, hang));
  jobs.cancel("a");
  jobs.cancel("a");
  jobs.cancel("unknown");
  CHECK(::waitpid(-1, nullptr, WNOHANG) == -1);    // no child at all
  CHECK_FALSE(is_ready(jobs, core::Millis(200)));  // nor its deadline
  CHECK(jobs.finished().empty());

  // Also one that has ended but was not looked at yet.
  REQUIRE(
      jobs.begin({.id = "a", .kind = JobKind::bring_up, .deadline = kLong}, []() -> Result<std::string> { return std::string("done"); }));
  REQUIRE(is_ready(jobs, kLong));
  jobs.cancel("a");
  CHECK(jobs.finished().empty());
  CHECK_FALSE(is_ready(jobs, core::Millis(0)));
}

TEST_CASE("many jobs are all reported") {
  Jobs jobs;
  constexpr int kCount = 30;
  for (int i = 0; i < kCount; ++i) {
    REQUIRE(jobs.begin({.id = std::to_string(i), .kind = JobKind::bring_up, .deadline = kLong},
                       [i]() -> Result<std::string> { return std::to_string(i); }));
  }
  auto results = all_of(jobs, kCount);
  REQUIRE(results.size() == kCount);
  CHECK(std::all_of(results.begin(), results.end(), [](const JobResult& result) { return result.detail && *result.detail == result.id; }));
}

TEST_CASE("the end of the jobs is the end of all of them") {
  {
    Jobs jobs;
    for (const auto* id : {"a", "b", "c"}) REQUIRE(jobs.begin({.id = id, .kind = JobKind::bring_up, .deadline = kLong}, hang));
  }
  CHECK(::waitpid(-1, nullptr, WNOHANG) == -1);
}

}  // namespace gearscale::gears
