// SPDX-License-Identifier: Apache-2.0
// UTC stamps: known times, both ways, and the edges of the calendar.
#include "damage.hpp"
#include "gearscale/codec/events.hpp"

using namespace gearscale;
using namespace gearscale::codec;

TEST_CASE("known times are written in RFC 3339") {
  CHECK(format_utc_micros(0) == "1970-01-01T00:00:00.000000Z");
  CHECK(format_utc_micros(1795327944190922) == "2026-11-22T06:12:24.190922Z");
  CHECK(format_utc_millis(1795327944190) == "2026-11-22T06:12:24.190Z");
  CHECK(format_utc_micros(951782400000000) == "2000-02-29T00:00:00.000000Z");
  CHECK(format_utc_micros(951868799999999) == "2000-02-29T23:59:59.999999Z");
  CHECK(format_utc_micros(-1) == "1969-12-31T23:59:59.999999Z");
  CHECK(format_utc_millis(-1) == "1969-12-31T23:59:59.999Z");
}

TEST_CASE("times beyond four-digit years become the nearest that there is") {
  CHECK(format_utc_micros(INT64_MAX) == "9999-12-31T23:59:59.999999Z");
  CHECK(format_utc_millis(INT64_MAX) == "9999-12-31T23:59:59.999Z");
  CHECK(format_utc_micros(INT64_MIN) == "0000-01-01T00:00:00.000000Z");
  CHECK(format_utc_millis(INT64_MIN) == "0000-01-01T00:00:00.000Z");
}

TEST_CASE("times that are written are read back") {
  for (const std::int64_t millis : {std::int64_t{0}, std::int64_t{1}, std::int64_t{1795327944190}, std::int64_t{951782399999},
                                    std::int64_t{-1}, std::int64_t{253402300799999}, std::int64_t{-62167219200000}}) {
    CAPTURE(millis);
    CHECK(parse_utc_millis(format_utc_millis(millis)) == millis);
  }
}

TEST_CASE("other shapes and dates that do not exist are not times") {
  for (const auto* text :
       {"", "2026-11-22", "2026-11-22T06:12:24Z", "2026-11-22T06:12:24.190922Z", "2026-11-22 06:12:24.190Z", "2026-11-22T06:12:24.190z",
        "2026-11-22T06:12:24.190+", "2026-13-22T06:12:24.190Z", "2026-00-22T06:12:24.190Z", "2026-02-29T06:12:24.190Z",
        "2026-11-31T06:12:24.190Z", "2026-11-00T06:12:24.190Z", "2026-11-22T24:12:24.190Z", "2026-11-22T06:60:24.190Z",
        "2026-11-22T06:12:60.190Z", "-026-11-22T06:12:24.190Z", "2026-11-22T06:12:2x.190Z", "2026-11-22T06:12:24,190Z"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_utc_millis(text).has_value());
  }
  CHECK(parse_utc_millis("2024-02-29T23:59:59.999Z").has_value());
}
