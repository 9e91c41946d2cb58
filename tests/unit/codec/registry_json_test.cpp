// SPDX-License-Identifier: Apache-2.0
// The registry: written, read back, carried over a reboot, and refused whenever something is wrong with it.
#include "registry_fixture.hpp"

using namespace gearscale;
using codec::decode_registry;
using codec::encode_registry;
using core::GearState;
using core::Millis;
using core::Time;
using test::check_same;
using test::contains;
using test::context;
using test::registry;
using test::replaced;

TEST_CASE("a registry is written in a form that people can read") {
  core::Registry one = registry();
  one.gears.resize(1);
  CHECK(encode_registry(one, context()) == R"({
  "version": 1,
  "app": "shop",
  "namespace": "prod",
  "uuid": "5f00",
  "lxc_path": "/var/lib/lxc",
  "boot_id": "5f0c1f64-0000-4000-8000-000000000001",
  "generation": 18446744073709551615,
  "last_addition_ms": 500000,
  "low_checks": 2,
  "template": "app-template.v2",
  "instead_of": "app-template",
  "replacement": {
    "state": "running",
    "template": "app-template.v2",
    "step": 3,
    "replaced": 17,
    "note": "ä \"note\""
  },
  "breaker": {
    "template": "app-t1",
    "failures": 3,
    "deaths": 2,
    "pauses": 1,
    "served": true,
    "last_failure_ms": 600000,
    "open_until_ms": 610000,
    "why": "GET: \"no\"",
    "proven": "app-template.v2"
  },
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
      "template": "app-template.v2",
      "replaces": "00000002",
      "dismissed": false,
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

  CHECK(read->template_name == one.template_name);
  CHECK(read->instead_of == one.instead_of);
  check_same(read->replacement, one.replacement);
  CHECK(read->breaker.template_name == one.breaker.template_name);
  CHECK(read->breaker.failures == one.breaker.failures);
  CHECK(read->breaker.deaths == one.breaker.deaths);
  CHECK(read->breaker.pauses == one.breaker.pauses);
  CHECK(read->breaker.proven == one.breaker.proven);
  CHECK(read->breaker.served == one.breaker.served);
  CHECK(read->breaker.last_failure == one.breaker.last_failure);
  CHECK(read->breaker.open_until == one.breaker.open_until);
  CHECK(read->breaker.why == one.breaker.why);

  const auto empty = decode_registry(encode_registry({}, context()), context());
  REQUIRE(empty);
  CHECK(empty->gears.empty());
}

TEST_CASE("the registry of another application of the same name is refused by its uuid") {
  auto other = context();
  other.application.uuid = "5f01";
  const auto refused = decode_registry(encode_registry(registry(), context()), other);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Errc::config);
  CHECK(refused.error().message ==
        "gear-registry.json belongs to application 'shop' with namespace 'prod' and uuid '5f00', not to 'shop' with namespace 'prod' and uuid "
        "'5f01': correct app, namespace or uuid, or haproxy_dir");
  CHECK_FALSE(decode_registry(encode_registry({}, context()), other));
  other.application.uuid = "";  // who does not know it may look
  CHECK(decode_registry(encode_registry(registry(), context()), other));
}

TEST_CASE("a registry of before there was a uuid has containers with the former mark until it says otherwise") {
  const auto former = replaced(encode_registry(registry(), context()), "  \"uuid\": \"5f00\",\n", "");
  auto read = decode_registry(former, context());
  REQUIRE(read);
  CHECK(read->former_marks);
  const auto written = encode_registry(*read, context());
  CHECK(contains(written, "\"uuid\": \"\""));
  read = decode_registry(written, context());
  REQUIRE(read);
  CHECK(read->former_marks);
  read->former_marks = false;
  read = decode_registry(encode_registry(*read, context()), context());
  REQUIRE(read);
  CHECK_FALSE(read->former_marks);
  CHECK_FALSE(decode_registry(replaced(encode_registry({}, context()), "  \"uuid\": \"5f00\",\n", ""), context())->former_marks);
}

TEST_CASE("a registry whose gears are in another lxc_path is refused, one without gears or of before there was that member is not") {
  auto elsewhere = context();
  elsewhere.lxc_path = "/srv/lxc";
  const auto text = encode_registry(registry(), context());
  const auto refused = decode_registry(text, elsewhere);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Errc::config);
  CHECK(refused.error().message ==
        "the gears of gear-registry.json are in lxc_path '/var/lib/lxc', not in '/srv/lxc': correct lxc_path; to move the application "
        "there, run "
        "teardown first");
  CHECK(decode_registry(text, context()));
  CHECK(decode_registry(encode_registry({}, context()), elsewhere));
  CHECK(decode_registry(replaced(text, "  \"lxc_path\": \"/var/lib/lxc\",\n", ""), elsewhere));
  CHECK(decode_registry(replaced(text, "\"/var/lib/lxc\"", "7"), context()).error().code == Errc::unavailable);
}

