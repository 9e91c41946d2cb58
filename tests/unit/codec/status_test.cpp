// SPDX-License-Identifier: Apache-2.0
// haproxy_ctld --status: its exact JSON, and the lines of its table that people look for.
#include "gearscale/codec/status.hpp"

#include <limits>

#include "damage.hpp"

using namespace gearscale;
using namespace gearscale::codec;
using test::contains;

namespace {

StatusReport report() {
  StatusReport one;
  one.sessions = 9;
  one.capacity_pct = 45;
  one.serving = 2;
  one.coming = 1;
  one.draining = 1;
  one.standby = 3;
  one.limits = {1, 8};
  one.template_name = "app-v2";
  one.controller_pid = 4242;
  StatusGear gear;
  gear.name = "1f3a9c02-ns";
  gear.server = "gear-1f3a9c02-ns";
  gear.container = "app-1f3a9c02-ns";
  gear.address = 0x0a00030b;
  gear.state = core::GearState::standby;
  gear.seconds_in_state = 7;
  gear.template_name = "app-v2";
  gear.note = "\xff";
  one.gears.push_back(gear);
  return one;
}

}  // namespace

TEST_CASE("the status as JSON has its members, standbys and templates among them") {
  CHECK(status_json(report()) ==
        R"({"sessions":9.0,"capacity_pct":45.0,"serving":2,"coming":1,"down":0,"draining":1,"standby":3,"template":"app-v2",)"
        R"("limits":{"min":1,"max":8},"thresholds":{"up_pct":90.0,"remove_pct":49.9},"controller":{"running":true,"pid":4242},)"
                                  R"("breaker":{"template":"","failures":0,"open_seconds":0,"why":""},)"
        R"("gears":[{"name":"1f3a9c02-ns","server":"gear-1f3a9c02-ns","container":"app-1f3a9c02-ns","address":"10.0.3.11",)"
        R"("state":"standby","server_state":"absent","sessions":0,"pinned":false,"seconds":7,"template":"app-v2",)"
        "\"note\":\"\xef\xbf\xbd\"}]}");
}

TEST_CASE("without a controller, a gear or HAProxy the status says so") {
  StatusReport bare;
  bare.capacity_pct = std::numeric_limits<double>::infinity();
  CHECK(contains(status_json(bare), R"("capacity_pct":null)"));
  CHECK(contains(status_json(bare), R"("controller":{"running":false,"pid":null},)"
                                          R"("breaker":{"template":"","failures":0,"open_seconds":0,"why":""},"gears":[]})"));
  CHECK(contains(status_table(bare), "controller  not running\n"));
  CHECK(contains(status_table(bare), "no gear serves"));
  CHECK_FALSE(contains(status_table(bare), "template"));
  bare.error = "no socket";
  CHECK(contains(status_json(bare), R"("error":"no socket")"));
  CHECK(contains(status_table(bare), "haproxy     not available: no socket\n"));
}

TEST_CASE("the table names the template, the standbys and each gear on a line of its own") {
  auto one = report();
  one.gears[0].note = "a\nb";
  const auto table = status_table(one);
  CHECK(contains(table, "controller  running (pid 4242)\n"));
  CHECK(contains(table, "template    app-v2\n"));
  CHECK(contains(table, "2 serving, 1 coming, 1 draining, 0 down, 3 standing by  (min 1, max 8)\n"));
  CHECK(contains(table, "1f3a9c02-ns                  10.0.3.11       standby   absent         0        7"));
  CHECK_FALSE(contains(table, "a\nb"));
}

TEST_CASE("the table keeps the quotes of what went wrong, and shows what would command a terminal") {
  auto bad = report();
  bad.gears[0].note = "Cannot open 'gear': it's \"not\" there\x1b[2J\nx";
  bad.breaker.failures = core::kBreakerFailures;
  bad.breaker.why = "the hook said 'no'\a";
  CHECK(contains(status_table(bad), " Cannot open 'gear': it's \"not\" there\\x1b[2J\\nx\n"));
  CHECK(contains(status_table(bad), "gears in a row failed: the hook said 'no'\\x07\n"));
}
