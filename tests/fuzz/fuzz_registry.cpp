// SPDX-License-Identifier: Apache-2.0
// Any text as gear-registry.json: refused, or a registry that obeys the rules, has the gears that the JSON has, and survives being written
// and read again, in this boot and in the next.
#include <cstdint>
#include <nlohmann/json.hpp>
#include <set>

#include "fuzz.hpp"
#include "gearscale/base/text.hpp"
#include "gearscale/codec/registry_json.hpp"

namespace gearscale::fuzz {

namespace {

codec::RegistryContext context(std::string boot_id) {
  return {.application = {.app = "shop", .ns = "prod", .uuid = "5f00"},
          .lxc_path = "/var/lib/lxc",
          .boot_id = std::move(boot_id),
          .now = core::Time{core::Millis{900'000}}};
}

bool is_template(const std::string& name) { return name.empty() || is_safe_name(name, core::kMaxContainerName); }

void check_rules(const core::Registry& registry) {
  std::set<std::string> ids;
  std::set<std::uint32_t> addresses;
  for (const auto& gear : registry.gears) {
    GEARSCALE_CHECK(core::is_gear_id(gear.id) && ids.insert(gear.id).second);
    GEARSCALE_CHECK(gear.address == 0 || addresses.insert(gear.address).second);
    GEARSCALE_CHECK(gear.replaces.empty() || core::is_gear_id(gear.replaces));
    GEARSCALE_CHECK(is_template(gear.template_name));
    GEARSCALE_CHECK(gear.since >= core::Time{} && gear.deadline >= core::Time{});
  }
  GEARSCALE_CHECK(is_template(registry.template_name) && is_template(registry.instead_of));
  GEARSCALE_CHECK(is_template(registry.replacement.template_name) && registry.replacement.step >= 1 && registry.replacement.replaced >= 0);
  GEARSCALE_CHECK(registry.low_checks >= 0 && registry.last_addition >= core::Time{});
}

bool is_same(const core::Gear& one, const core::Gear& other) {
  return one.id == other.id && one.address == other.address && one.state == other.state && one.since == other.since &&
         one.deadline == other.deadline && one.pinned == other.pinned && one.created_ms == other.created_ms && one.note == other.note &&
         one.template_name == other.template_name && one.dismissed == other.dismissed && one.replaces == other.replaces &&
         one.unconfirmed == other.unconfirmed;
}

bool is_same(const core::Breaker& one, const core::Breaker& other) {
  return one.template_name == other.template_name && one.failures == other.failures && one.served == other.served &&
         one.deaths == other.deaths && one.pauses == other.pauses && one.proven == other.proven &&
         one.last_failure == other.last_failure && one.open_until == other.open_until && one.why == other.why;
}

bool is_same(const core::Registry& one, const core::Registry& other) {
  const auto& a = one.replacement;
  const auto& b = other.replacement;
  return one.generation == other.generation && one.last_addition == other.last_addition && one.low_checks == other.low_checks &&
         one.former_marks == other.former_marks && one.template_name == other.template_name && one.instead_of == other.instead_of &&
         a.state == b.state && a.template_name == b.template_name && a.step == b.step && a.replaced == b.replaced && a.note == b.note &&
         is_same(one.breaker, other.breaker) &&
         std::ranges::equal(one.gears, other.gears, [](const core::Gear& x, const core::Gear& y) { return is_same(x, y); });
}

// The gears are taken out of the text while it is parsed; the library's whole tree must have the same ones.
void check_tree(const core::Registry& registry, std::string_view text) {
  const auto tree = nlohmann::ordered_json::parse(text);
  const auto& gears = tree.at("gears");
  GEARSCALE_CHECK(gears.is_array() && gears.size() == registry.gears.size());
  for (std::size_t at = 0; at < gears.size(); ++at) GEARSCALE_CHECK(gears[at].at("id") == registry.gears[at].id);
}

void check_round_trip(const core::Registry& registry, const codec::RegistryContext& where) {
  const auto text = codec::encode_registry(registry, where);
  const auto again = codec::decode_registry(Exact(text).view(), where);
  GEARSCALE_CHECK(again && is_same(*again, registry));
  GEARSCALE_CHECK(codec::encode_registry(*again, where) == text);
}

}  // namespace

void fuzz_registry(std::string_view input) {
  const Exact copy(input);
  const auto now = context("5f0c1f64-0000-4000-8000-000000000001");
  const auto registry = codec::decode_registry(copy.view(), now);
  const auto later = context("5f0c1f64-0000-4000-8000-000000000002");
  const auto rebooted = codec::decode_registry(copy.view(), later);
  GEARSCALE_CHECK(registry.has_value() == rebooted.has_value());
  if (!registry) return check_error(registry.error(), {Errc::unavailable, Errc::config});
  check_rules(*registry);
  check_rules(*rebooted);
  check_tree(*registry, copy.view());
  check_round_trip(*registry, now);
  check_round_trip(*rebooted, later);
}

}  // namespace gearscale::fuzz