TEST_CASE("the breaker of an earlier version is read: it opened at the third failure and at each one after that") {
  auto text = encode_registry(registry(), context());
  for (const std::string member : {"    \"deaths\": 2,\n", "    \"pauses\": 1,\n", ",\n    \"proven\": \"app-template.v2\""}) {
    const auto at = text.find(member);
    REQUIRE(at != std::string::npos);
    text.erase(at, member.size());
  }
  for (const auto& [failures, pauses] : {std::pair("2", 0), std::pair("3", 1), std::pair("7", 5)}) {
    auto old = text;
    old.replace(old.find("\"failures\": 3"), 13, std::string("\"failures\": ") + failures);
    const auto read = decode_registry(old, context());
    REQUIRE(read);
    CHECK(read->breaker.pauses == pauses);
    CHECK(read->breaker.deaths == 1);
    CHECK(read->breaker.proven.empty());
  }
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
  CHECK(read->gears[5].deadline == Time{});  // a standby has none
  CHECK(read->gears[6].deadline == later.now + Millis{60'000});
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
      {"\"dismissed\": false", "\"dismissed\": 0", "'dismissed' of gear number 1"},
      {"\"replaces\": \"00000002\"", "\"replaces\": null", "'replaces' of gear number 1"},
      {"\"replaces\": \"00000002\"", "\"replaces\": \"0000000G\"", "'replaces' of gear number 1"},
      {"\"template\": \"app-template\"", "\"template\": 1", "'template' of gear number 2"},
      {"\"template\": \"app-template\"", "\"template\": \"../etc\"", "'template' of gear number 2"},
      {"\"template\": \"app-template.v2\"", "\"template\": []", "'template' of the registry"},
      {"\"template\": \"app-template.v2\"", "\"template\": \"..\"", "'template' of the registry"},
      {"\"instead_of\": \"app-template\"", "\"instead_of\": 7", "'instead_of' of the registry"},
      {"\"replacement\": {", "\"replacement\": 1, \"x\": {", "'replacement' is not an object"},
      {"\"running\"", "\"runs\"", "'state' of the replacement is unknown: 'runs'"},
      {"\"breaker\": {", "\"breaker\": [], \"x\": {", "'breaker' is not an object"},
      {"\"template\": \"app-t1\"", "\"template\": \"../x\"", "'template' of the breaker"},
      {"\"failures\": 3", "\"failures\": -3", "'failures' of the breaker"},
      {"\"served\": true", "\"served\": 1", "'served' of the breaker"},
      {"\"open_until_ms\": 610000", "\"open_until_ms\": null", "'open_until_ms' of the breaker"},
      {"\"step\": 3", "\"step\": 0", "'step' of the replacement"},
      {"\"step\": 3", "\"step\": 1000001", "'step' of the replacement"},
      {"\"replaced\": 17", "\"replaced\": -1", "'replaced' of the replacement"},
      {"\"note\": \"\xc3\xa4", "\"nota\": \"\xc3\xa4", "'note' of the replacement"},
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

TEST_CASE("what earlier versions did not write is checked where it is there") {
  const auto good = encode_registry(registry(), context());
  for (const auto& [from, to] : {std::pair("\"deaths\": 2", "\"deaths\": \"2\""), std::pair("\"pauses\": 1", "\"pauses\": -1"),
                                 std::pair("\"proven\": \"app", "\"proven\": \"../app")}) {
    CAPTURE(to);
    const auto read = decode_registry(replaced(good, from, to), context());
    REQUIRE_FALSE(read);
    CHECK(contains(read.error().message, "of the breaker"));
  }
}

TEST_CASE("a gear that was woken and has not answered says so, and only by true or false") {
  const auto good = encode_registry(registry(), context());
  const std::string said = "\"unconfirmed\": true";
  REQUIRE(contains(good, said));
  CHECK(good.find(said) == good.rfind(said));  // the others do not mention it
  const auto read = decode_registry(replaced(good, said, "\"unconfirmed\": 1"), context());
  REQUIRE_FALSE(read);
  CHECK(contains(read.error().message, "'unconfirmed' of gear number 6"));
}

TEST_CASE("the registry of another application is not corrupt, but not ours either") {
  const auto good = encode_registry(registry(), context());
  for (const auto& [from, to] :
       {std::pair("\"app\": \"shop\"", "\"app\": \"shop2\""), std::pair("\"namespace\": \"prod\"", "\"namespace\": \"\"")}) {
    const auto read = decode_registry(replaced(good, from, to), context());
    REQUIRE_FALSE(read);
    CHECK(read.error().code == Errc::config);
    CHECK(contains(read.error().message, "belongs to application 'shop"));
  }
}
