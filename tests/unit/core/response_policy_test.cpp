// SPDX-License-Identifier: Apache-2.0
// The policies: sessions, response time, and both of them together.
#include "gearscale/core/decision.hpp"
#include "support/catch.hpp"

using namespace gearscale::core;
using namespace std::chrono_literals;

namespace {

constexpr Time kStart{1h};
using View = ResponseView::State;

Policy policy_of(bool sessions, bool response) {
  Policy policy;
  policy.use_sessions = sessions;
  policy.use_response = response;
  return policy;
}

const Policy kSessions = policy_of(true, false);
const Policy kResponse = policy_of(false, true);
const Policy kBoth = policy_of(true, true);

ResponseView live(std::uint32_t p90) { return {.state = View::live, .count = 100, .p50_ms = p90 / 2, .p90_ms = p90, .p99_ms = p90 * 2}; }
ResponseView state_of(View state) { return {.state = state}; }

Observation seen(double sessions, int serving, const ResponseView& response, int coming = 0) {
  return {.sessions = sessions, .serving = serving, .coming = coming, .response = response};
}

// The verdict of one check, flap protection long over and the count of low checks full.
Decision verdict(const Policy& policy, const Observation& farm, const Limits& limits = {}) {
  PolicyState state;
  state.low_checks = policy.remove_checks;
  return decide(policy, limits, state, farm, kStart);
}

}  // namespace

