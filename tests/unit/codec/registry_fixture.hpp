// SPDX-License-Identifier: Apache-2.0
// A registry with a gear in each state, and how the tests of its text compare and change it.
#pragma once

#include <string>

#include "damage.hpp"
#include "gearscale/codec/registry_json.hpp"

namespace gearscale::test {

inline core::Time at(std::int64_t ms) { return core::Time{core::Millis{ms}}; }

inline codec::RegistryContext context() {
  return {.application = {.app = "shop", .ns = "prod", .uuid = "5f00"},
          .lxc_path = "/var/lib/lxc",
          .boot_id = "5f0c1f64-0000-4000-8000-000000000001",
          .now = at(900'000)};
}

inline core::Registry registry() {
  using core::GearState;
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
                       .note = "",
                       .template_name = "app-template.v2",
                       .replaces = "00000002"});
  one.gears.push_back({.id = "00000002",
                       .address = 0x0a00030cu,
                       .state = GearState::draining,
                       .since = at(450'000),
                       .deadline = at(510'000),
                       .pinned = false,
                       .created_ms = 1795327944191,
                       .note = "",
                       .template_name = "app-template",
                       .dismissed = true});
  one.gears.push_back({.id = "00000003",
                       .address = 0,
                       .state = GearState::failed,
                       .since = at(460'000),
                       .deadline = at(470'000),
                       .pinned = false,
                       .created_ms = 0,
                       .note = "it did not answer: \"HTTP\" \xc3\xa4\n",
                       .template_name = ""});
  one.gears.push_back({.id = "00000004", .address = 0, .state = GearState::removing, .since = at(460'000), .deadline = at(470'000)});
  one.gears.push_back(
      {.id = "00000005", .address = 0x0a00030du, .state = GearState::starting, .since = at(460'000), .deadline = at(520'000)});
  one.gears.push_back(
      {.id = "00000006", .address = 0x0a00030eu, .state = GearState::standby, .since = at(460'000), .deadline = {}, .unconfirmed = true});
  one.gears.push_back(
      {.id = "00000007", .address = 0x0a00030fu, .state = GearState::preparing, .since = at(460'000), .deadline = at(520'000)});
  one.template_name = "app-template.v2";
  one.instead_of = "app-template";
  one.breaker = {.template_name = "app-t1",
                 .failures = 3,
                 .deaths = 2,
                 .pauses = 1,
                 .served = true,
                 .last_failure = at(600'000),
                 .open_until = at(610'000),
                 .why = "GET: \"no\"",
                 .proven = "app-template.v2"};
  one.replacement = {.state = core::Replacement::State::running,
                     .template_name = "app-template.v2",
                     .step = 3,
                     .replaced = 17,
                     .note = "\xc3\xa4 \"note\""};
  return one;
}

inline void check_same(const core::Gear& one, const core::Gear& other) {
  CAPTURE(one.id);
  CHECK(one.id == other.id);
  CHECK(one.address == other.address);
  CHECK(one.state == other.state);
  CHECK(one.since == other.since);
  CHECK(one.deadline == other.deadline);
  CHECK(one.pinned == other.pinned);
  CHECK(one.created_ms == other.created_ms);
  CHECK(one.note == other.note);
  CHECK(one.template_name == other.template_name);
  CHECK(one.dismissed == other.dismissed);
  CHECK(one.replaces == other.replaces);
  CHECK(one.unconfirmed == other.unconfirmed);
}

inline void check_same(const core::Replacement& one, const core::Replacement& other) {
  CHECK(one.state == other.state);
  CHECK(one.template_name == other.template_name);
  CHECK(one.step == other.step);
  CHECK(one.replaced == other.replaced);
  CHECK(one.note == other.note);
}

inline std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const auto found = text.find(from);
  REQUIRE(found != std::string::npos);
  return text.replace(found, from.size(), to);
}

}  // namespace gearscale::test
