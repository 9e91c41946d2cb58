// SPDX-License-Identifier: Apache-2.0
// The registry: written, read back, carried over a reboot, and refused whenever something is wrong with it.
#include "gearscale/codec/registry_json.hpp"

#include <set>

#include "damage.hpp"

using namespace gearscale;
using codec::decode_registry;
using codec::encode_registry;
using codec::RegistryContext;
using core::GearState;
using core::Millis;
using core::Time;
using test::contains;

namespace {

Time at(std::int64_t ms) { return Time{Millis{ms}}; }

RegistryContext context() {
  return {.application = {.app = "shop", .ns = "prod"}, .boot_id = "5f0c1f64-0000-4000-8000-000000000001", .now = at(900'000)};
}

core::Registry registry() {
  core::Registry one;
  one.generation = 18446744073709551615u;
  one.last_addition = at(500'000);
  one.low_checks = 2;
  one.gears.push_back({.id = "1f3a9c02",
                       .address = 0x0a00030bu,
                       .state = GearState::serving,
                       .since = at(400'000),
                       .deadline = {},
                       .pinned = true,
                       .created_ms = 1795327944190,
                       .note = ""});
  one.gears.push_back({.id = "00000002",
                       .address = 0x0a00030cu,
                       .state = GearState::draining,
                       .since = at(450'000),
                       .deadline = at(510'000),
                       .pinned = false,
                       .created_ms = 1795327944191,
                       .note = ""});
  one.gears.push_back({.id = "00000003",
                       .address = 0,
                       .state = GearState::failed,
                       .since = at(460'000),
                       .deadline = at(470'000),
                       .pinned = false,
                       .created_ms = 0,
                       .note = "it did not answer: \"HTTP\" \xc3\xa4\n"});
  one.gears.push_back({.id = "00000004", .address = 0, .state = GearState::removing, .since = at(460'000), .deadline = at(470'000)});
  one.gears.push_back(
      {.id = "00000005", .address = 0x0a00030du, .state = GearState::starting, .since = at(460'000), .deadline = at(520'000)});
  return one;
}

void check_same(const core::Gear& one, const core::Gear& other) {
  CAPTURE(one.id);
  CHECK(one.id == other.id);
  CHECK(one.address == other.address);
  CHECK(one.state == other.state);
  CHECK(one.since == other.since);
  CHECK(one.deadline == other.deadline);
  CHECK(one.pinned == other.pinned);
  CHECK(one.created_ms == other.created_ms);
  CHECK(one.note == other.note);
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const auto found = text.find(from);
  REQUIRE(found != std::string::npos);
  return text.replace(found, from.size(), to);
}

}  // namespace

TEST_CASE("a registry is written in a form that people can read") {
  core::Registry one = registry();
  one.gears.resize(1);
  CHECK(encode_registry(one, context()) == R"({
  "version": 1,
  "app": "shop",
  "namespace": "prod",
  "boot_id": "5f0c1f64-0000-4000-8000-000000000001",
  "generation": 18446744073709551615,
  "last_addition_ms": 500000,
  "low_checks": 2,
  "gears": [
    {
      "id": "1f3a9c02",
      "name": "1f3a9c02-prod",
      "address": "10.0.3.11",
      "state": "serving",
      "since_ms": 400000,
      "deadline_ms": 0,
      "pinned": true,
      "created": "2026-11-22T06:12:24.190Z",
      "note": ""
    }
  ]
}
)");
}

TEST_CASE("a registry that is written is read back, gears without an address included") {
  const auto one = registry();
  const auto read = decode_registry(encode_registry(one, context()), context());
  REQUIRE(read);
  CHECK(read->generation == one.generation);
  CHECK(read->last_addition == one.last_addition);
  CHECK(read->low_checks == one.low_checks);
  REQUIRE(read->gears.size() == one.gears.size());
  for (std::size_t index = 0; index < one.gears.size(); ++index) check_same(read->gears[index], one.gears[index]);

  const auto empty = decode_registry(encode_registry({}, context()), context());
  REQUIRE(empty);
  CHECK(empty->gears.empty());
}

TEST_CASE("after a reboot times start now and deadlines keep their length") {
  auto later = context();
  later.boot_id = "another";
  const auto read = decode_registry(encode_registry(registry(), context()), later);
  REQUIRE(read);
  CHECK(read->last_addition == later.now);
  for (const auto& gear : read->gears) CHECK(gear.since == later.now);
  CHECK(read->gears[0].deadline == Time{});
  CHECK(read->gears[1].deadline == later.now + Millis{60'000});
  CHECK(read->gears[2].deadline == later.now + Millis{10'000});
  CHECK(read->low_checks == 2);

  auto odd = registry();
  odd.gears[1].deadline = odd.gears[1].since - Millis{5};
  const auto past = decode_registry(encode_registry(odd, context()), later);
  REQUIRE(past);
  CHECK(past->gears[1].deadline == later.now);
}

TEST_CASE("members that are not known are ignored") {
  auto text = replaced(encode_registry(registry(), context()), "\"version\": 1,", "\"version\": 1, \"future\": [1, {\"a\": null}],");
  text = replaced(text, "\"pinned\": true,", "\"pinned\": true, \"color\": \"red\",");
  CHECK(decode_registry(text, context()));
}

TEST_CASE("bytes that are not UTF-8 are written as replacement characters and do no harm") {
  auto one = registry();
  one.gears[0].note = "bad \xff\xfe byte";
  const auto text = encode_registry(one, context());
  const auto read = decode_registry(text, context());
  REQUIRE(read);
  CHECK(read->gears[0].note == "bad \xef\xbf\xbd\xef\xbf\xbd byte");
}

TEST_CASE("everything that would not have been written is refused, saying where") {
  const auto good = encode_registry(registry(), context());
  struct Bad {
    std::string from, to;
    std::string_view says;
  };
  const std::vector<Bad> all{
      {"\"version\": 1", "\"version\": 2", "version 2"},
      {"\"version\": 1", "\"version\": \"1\"", "'version' of the registry"},
      {"\"version\": 1,", "", "'version' of the registry"},
      {"\"app\": \"shop\"", "\"app\": null", "'app' of the registry is not a text"},
      {"\"boot_id\"", "\"boot\"", "'boot_id'"},
      {"\"generation\": 18446744073709551615", "\"generation\": 18446744073709551616", "'generation'"},
      {"\"generation\": 18446744073709551615", "\"generation\": -1", "'generation'"},
      {"\"last_addition_ms\": 500000", "\"last_addition_ms\": -1", "'last_addition_ms'"},
      {"\"last_addition_ms\": 500000", "\"last_addition_ms\": 1000000000000001", "'last_addition_ms'"},
      {"\"last_addition_ms\": 500000", "\"last_addition_ms\": 5.5", "'last_addition_ms'"},
      {"\"low_checks\": 2", "\"low_checks\": 1000001", "'low_checks'"},
      {"\"gears\": [", "\"gears\": 1, \"x\": [", "'gears'"},
      {"\"gears\": [", "\"gears\": [7,", "gear number 1 is not an object"},
      {"\"1f3a9c02\"", "\"1F3A9C02\"", "'id' of gear number 1"},
      {"\"1f3a9c02\"", "\"../../..\"", "'id' of gear number 1"},
      {"\"1f3a9c02\"", "17", "'id' of gear number 1"},
      {"\"1f3a9c02\"", "\"00000002\"", "gear 00000002 is there twice"},
      {"\"10.0.3.11\"", "\"10.0.3.256\"", "'address' of gear number 1"},
      {"\"10.0.3.11\"", "\"10.0.3.12\"", "address 10.0.3.12 is there twice"},
      {"\"serving\"", "\"serves\"", "'state' of gear number 1 is unknown: 'serves'"},
      {"\"since_ms\": 400000", "\"since_ms\": \"400000\"", "'since_ms' of gear number 1"},
      {"\"deadline_ms\": 510000", "\"deadline_ms\": 1e300", "'deadline_ms' of gear number 2"},
      {"\"pinned\": true", "\"pinned\": 1", "'pinned' of gear number 1"},
      {"\"created\": \"2026-11-22T06:12:24.190Z\"", "\"created\": \"yesterday\"", "'created' of gear number 1"},
      {"\"note\": \"\"", "\"note\": []", "'note' of gear number 1"},
      {"\"note\": \"\"", "\"note\": \"\xff\"", "not JSON"},
      {"{", "[", "not JSON"},
      {"{", "", "not JSON"},
      {"\"version\"", "\"version", "not JSON"},
  };
  for (const auto& [from, to, says] : all) {
    CAPTURE(from, to);
    const auto read = decode_registry(replaced(good, from, to), context());
    REQUIRE_FALSE(read);
    CHECK(read.error().code == Errc::unavailable);
    CAPTURE(read.error().message);
    CHECK(contains(read.error().message, says));
  }
  for (const auto* text : {"", " ", "null", "[]", "7", "\"x\"", "{}", "{", "nul", "\xff", "{\"version\":1}"}) {
    CAPTURE(text);
    const auto read = decode_registry(text, context());
    REQUIRE_FALSE(read);
    CHECK(read.error().code == Errc::unavailable);
  }
  CHECK_FALSE(decode_registry(good + "x", context()));
  CHECK_FALSE(decode_registry(std::string("\0", 1) + good, context()));
}

TEST_CASE("the registry of another application is not corrupt, but not ours either") {
  const auto good = encode_registry(registry(), context());
  for (const auto& [from, to] : {std::pair("\"app\": \"shop\"", "\"app\": \"shop2\""),
                                 std::pair("\"namespace\": \"prod\"", "\"namespace\": \"\"")}) {
    const auto read = decode_registry(replaced(good, from, to), context());
    REQUIRE_FALSE(read);
    CHECK(read.error().code == Errc::config);
    CHECK(contains(read.error().message, "belongs to application 'shop"));
  }
}

TEST_CASE("a huge or deeply nested file is refused without harm") {
  const auto good = encode_registry(registry(), context());
  const std::size_t most = 16u * 1024 * 1024;
  CHECK(decode_registry(good + std::string(most - good.size(), ' '), context()));
  const auto large = decode_registry(good + std::string(most - good.size() + 1, ' '), context());
  REQUIRE_FALSE(large);
  CHECK(contains(large.error().message, "16 MiB"));
  CHECK_FALSE(decode_registry(std::string(1'000'000, '['), context()));
  CHECK_FALSE(decode_registry(std::string(500'000, '[') + std::string(500'000, ']'), context()));
}

TEST_CASE("every truncated prefix is refused, but for the last line end") {
  const auto text = encode_registry(registry(), context());
  for (std::size_t length = 0; length + 1 < text.size(); ++length) {
    const test::Exact exact(std::string_view(text).substr(0, length));
    if (decode_registry(exact.view(), context())) FAIL("a registry of " << length << " of " << text.size() << " bytes was taken");
  }
  CHECK(decode_registry(std::string_view(text).substr(0, text.size() - 1), context()));
}

TEST_CASE("a damaged registry is refused or holds to the rules") {
  const auto text = encode_registry(registry(), context());
  test::Damage damage(20260616);
  int refused = 0;
  for (int round = 0; round < 3000; ++round) {
    const test::Exact exact(damage.one(text));
    const auto read = decode_registry(exact.view(), context());
    if (!read) {
      ++refused;
      const bool other = read.error().code == Errc::config && contains(read.error().message, "belongs to application");
      if (read.error().code != Errc::unavailable && !other) FAIL("a wrong kind of error: " << read.error().message);
      continue;
    }
    std::set<std::string> ids;
    for (const auto& gear : read->gears) {
      if (!core::is_gear_id(gear.id) || !ids.insert(gear.id).second) FAIL("a bad id: " << gear.id);
    }
  }
  CHECK(refused > 2000);
  CHECK(refused < 3000);
}
