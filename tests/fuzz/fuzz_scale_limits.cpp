// SPDX-License-Identifier: Apache-2.0
// Any text as scale_limits.txt: refused, or limits that obey the rules and that survive being written and read again.
#include "fuzz.hpp"
#include "gearscale/codec/scale_limits.hpp"

namespace gearscale::fuzz {

void fuzz_scale_limits(std::string_view input) {
  const Exact copy(input);
  const auto limits = codec::parse_scale_limits(copy.view());
  if (!limits) return check_error(limits.error(), {Errc::config});
  GEARSCALE_CHECK(input.size() <= 64 * 1024 && input.find('\0') == std::string_view::npos);
  GEARSCALE_CHECK(limits->min >= 1 && limits->min <= 100'000);
  GEARSCALE_CHECK(limits->max == core::Limits::kNoLimit || (limits->max >= limits->min && limits->max <= 100'000));
  GEARSCALE_CHECK(codec::check_limits(*limits).has_value());
  const auto text = codec::format_scale_limits(*limits);
  const auto again = codec::parse_scale_limits(Exact(text).view());
  GEARSCALE_CHECK(again && *again == *limits && codec::format_scale_limits(*again) == text);
}

}  // namespace gearscale::fuzz
