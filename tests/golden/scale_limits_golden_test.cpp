// SPDX-License-Identifier: Apache-2.0
// scale_limits.txt: what the controller of 2012 made of 24 files, and what we make of them. We differ where it guessed.
#include <map>
#include <optional>

#include "gearscale/codec/scale_limits.hpp"
#include "recording.hpp"

using namespace gearscale;

namespace {

struct Ours {
  std::optional<core::Limits> limits;  // nothing: the file is refused and the last good limits stay
  const char* why_different;           // nullptr: the original behaves as these limits ask for
};

const std::map<std::string, Ours> kOurs{
    {"v12_limits_blank_lines", {core::Limits{1, 5}, nullptr}},
    {"v12_limits_crlf", {core::Limits{1, 2}, nullptr}},
    {"v12_limits_dup", {std::nullopt, "it took the last of two; which one is meant?"}},
    {"v12_limits_empty", {core::Limits{1, -1}, "it read a maximum of 0 and could never add again"}},
    {"v12_limits_equals_only", {std::nullopt, "it read a maximum of 0"}},
    {"v12_limits_float", {std::nullopt, "it cut 5.9 to 5"}},
    {"v12_limits_garbage", {std::nullopt, "it read a maximum of 0"}},
    {"v12_limits_hex", {std::nullopt, "it read 0x5 as 0"}},
    {"v12_limits_invalid_utf8", {std::nullopt, "it died"}},
    {"v12_limits_leadingws", {core::Limits{1, 5}, "it did not know ' scale_max' and read a maximum of 0"}},
    {"v12_limits_min_gt_max", {std::nullopt, "it took a minimum above the maximum"}},
    {"v12_limits_multi_eq", {std::nullopt, "it read 5=6 as 5"}},
    {"v12_limits_neg1", {core::Limits{1, -1}, nullptr}},
    {"v12_limits_nonnum", {std::nullopt, "it read xyz as 0"}},
    {"v12_limits_nullval", {std::nullopt, "it read null as 0"}},
    {"v12_limits_only_max", {core::Limits{1, 2}, nullptr}},
    {"v12_limits_only_min", {core::Limits{2, -1}, "without a maximum it read 0"}},
    {"v12_limits_plus", {std::nullopt, "it took a sign that no one writes"}},
    {"v12_limits_removed_later", {core::Limits{1, 2}, nullptr}},
    {"v12_limits_spaces_up1", {std::nullopt, "it did not know 'scale_max ' and read a maximum of 0"}},
    {"v12_limits_trailing_up1", {std::nullopt, "it read 5gears as 5"}},
    {"v12_limits_underscore_up1", {std::nullopt, "it read 1_0 as 10"}},
    {"v12_limits_valueempty_up1", {std::nullopt, "it read nothing as 0"}},
    {"v12_limits_zero_max_up1", {std::nullopt, "it took a maximum of 0"}},
};

// What the original would have done with these limits, had it read them as we do: its runs start at 90% load with 1 gear (_up1) or 2.
std::string verdict(const core::Limits& limits, int gears) {
  return limits.max == core::Limits::kNoLimit || limits.max > gears ? "added" : "refused, max " + std::to_string(limits.max);
}

}  // namespace

TEST_CASE("files that the original read rightly mean the same to us, and the others are refused or mended on purpose") {
  const auto rows = test::read_recording("scale_limits.tsv", '\t', true);
  CHECK(rows.size() == kOurs.size());
  for (const auto& row : rows) {
    REQUIRE(row.size() == 3);
    CAPTURE(row[0], row[1], row[2]);
    const auto found = kOurs.find(row[0]);
    REQUIRE(found != kOurs.end());
    const auto& ours = found->second;
    const auto parsed = codec::parse_scale_limits(test::unescaped(row[2]));
    REQUIRE(parsed.has_value() == ours.limits.has_value());
    if (!parsed) {
      CHECK(parsed.error().code == Errc::config);
      CHECK(ours.why_different != nullptr);
      continue;
    }
    CHECK(*parsed == *ours.limits);
    const int gears = row[0].ends_with("_up1") ? 1 : 2;
    CHECK((verdict(*parsed, gears) == row[1]) == (ours.why_different == nullptr));
  }
}
