// SPDX-License-Identifier: Apache-2.0
// Registries of earlier versions, huge ones, cut ones and damaged ones.
#include <set>

#include "registry_fixture.hpp"

using namespace gearscale;
using codec::decode_registry;
using codec::encode_registry;
using test::check_same;
using test::contains;
using test::context;
using test::registry;

TEST_CASE("each state of a replacement is read back") {
  using State = core::Replacement::State;
  for (const auto state : {State::none, State::running, State::stopped, State::done}) {
    core::Registry one;
    one.replacement.state = state;
    const auto read = decode_registry(encode_registry(one, context()), context());
    REQUIRE(read);
    check_same(read->replacement, one.replacement);
  }
}

TEST_CASE("a file of the first version, without templates, replacements and standbys, is read") {
  const auto read = decode_registry(R"({
  "version": 1,
  "app": "shop",
  "namespace": "prod",
  "boot_id": "5f0c1f64-0000-4000-8000-000000000001",
  "generation": 12,
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
)",
                                    context());
  REQUIRE(read);
  CHECK(read->generation == 12);
  CHECK(read->template_name.empty());
  CHECK(read->instead_of.empty());
  check_same(read->replacement, core::Replacement{});
  REQUIRE(read->gears.size() == 1);
  CHECK(read->gears[0].template_name.empty());
  CHECK(read->gears[0].replaces.empty());
  CHECK_FALSE(read->gears[0].dismissed);
  CHECK(read->gears[0].pinned);
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
      const auto& why = read.error().message;
      const bool other = read.error().code == Errc::config && (contains(why, "belongs to application") || contains(why, "are in lxc_path"));
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

TEST_CASE("what is read after a reboot can be written and read again, however long a deadline was") {
  auto one = registry();
  one.gears[1].since = {};
  one.gears[1].deadline = test::at(1'000'000'000'000'000);
  auto earlier = context();
  earlier.boot_id = "of-an-earlier-boot";
  const auto read = decode_registry(encode_registry(one, earlier), context());
  REQUIRE(read);
  CHECK(read->gears[1].deadline == test::at(1'000'000'000'000'000));
  const auto again = decode_registry(encode_registry(*read, context()), context());
  REQUIRE(again);
  check_same(again->gears[1], read->gears[1]);
}
