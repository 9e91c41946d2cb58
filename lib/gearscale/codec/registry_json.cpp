// SPDX-License-Identifier: Apache-2.0
// The registry as JSON. What is read is checked member by member, and one bad member refuses the whole file. Pure.
// Gears go in and out one at a time: the JSON tree of 5,000 of them would be five times as large as the registry itself.
#include "gearscale/codec/registry_json.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <unordered_set>
#include <utility>
#include <vector>

#include "gearscale/base/text.hpp"
#include "gearscale/codec/events.hpp"
#include "gearscale/codec/json_members.hpp"
#include "gearscale/codec/registry_owner.hpp"

namespace gearscale::codec {

namespace {

constexpr std::size_t kMaxBytes = 16u * 1024 * 1024;
constexpr int kVersion = 1;
constexpr std::int64_t kLatestMs = 1'000'000'000'000'000;  // 31,000 years: sums and differences of such times cannot overflow
constexpr std::int64_t kMostChecks = 1'000'000;
constexpr std::int64_t kMostGears = 1'000'000;
constexpr std::array kStates{core::GearState::preparing, core::GearState::standby,  core::GearState::starting, core::GearState::serving,
                             core::GearState::draining,  core::GearState::removing, core::GearState::failed};
constexpr std::array kReplacementStates{core::Replacement::State::none, core::Replacement::State::running,
                                        core::Replacement::State::stopped, core::Replacement::State::done};

std::int64_t to_ms(core::Time time) { return time.time_since_epoch().count(); }
core::Time from_ms(std::int64_t ms) { return core::Time{core::Millis{ms}}; }

Unexpected corrupt(const std::string& why) { return fail(Errc::unavailable, "gear-registry.json: " + why); }

Json encode_gear(const core::Application& application, const core::Gear& gear) {
  Json json{{"id", gear.id},
            {"name", core::gear_name(application, gear.id)},
            {"address", format_ipv4(gear.address)},
            {"state", core::to_string(gear.state)},
            {"since_ms", to_ms(gear.since)},
            {"deadline_ms", to_ms(gear.deadline)},
            {"pinned", gear.pinned},
            {"created", format_utc_millis(gear.created_ms)},
            {"template", gear.template_name},
            {"replaces", gear.replaces},
            {"dismissed", gear.dismissed},
            {"note", gear.note}};
  if (gear.unconfirmed) json["unconfirmed"] = true;  // for a moment, after a waking
  return json;
}

Result<core::Gear> decode_gear(const Json& json, std::size_t index) {
  const auto where = "gear number " + std::to_string(index + 1);
  if (!json.is_object()) return corrupt(where + " is not an object");
  Members members(json, where);
  core::Gear gear;
  gear.id = members.text("id");
  if (!core::is_gear_id(gear.id)) members.complain("id", "is '" + printable(gear.id) + "' instead of 8 lowercase hex digits");
  const auto address = parse_ipv4(members.text("address"));
  if (!address) members.complain("address", "is not an IPv4 address");
  gear.address = address.value_or(0);
  const auto state = members.text("state");
  const auto known = std::find_if(kStates.begin(), kStates.end(), [&state](core::GearState one) { return core::to_string(one) == state; });
  if (known == kStates.end()) members.complain("state", "is unknown: '" + printable(state) + "'");
  gear.state = known == kStates.end() ? core::GearState::failed : *known;
  gear.since = from_ms(members.number("since_ms", kLatestMs));
  gear.deadline = from_ms(members.number("deadline_ms", kLatestMs));
  gear.pinned = members.flag("pinned");
  const auto created = parse_utc_millis(members.text("created"));
  if (!created) members.complain("created", "is not a time like 2026-11-22T06:12:24.190Z");
  gear.created_ms = created.value_or(0);
  gear.template_name = members.template_or_none("template");
  gear.replaces = members.text_or_none("replaces");
  const bool good_replaces = gear.replaces.empty() || core::is_gear_id(gear.replaces);
  if (!good_replaces) members.complain("replaces", "is '" + printable(gear.replaces) + "' instead of the id of a gear");
  gear.dismissed = members.flag_or_false("dismissed");
  gear.unconfirmed = members.flag_or_false("unconfirmed");
  gear.note = members.text("note");
  if (members.problem()) return corrupt(*members.problem());
  return gear;
}

Json encode_replacement(const core::Replacement& replacement) {
  return Json{{"state", core::to_string(replacement.state)},
              {"template", replacement.template_name},
              {"step", replacement.step},
              {"replaced", replacement.replaced},
              {"note", replacement.note}};
}

Json encode_breaker(const core::Breaker& breaker) {
  return Json{{"template", breaker.template_name},
              {"failures", breaker.failures},
              {"deaths", breaker.deaths},
              {"pauses", breaker.pauses},
              {"served", breaker.served},
              {"last_failure_ms", to_ms(breaker.last_failure)},
              {"open_until_ms", to_ms(breaker.open_until)},
              {"why", breaker.why},
              {"proven", breaker.proven}};
}

Result<core::Breaker> decode_breaker(const Json& json) {
  core::Breaker breaker;
  if (!json.is_object()) return corrupt("'breaker' is not an object");
  Members members(json, "the breaker");
  breaker.template_name = members.template_or_none("template");
  breaker.failures = static_cast<int>(members.number("failures", kMostGears));
  breaker.served = members.flag("served");
  // In a file of an earlier version there was a pause after the third failure and after each one since.
  breaker.deaths = static_cast<int>(members.number_or("deaths", breaker.served ? 1 : 0, kMostGears));
  breaker.pauses = static_cast<int>(members.number_or("pauses", std::max(0, breaker.failures - core::kBreakerFailures + 1), kMostGears));
  breaker.last_failure = from_ms(members.number("last_failure_ms", kLatestMs));
  breaker.open_until = from_ms(members.number("open_until_ms", kLatestMs));
  breaker.why = members.text("why");
  breaker.proven = members.template_or_none("proven");
  if (members.problem()) return corrupt(*members.problem());
  return breaker;
}

Result<core::Replacement> decode_replacement(const Json& json) {
  core::Replacement replacement;
  if (!json.is_object()) return corrupt("'replacement' is not an object");
  Members members(json, "the replacement");
  const auto state = members.text("state");
  const auto known = std::find_if(kReplacementStates.begin(), kReplacementStates.end(),
                                  [&state](core::Replacement::State one) { return core::to_string(one) == state; });
  if (known == kReplacementStates.end()) members.complain("state", "is unknown: '" + printable(state) + "'");
  replacement.state = known == kReplacementStates.end() ? core::Replacement::State::none : *known;
  replacement.template_name = members.template_or_none("template");
  replacement.step = static_cast<int>(members.number("step", kMostGears));
  if (replacement.step == 0) members.complain("step", "is 0");
  replacement.replaced = static_cast<int>(members.number("replaced", kMostGears));
  replacement.note = members.text("note");
  if (members.problem()) return corrupt(*members.problem());
  return replacement;
}

// Times of another boot mean nothing here: everything began now, and deadlines keep their length.
void start_times_now(core::Registry& registry, core::Time now) {
  registry.last_addition = now;
  core::close_breaker(registry.breaker);  // whatever was wrong, a boot may have mended it
  for (auto& gear : registry.gears) {
    // Cut where it would not be read again.
    if (gear.deadline != core::Time{}) gear.deadline = std::min(from_ms(kLatestMs), now + std::max(core::Millis{0}, gear.deadline - gear.since));
    gear.since = now;
  }
}

// The gears of a file, in its order. The first defect stops the collecting and is kept.
class GearList {
 public:
  void clear() { *this = GearList(); }
  void add(const Json& json) {
    if (problem_) return;
    auto gear = decode_gear(json, gears_.size());
    if (!gear) {
      problem_ = gear.error();
    } else if (!ids_.insert(gear->id).second) {
      problem_ = corrupt("gear " + gear->id + " is there twice").value;
    } else if (gear->address != 0 && !addresses_.insert(gear->address).second) {
      // 0.0.0.0 is a gear without an address: found without an entry, and waiting to be destroyed.
      problem_ = corrupt("address " + format_ipv4(gear->address) + " is there twice").value;
    } else {
      gears_.push_back(std::move(*gear));
    }
  }
  Result<std::vector<core::Gear>> take() {
    if (problem_) return fail(*problem_);
    return std::move(gears_);
  }

