// SPDX-License-Identifier: Apache-2.0
// The members of a JSON object that comes from a file: each is checked when it is asked for, and the first that is wrong is remembered. Pure.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>

#include "gearscale/base/text.hpp"
#include "gearscale/core/names.hpp"

namespace gearscale::codec {

using Json = nlohmann::ordered_json;

// Reads the members of one object and remembers the first that is wrong.
class Members {
 public:
  Members(const Json& object, std::string where) : object_(object), where_(std::move(where)) {}

  std::string text(const char* name) {
    const auto* member = find(name);
    if (member == nullptr || !member->is_string()) return complain(name, "is not a text"), std::string();
    return member->get<std::string>();
  }

  // One that files of earlier versions do not have.
  std::string text_or_none(const char* name) { return find(name) == nullptr ? std::string() : text(name); }
  // The same for a template: its name becomes a path, so it has to be a safe one.
  std::string template_or_none(const char* name) {
    auto value = text_or_none(name);
    const bool bad = !value.empty() && !is_safe_name(value, core::kMaxContainerName);
    if (bad) complain(name, "is not the name of a template: '" + printable(value) + "'");
    return value;
  }
  std::int64_t number_or(const char* name, std::int64_t without, std::int64_t most) {
    return find(name) == nullptr ? without : number(name, most);
  }
  bool flag_or_false(const char* name) { return find(name) != nullptr && flag(name); }

  std::int64_t number(const char* name, std::int64_t most) {
    const auto* member = find(name);
    const bool unsigned_one = member != nullptr && member->is_number_unsigned();
    if (!unsigned_one || member->get<std::uint64_t>() > static_cast<std::uint64_t>(most)) {
      return complain(name, "is not a whole number from 0 to " + std::to_string(most)), 0;
    }
    return member->get<std::int64_t>();
  }

  std::uint64_t counter(const char* name) {
    const auto* member = find(name);
    if (member == nullptr || !member->is_number_unsigned()) return complain(name, "is not a whole number"), 0;
    return member->get<std::uint64_t>();
  }

  bool flag(const char* name) {
    const auto* member = find(name);
    if (member == nullptr || !member->is_boolean()) return complain(name, "is neither true nor false"), false;
    return member->get<bool>();
  }

  void complain(const char* name, const std::string& why) {
    if (!problem_) problem_ = std::string("'").append(name).append("' of ").append(where_).append(" ").append(why);
  }
  const std::optional<std::string>& problem() const { return problem_; }

 private:
  const Json* find(const char* name) const {
    const auto at = object_.find(name);
    return at == object_.end() ? nullptr : &*at;
  }

  const Json& object_;
  std::string where_;
  std::optional<std::string> problem_;
};

}  // namespace gearscale::codec
