// SPDX-License-Identifier: Apache-2.0
// scale_limits.txt: what is taken, and that everything else is refused with its line.
#include "gearscale/codec/scale_limits.hpp"

#include "damage.hpp"

using namespace gearscale;
using namespace gearscale::codec;
using core::Limits;
using test::contains;

TEST_CASE("limits are read in any order, with defaults for a key that is missing") {
  const std::vector<std::pair<std::string, Limits>> good{
      {"", {1, -1}},
      {"scale_min=1\nscale_max=-1\n", {1, -1}},
      {"scale_max=5\nscale_min=2", {2, 5}},
      {"scale_min=3", {3, -1}},
      {"scale_max=1\n", {1, 1}},
      {"scale_min=4\nscale_max=4\n", {4, 4}},
      {"scale_min=100000\nscale_max=100000\n", {100000, 100000}},
      {"\n\n  # a comment\n\tscale_min=2  \r\n\r\nscale_max=9\r\n# end", {2, 9}},
      {"# \xff\xfe\nscale_max=3\n", {1, 3}},
  };
  for (const auto& [text, limits] : good) {
    CAPTURE(text);
    const auto parsed = parse_scale_limits(text);
    REQUIRE(parsed);
    CHECK(*parsed == limits);
  }
}

TEST_CASE("anything else refuses the file and names the line") {
  struct Bad {
    std::string text;
    std::string_view says;
  };
  const std::vector<Bad> all{
      {"hello\n", "line 1: 'hello' is not a setting"},
      {"scale_min=1\n\nhello\n", "line 3"},
      {"=\n", "line 1: unknown key ''"},
      {"scale_min\n", "line 1"},
      {"scale_mni=1\n", "unknown key 'scale_mni'"},
      {"Scale_min=1\n", "unknown key 'Scale_min'"},
      {"scale_min = 1\n", "unknown key 'scale_min '"},
      {"scale_min= 1\n", "' 1' is not a whole number"},
      {"scale_min=\n", "'' is not a whole number"},
      {"scale_min=1x\n", "'1x'"},
      {"scale_min=0x1\n", "'0x1'"},
      {"scale_min=1_0\n", "'1_0'"},
      {"scale_min=1.9\n", "'1.9'"},
      {"scale_min=+1\n", "'+1'"},
      {"scale_min=1=2\n", "'1=2'"},
      {"scale_min=1 # one\n", "'1 # one'"},
      {"scale_max=-2\n", "'-2'"},
      {"scale_max=100001\n", "'100001'"},
      {"scale_max=99999999999999999999\n", "line 1"},
      {"scale_min=1\nscale_min=1\n", "line 2: scale_min is there twice"},
      {"scale_max=2\nscale_max=2\n", "line 2: scale_max is there twice"},
      {"scale_min=0\n", "scale_min is 0"},
      {"scale_min=-1\n", "scale_min is -1"},
      {"scale_max=0\n", "scale_max is 0"},
      {"scale_min=5\nscale_max=4\n", "scale_max (4) is below scale_min (5)"},
      {"scale_min=1\nscale_max=5\n\xff\xfe\n", "line 3"},
      {std::string("scale_min=1\n# \0\n", 15), "line 2: a NUL byte"},
      {std::string(64 * 1024 + 1, '\n'), "65537 bytes"},
  };
  for (const auto& [text, says] : all) {
    CAPTURE(says);
    const auto parsed = parse_scale_limits(text);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code == Errc::config);
    CAPTURE(parsed.error().message);
    CHECK(contains(parsed.error().message, says));
  }
  CHECK(parse_scale_limits(std::string(64 * 1024, '\n')));
}

TEST_CASE("limits that are written are read back") {
  for (const auto& limits : {Limits{1, -1}, Limits{2, 5}, Limits{100000, 100000}}) {
    const auto parsed = parse_scale_limits(format_scale_limits(limits));
    REQUIRE(parsed);
    CHECK(*parsed == limits);
  }
  CHECK(format_scale_limits({}) == "scale_min=1\nscale_max=-1\n");
}

TEST_CASE("limits from elsewhere obey the same rules") {
  CHECK(check_limits({1, -1}));
  CHECK(check_limits({3, 3}));
  CHECK(check_limits({100000, -1}));
  for (const auto& bad : {Limits{0, -1}, Limits{-1, 5}, Limits{100001, -1}, Limits{1, 0}, Limits{1, -2}, Limits{1, 100001}, Limits{3, 2}}) {
    CAPTURE(bad.min, bad.max);
    const auto checked = check_limits(bad);
    REQUIRE_FALSE(checked);
    CHECK(checked.error().code == Errc::config);
  }
}

TEST_CASE("prefixes and damage give valid limits or an error") {
  const std::string text = "# ours\nscale_min=12\r\nscale_max=345\n";
  for (std::size_t length = 0; length <= text.size(); ++length) {
    const test::Exact exact(std::string_view(text).substr(0, length));
    const auto parsed = parse_scale_limits(exact.view());
    if (parsed && !check_limits(*parsed)) FAIL("bad limits from a prefix of " << length);
  }
  test::Damage damage(20260613);
  for (int round = 0; round < 3000; ++round) {
    const test::Exact exact(damage.one(text));
    const auto parsed = parse_scale_limits(exact.view());
    if (parsed && !check_limits(*parsed)) FAIL("bad limits from '" << exact.view() << "'");
  }
}
