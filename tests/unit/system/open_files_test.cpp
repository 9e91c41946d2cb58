// SPDX-License-Identifier: Apache-2.0
// Started by ctest with a soft limit of 200 (tests/unit/system/CMakeLists.txt): without that the limit may be as high as it can be already.
#include "gearscale/system/open_files.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>

#include "gearscale/base/fd.hpp"
#include "gearscale/base/text.hpp"
#include "gearscale/system/child.hpp"
#include "gearscale/system/subprocess.hpp"
#include "support/catch.hpp"

using namespace gearscale;
using namespace std::chrono_literals;

namespace {

rlimit limits() {
  rlimit now{};
  ::getrlimit(RLIMIT_NOFILE, &now);
  return now;
}

const rlim_t kAtStart = limits().rlim_cur;

// Each test leaves the process as it was.
struct Restored {
  rlimit before = limits();
  ~Restored() { ::setrlimit(RLIMIT_NOFILE, &before); }
};

std::string of_program() { return std::string(trim(system::run_process({"sh", "-c", "ulimit -n"}, 10s)->output)); }

}  // namespace

TEST_CASE("as many files as the hard limit allows may be open, also when it is asked for again", "[.open_files]") {
  const Restored restored;
  auto low = limits();
  low.rlim_cur = 64;
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &low) == 0);
  const auto most = std::min<rlim_t>(low.rlim_max, 1'048'576);
  CHECK(system::raise_open_files() == most);
  CHECK(limits().rlim_cur == most);
  CHECK(limits().rlim_max == low.rlim_max);
  CHECK(system::raise_open_files() == most);
}

TEST_CASE("a soft limit above what the kernel gives by default is left alone", "[.open_files]") {
  const Restored restored;
  auto high = limits();
  if (high.rlim_max <= 1'048'576) return;
  high.rlim_cur = 1'048'577;
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &high) == 0);
  CHECK(system::raise_open_files() == 1'048'577);
}

TEST_CASE("programs and jobs get the limit that we were started with, and we keep ours", "[.open_files]") {
  const Restored restored;
  const auto raised = system::raise_open_files();
  REQUIRE(raised > kAtStart);
  CHECK(of_program() == std::to_string(kAtStart));
  const auto in_job = system::call_in_child([] { return Result<std::string>(std::to_string(limits().rlim_cur)); }, 10s);
  REQUIRE(in_job);
  CHECK(*in_job == std::to_string(kAtStart));
  const auto of_jobs_program = system::call_in_child([] { return Result<std::string>(of_program()); }, 10s);
  REQUIRE(of_jobs_program);
  CHECK(*of_jobs_program == std::to_string(kAtStart));
  CHECK(limits().rlim_cur == raised);
}

TEST_CASE("programs and jobs start while more files are open than they themselves may have", "[.open_files]") {
  const Restored restored;
  REQUIRE(system::raise_open_files() > kAtStart + 20);
  REQUIRE(kAtStart < 20'000);
  std::vector<Fd> files;
  while (files.empty() || static_cast<rlim_t>(files.back().get()) < kAtStart + 20) {
    files.emplace_back(::dup(0));
    REQUIRE(files.back().is_open());
  }
  CHECK(of_program() == std::to_string(kAtStart));
  const auto in_job = system::call_in_child([] { return Result<std::string>(of_program()); }, 10s);
  REQUIRE(in_job);
  CHECK(*in_job == std::to_string(kAtStart));
}
