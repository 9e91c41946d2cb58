// SPDX-License-Identifier: Apache-2.0
// Tests of what /proc says of processes that are no children of ours (here they are, so that they end in time).
#include "gearscale/system/process.hpp"

#include <algorithm>

#include "helpers.hpp"
#include "support/catch.hpp"

using namespace gearscale;
using test::Child;
using test::Gate;

TEST_CASE("a process is told with its name, its parent and its start") {
  ::prctl(PR_SET_NAME, "of ) tests");
  const auto stat = system::process_stat(::getpid());
  REQUIRE(stat);
  CHECK(stat->name == "of ) tests");
  CHECK(stat->parent == ::getppid());
  CHECK(stat->start > 0);
  CHECK(!system::process_stat(1 << 22));
}

TEST_CASE("a process is opened by pid and start, by neither alone") {
  const Gate gate;
  Child child([&] { return gate.wait() != 0 ? 0 : 1; });
  const auto stat = system::process_stat(child.pid());
  REQUIRE(stat);
  const auto process = system::open_process({child.pid(), stat->start});
  REQUIRE(process.is_open());
  CHECK(!system::has_ended(process));
  CHECK(!system::open_process({child.pid(), stat->start + 1}).is_open());
  CHECK(!system::open_process({child.pid(), 0}).is_open());
  CHECK(!system::open_process({::getpid(), stat->start + 1}).is_open());
  gate.open();
  ::waitid(P_PID, static_cast<id_t>(child.pid()), nullptr, WEXITED | WNOWAIT);
  CHECK(system::has_ended(process));
  CHECK(!system::open_process({child.pid(), stat->start}).is_open());  // not reaped yet
  CHECK(child.exit_code() == 0);
}

TEST_CASE("children are found under their parent") {
  const Gate gate;
  Child child([&] { return gate.wait() != 0 ? 0 : 1; });
  const auto children = system::children_of(::getpid());
  if (test::exists("/proc/self/task/" + std::to_string(::getpid()) + "/children")) {
    CHECK(std::find(children.begin(), children.end(), child.pid()) != children.end());
  }
  CHECK(system::children_of(child.pid()).empty());
  CHECK(system::children_of(1 << 22).empty());
  gate.open();
}