 private:
  std::vector<core::Gear> gears_;
  std::unordered_set<std::string> ids_;
  std::unordered_set<std::uint32_t> addresses_;
  std::optional<Error> problem_;
};

// Parses the text; each element of the member "gears" goes to `gears` as soon as it is read, and its list stays empty in the tree.
Json parse(std::string_view text, GearList& gears) {
  bool in_gears = false;
  return Json::parse(text, [&](int depth, Json::parse_event_t event, const Json& parsed) {
    if (depth == 1 && event == Json::parse_event_t::key) {
      in_gears = parsed == "gears";
      if (in_gears) gears.clear();
    }
    const bool is_begin = event == Json::parse_event_t::object_start || event == Json::parse_event_t::array_start;
    if (!in_gears || depth != 2 || is_begin || event == Json::parse_event_t::key) return true;
    gears.add(parsed);
    return false;
  });
}

Result<core::Registry> decode(const Json& json, GearList& list, const RegistryContext& context) {
  if (!json.is_object()) return corrupt("it is not a JSON object");
  Members members(json, "the registry");
  if (const auto version = members.number("version", kLatestMs); !members.problem() && version != kVersion) {
    return corrupt("it is of version " + std::to_string(version) + ", only version 1 is understood");
  }
  const core::Application application{.app = members.text("app"), .ns = members.text("namespace"), .uuid = members.text_or_none("uuid")};
  if (auto owned = check_registry_owner(application, context.application); !owned && !members.problem()) return fail(owned.error());
  core::Registry registry;
  const auto lxc_path = members.text_or_none("lxc_path");
  const auto boot_id = members.text("boot_id");
  registry.generation = members.counter("generation");
  registry.last_addition = from_ms(members.number("last_addition_ms", kLatestMs));
  registry.low_checks = static_cast<int>(members.number("low_checks", kMostChecks));
  registry.template_name = members.template_or_none("template");
  registry.instead_of = members.template_or_none("instead_of");
  if (const auto replacement = json.find("replacement"); replacement != json.end()) {
    const auto decoded = decode_replacement(*replacement);
    if (!decoded) return fail(decoded.error());
    registry.replacement = *decoded;
  }
  if (const auto breaker = json.find("breaker"); breaker != json.end()) {
    auto decoded = decode_breaker(*breaker);
    if (!decoded) return fail(decoded.error());
    registry.breaker = std::move(*decoded);
  }
  const auto gears = json.find("gears");
  if (gears == json.end() || !gears->is_array()) members.complain("gears", "is not a list");
  if (members.problem()) return corrupt(*members.problem());

  auto taken = list.take();
  if (!taken) return fail(taken.error());
  registry.gears = std::move(*taken);
  if (auto placed = check_registry_place(lxc_path, context.lxc_path); !placed && !registry.gears.empty()) return fail(placed.error());
  registry.former_marks = application.uuid.empty() && !context.application.uuid.empty() && !registry.gears.empty();
  if (boot_id != context.boot_id) start_times_now(registry, context.now);
  return registry;
}

}  // namespace

std::string encode_registry(const core::Registry& registry, const RegistryContext& context) {
  const auto dump = [](const Json& json) { return json.dump(2, ' ', false, Json::error_handler_t::replace); };
  auto text = dump(Json{{"version", kVersion},
                        {"app", context.application.app},
                        {"namespace", context.application.ns},
                        {"uuid", registry.former_marks ? std::string() : context.application.uuid},
                        {"lxc_path", context.lxc_path},
                        {"boot_id", context.boot_id},
                        {"generation", registry.generation},
                        {"last_addition_ms", to_ms(registry.last_addition)},
                        {"low_checks", registry.low_checks},
                        {"template", registry.template_name},
                        {"instead_of", registry.instead_of},
                        {"replacement", encode_replacement(registry.replacement)},
                        {"breaker", encode_breaker(registry.breaker)},
                        {"gears", Json::array()}});
  constexpr std::string_view kEnd = "]\n}";
  text.resize(text.size() - kEnd.size());
  constexpr std::size_t kUsualGear = 450;  // bytes; growing by doubling would take three times the memory
  text.reserve(text.size() + registry.gears.size() * kUsualGear);
  const char* separator = "\n    ";
  for (const auto& gear : registry.gears) {
    text += separator;
    for (const char c : dump(encode_gear(context.application, gear))) {
      text += c;
      if (c == '\n') text += "    ";  // one of the layout: those within texts are escaped
    }
    separator = ",\n    ";
  }
  if (!registry.gears.empty()) text += "\n  ";
  text.append(kEnd).push_back('\n');
  return text;
}

Result<core::Registry> decode_registry(std::string_view text, const RegistryContext& context) {
  if (text.size() > kMaxBytes) return corrupt("it is " + std::to_string(text.size()) + " bytes long; at most 16 MiB are read");
  try {
    GearList gears;
    const auto json = parse(text, gears);
    return decode(json, gears, context);
  } catch (const Json::parse_error& problem) {
    return corrupt("it is not JSON, see byte " + std::to_string(problem.byte) + " of " + std::to_string(text.size()));
  } catch (const Json::exception& problem) {  // the library's way to say that a number does not fit
    return corrupt("it cannot be read: " + one_line(problem.what(), 200));
  }
}

}  // namespace gearscale::codec