TEST_CASE("response time adds a gear above 1000 ms and not at 1000") {
  CHECK(verdict(kResponse, seen(0, 2, live(1'000))).action == Action::hold);
  const auto decision = verdict(kResponse, seen(0, 2, live(1'001)));
  CHECK(decision.action == Action::up);
  CHECK(decision.reason == Reason::response_slow);
  CHECK(decision.target == 3);  // how many would help is not known: one
  CHECK(decision.numbers.response.p90_ms == 1'001);
}

TEST_CASE("response time is asked between checks, too") {
  PolicyState state;
  CHECK(decide_fast(kResponse, {}, state, seen(0, 2, live(1'001)), kStart).reason == Reason::response_slow);
  CHECK(decide_fast(kResponse, {}, state, seen(0, 2, live(1'000)), kStart).action == Action::hold);
  CHECK(decide_fast(kSessions, {}, state, seen(0, 2, live(9'999)), kStart).action == Action::hold);
}

TEST_CASE("the percentile that is asked for decides") {
  ResponseView response{.state = View::live, .count = 100, .p50_ms = 100, .p90_ms = 500, .p99_ms = 5'000};
  auto policy = kResponse;
  for (const auto& [percentile, value] :
       {std::pair(Percentile::p50, 100U), std::pair(Percentile::p90, 500U), std::pair(Percentile::p99, 5'000U)}) {
    policy.response.percentile = percentile;
    CHECK(value_ms(response, percentile) == value);
    policy.response.up = Millis{value};
    CHECK(verdict(policy, seen(0, 2, response)).action != Action::up);
    policy.response.up = Millis{value - 1};
    CHECK(verdict(policy, seen(0, 2, response)).reason == Reason::response_slow);
    policy.response.up = Millis{10'000};
    policy.response.remove = Millis{value};
    CHECK(verdict(policy, seen(0, 2, response)).reason == Reason::response_in_band);
    policy.response.remove = Millis{value + 1};
    CHECK(verdict(policy, seen(0, 2, response)).reason == Reason::low_capacity);
  }
}

TEST_CASE("a gear on its way suffices for slow pages: what it changes shows only when it serves") {
  CHECK(verdict(kResponse, seen(0, 2, live(9'000), 1)).reason == Reason::coming_suffices);
  CHECK(verdict(kBoth, seen(2, 2, live(9'000), 1)).reason == Reason::coming_suffices);
  const auto busy = verdict(kBoth, seen(27, 2, live(9'000), 1));  // 27 on 3 are 90%: the sessions ask for more all the same
  CHECK(busy.reason == Reason::capacity_reached);
  CHECK(busy.target == 4);
}

TEST_CASE("slow pages obey scale_max, the hold-off and scale_min's repair") {
  CHECK(verdict(kResponse, seen(0, 2, live(9'000)), {1, 2}).reason == Reason::at_max);
  CHECK(verdict(kResponse, seen(0, 2, live(9'000)), {1, 3}).reason == Reason::response_slow);
  CHECK(verdict(kResponse, seen(0, 2, live(9'000)), {3, 5}).reason == Reason::below_min);
  PolicyState state;
  settle(state, Outcome::add_failed, kStart);
  CHECK(decide(kResponse, {}, state, seen(0, 2, live(9'000)), kStart + 3s - 1ms).reason == Reason::hold_off);
  CHECK(decide(kResponse, {}, state, seen(0, 2, live(9'000)), kStart + 3s).reason == Reason::response_slow);
}

TEST_CASE("any signal may add, and the one that asks for more gears wins") {
  CHECK(verdict(kBoth, seen(0, 2, live(1'001))).reason == Reason::response_slow);
  CHECK(verdict(kBoth, seen(18, 2, live(1))).reason == Reason::capacity_reached);
  CHECK(verdict(kBoth, seen(35, 1, live(9'000))).target == 4);
  for (const auto state : {View::lost, View::too_few, View::off}) {
    CAPTURE(to_string(state));
    CHECK(verdict(kBoth, seen(18, 2, state_of(state))).reason == Reason::capacity_reached);
    CHECK(verdict(kBoth, seen(17.9, 2, state_of(state))).action != Action::up);
  }
}

TEST_CASE("what is not looked at has no say") {
  CHECK(verdict(kSessions, seen(0, 2, live(9'000))).reason == Reason::low_capacity);
  CHECK(verdict(kSessions, seen(0, 2, state_of(View::lost))).reason == Reason::low_capacity);
  CHECK(verdict(kResponse, seen(1'000, 2, live(500))).reason == Reason::response_in_band);
  CHECK(verdict(kResponse, seen(1'000, 2, live(100))).reason == Reason::low_capacity);
}

TEST_CASE("values that are left over in a source that is not live do not add") {
  for (const auto state : {View::lost, View::too_few, View::off}) {
    auto response = live(9'000);
    response.state = state;
    CAPTURE(to_string(state));
    CHECK(verdict(kResponse, seen(0, 2, response)).action == Action::hold);
    PolicyState memory;
    CHECK(decide_fast(kResponse, {}, memory, seen(0, 2, response), kStart).action == Action::hold);
  }
}

TEST_CASE("to remove, all that have something to say must agree") {
  struct Row {
    double sessions;
    ResponseView response;
    Action action;
    Reason reason;
  };
  const Row rows[] = {
      {1, live(199), Action::down, Reason::low_capacity},
      {1, live(200), Action::hold, Reason::response_in_band},
      {1, live(1'000), Action::hold, Reason::response_in_band},
      {14.96, live(199), Action::down, Reason::low_capacity},
      {14.97, live(199), Action::hold, Reason::in_band},  // 49.9% of 3
      {14.97, live(500), Action::hold, Reason::in_band},
      {1, state_of(View::too_few), Action::down, Reason::low_capacity},  // abstains
      {14.97, state_of(View::too_few), Action::hold, Reason::in_band},
      {1, state_of(View::lost), Action::hold, Reason::signal_lost},  // forbids
      {1, state_of(View::off), Action::hold, Reason::signal_lost},
      {14.97, state_of(View::lost), Action::hold, Reason::in_band},
  };
  for (const auto& row : rows) {
    CAPTURE(row.sessions, to_string(row.response.state), row.response.p90_ms);
    const auto decision = verdict(kBoth, seen(row.sessions, 3, row.response));
    CHECK(decision.action == row.action);
    CHECK(decision.reason == row.reason);
    CHECK(decision.target == (row.action == Action::down ? 2 : 3));
  }
}

TEST_CASE("response time alone decides only on enough requests from a source that is there") {
  CHECK(verdict(kResponse, seen(0, 3, live(199))).reason == Reason::low_capacity);
  CHECK(verdict(kResponse, seen(0, 3, live(200))).reason == Reason::response_in_band);
  CHECK(verdict(kResponse, seen(0, 3, state_of(View::too_few))).reason == Reason::too_few_requests);
  CHECK(verdict(kResponse, seen(0, 3, state_of(View::lost))).reason == Reason::signal_lost);
  CHECK(verdict(kResponse, seen(0, 3, live(1)), {3, 5}).reason == Reason::at_min);
  CHECK(verdict(kResponse, seen(0, 1, live(1))).reason == Reason::at_min);
}

TEST_CASE("the sessions' guards hold a removal that response time would allow, where sessions are looked at") {
  CHECK(verdict(kBoth, seen(9, 2, live(1))).reason == Reason::would_return);  // 9 on 1 gear are 90%
  CHECK(verdict(kResponse, seen(9, 2, live(1))).reason == Reason::low_capacity);
}

TEST_CASE("a check that response time does not call low starts the count again, one it abstains from goes on with it") {
  for (const auto& [response, kept] : {std::pair(live(200), false), std::pair(state_of(View::lost), false),
                                       std::pair(state_of(View::too_few), true), std::pair(live(199), true)}) {
    PolicyState state;
    decide(kBoth, {}, state, seen(1, 3, live(1)), kStart);
    decide(kBoth, {}, state, seen(1, 3, live(1)), kStart + 3s);
    CHECK(state.low_checks == 2);
    const auto decision = decide(kBoth, {}, state, seen(1, 3, response), kStart + 6s);
    CHECK(decision.action == (kept ? Action::down : Action::hold));
    CHECK(state.low_checks == 0);  // of a removal, too
  }
}

TEST_CASE("flap protection and the three checks hold for response time as for sessions") {
  PolicyState state;
  state.flap_start = kStart;
  for (auto now = kStart + 3s; now < kStart + 120s; now += 3s)
    CHECK(decide(kResponse, {}, state, seen(0, 3, live(1)), now).action == Action::hold);
  CHECK(state.low_checks == 3);
  CHECK(decide(kResponse, {}, state, seen(0, 3, live(1)), kStart + 120s - 1ms).reason == Reason::flap_protection);
  CHECK(decide(kResponse, {}, state, seen(0, 3, live(1)), kStart + 120s).action == Action::down);
  CHECK(decide(kResponse, {}, state, seen(0, 2, live(1)), kStart + 123s).reason == Reason::low_checks);
}

TEST_CASE("more gears than scale_max leave whatever the response times are") {
  for (const auto& response : {live(9'000), live(1), state_of(View::lost), state_of(View::too_few)}) {
    CHECK(verdict(kBoth, seen(50, 4, response), {1, 2}).reason == Reason::above_max);
    CHECK(verdict(kResponse, seen(50, 4, response), {1, 2}).target == 3);
  }
}

TEST_CASE("states and reasons of response time have their words") {
  CHECK(to_string(View::off) == "off");
  CHECK(to_string(View::lost) == "lost");
  CHECK(to_string(View::too_few) == "too_few");
  CHECK(to_string(View::live) == "live");
  CHECK(to_string(Reason::response_slow) == "response_slow");
  CHECK(to_string(Reason::response_in_band) == "response_in_band");
  CHECK(to_string(Reason::too_few_requests) == "too_few_requests");
  CHECK(to_string(Reason::signal_lost) == "signal_lost");
  CHECK(to_string(Reason::refilling) == "refilling");
}
