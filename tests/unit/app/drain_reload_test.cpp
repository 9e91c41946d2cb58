// SPDX-License-Identifier: Apache-2.0
// Drains while an earlier HAProxy process, which a reload left behind, still runs.
#include "draining.hpp"

using namespace gearscale;
using namespace std::chrono_literals;
using core::GearState;
using test::Draining;

TEST_CASE("after a reload a drain is not over before the old HAProxy has ended, or drain_soft and drain_hard are") {
  Draining drain;
  drain.until(5s);
  drain.world.balancer.pid = 72;  // a new process: it shows no session of the old one
  drain.world.balancer.has_predecessor = true;
  drain.until(120s);
  CHECK(drain.leaving().state == GearState::draining);
  drain.until(610s);  // drain_soft is over: out of HAProxy, but a download may still come through the old process
  CHECK(drain.leaving().state == GearState::removing);
  CHECK_FALSE(drain.world.balancer.servers.contains("00000002"));
  CHECK(drain.world.host.containers.size() == 2);
  drain.until(655s);
  CHECK(drain.world.host.containers.size() == 2);
  drain.until(670s);  // drain_hard is over, too
  CHECK(drain.is_gone());
}

TEST_CASE("a drain goes on when the old HAProxy has ended") {
  Draining drain;
  drain.until(5s);
  drain.world.balancer.has_predecessor = true;
  drain.until(60s);
  CHECK(drain.leaving().state == GearState::draining);
  drain.world.balancer.has_predecessor = false;
  drain.until(67s);
  CHECK(drain.is_gone());
}
