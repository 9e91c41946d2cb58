// SPDX-License-Identifier: Apache-2.0
// Event objects for programs: their exact shape, and that no text can break them.
#include <limits>

#include "damage.hpp"
#include "gearscale/codec/events.hpp"

using namespace gearscale;
using namespace gearscale::codec;
using core::Action;
using core::Decision;
using core::Reason;

namespace {

const EventStamp kStamp{.system_micros = 1795327944190922, .pid = 6399};

Decision up() {
  return {.action = Action::up,
          .reason = Reason::capacity_reached,
          .target = 2,
          .numbers = {.sessions = 9,
                      .serving = 1,
                      .coming = 0,
                      .down = 0,
                      .draining = 0,
                      .standby = 3,
                      .capacity_pct = 90,
                      .capacity_coming_pct = 90,
                      .peak_sessions = 9.5,
                      .low_checks = 0,
                      .left_til_remove = core::Millis{120'000},
                      .response = {}}};
}

std::string begin_of(const std::string& event) { return R"({"at":"2026-11-22T06:12:24.190922Z","event":")" + event + R"(","pid":6399,)"; }

const std::string kUp = R"("decision":{"action":"up","reason":"capacity_reached","target":2},)";
const std::string kNumbers =
    R"("numbers":{"sessions":9.0,"serving":1,"coming":0,"down":0,"draining":0,"standby":3,"capacity_pct":90.0,"capacity_coming_pct":90.0,)"
    R"("peak_sessions":9.5,"low_checks":0,"left_til_remove_ms":120000})";

}  // namespace

TEST_CASE("a check is one object with its decision and numbers") {
  CHECK(check_json(kStamp, up(), "") == begin_of("check") + kUp + kNumbers + "}");
}

TEST_CASE("a check without data carries the error") {
  const auto json = check_json(kStamp, {}, "socket: \"refused\"");
  CHECK(json.starts_with(begin_of("check") + R"("decision":{"action":"hold","reason":"no_data","target":0},)"));
  CHECK(json.ends_with(R"(,"error":"socket: \"refused\""})"));
}

TEST_CASE("response time is told where it is looked at, its figures where there are any") {
  using State = core::ResponseView::State;
  auto decision = up();
  const auto text = [&](State state) {
    decision.numbers.response = {.state = state, .count = 4'000'000'000'000u, .p50_ms = 12, .p90_ms = 1534, .p99_ms = 4294967295u};
    return check_json(kStamp, decision, "");
  };
  CHECK_FALSE(test::contains(text(State::off), "response"));
  CHECK(text(State::lost).ends_with(R"("left_til_remove_ms":120000,"response":{"state":"lost"}}})"));
  for (const auto& [state, name] : {std::pair(State::live, "live"), std::pair(State::too_few, "too_few")}) {
    CHECK(text(state).ends_with(R"("left_til_remove_ms":120000,"response":{"state":")" + std::string(name) +
                                R"(","count":4000000000000,"p50_ms":12,"p90_ms":1534,"p99_ms":4294967295}}})"));
  }
  CHECK(test::contains(action_json(kStamp, decision, {}, "x"), R"("p99_ms":4294967295}},"gears":[])"));
}

TEST_CASE("an action names its gears and who asked") {
  CHECK(action_json(kStamp, up(), {"1f3a9c02-ns", "00000002-ns"}, "add-gear") ==
        begin_of("action") + kUp + kNumbers + R"(,"gears":["1f3a9c02-ns","00000002-ns"],"by":"add-gear"})");
  CHECK(test::contains(action_json(kStamp, up(), {}, "haproxy_ctld"), R"("gears":[],"by":"haproxy_ctld")"));
}

TEST_CASE("an outcome tells what became of a step") {
  CHECK(outcome_json(kStamp, "1f3a9c02-ns", "enrol", true, "ready in 31 ms") ==
        begin_of("outcome") + R"("gear":"1f3a9c02-ns","step":"enrol","ok":true,"detail":"ready in 31 ms"})");
}

TEST_CASE("a notice is a text") {
  CHECK(notice_json(kStamp, "hello") == R"({"at":"2026-11-22T06:12:24.190922Z","event":"notice","pid":6399,"text":"hello"})");
}

TEST_CASE("an infinite capacity is a number: 100 for each session") {
  auto decision = up();
  decision.numbers.serving = 0;
  decision.numbers.capacity_pct = std::numeric_limits<double>::infinity();
  decision.numbers.capacity_coming_pct = std::numeric_limits<double>::infinity();
  CHECK(test::contains(check_json(kStamp, decision, ""), R"("capacity_pct":900.0,"capacity_coming_pct":900.0,)"));
}

TEST_CASE("text from outside stays inside one line, whatever its bytes are") {
  CHECK(notice_json(kStamp, "a\nb\t\"\\\x01").ends_with(R"("text":"a\nb\t\"\\\u0001"})"));
  CHECK(notice_json(kStamp, "\xff\xc3").ends_with("\"text\":\"\xef\xbf\xbd\xef\xbf\xbd\"}"));
  CHECK(notice_json(kStamp, "\xc3\xa4").ends_with("\"text\":\"\xc3\xa4\"}"));
  test::Damage damage(20260617);
  for (int round = 0; round < 1000; ++round) {
    const auto text = damage.one("GET /\xc3\xa4 HTTP/1.1 \xe2\x82\xac");
    for (const auto& json : {check_json(kStamp, up(), text), action_json(kStamp, up(), {text}, text),
                             outcome_json(kStamp, text, text, false, text), notice_json(kStamp, text)}) {
      if (test::contains(json, "\n") || json.front() != '{' || json.back() != '}') FAIL("not one line: " << json);
    }
  }
}
