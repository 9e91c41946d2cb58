// SPDX-License-Identifier: Apache-2.0
// The helpers for untrusted text: both sides of each boundary.
#include "gearscale/base/text.hpp"

#include "support/catch.hpp"

using namespace gearscale;

TEST_CASE("trim takes blanks, tabs and line ends from both ends only") {
  CHECK(trim("").empty());
  CHECK(trim(" \t\r\n").empty());
  CHECK(trim("a") == "a");
  CHECK(trim("\t a  b \r\n") == "a  b");
  CHECK(trim("\va") == "\va");
}

TEST_CASE("split gives the pieces between separators, empty ones included") {
  CHECK(split("", ',') == std::vector<std::string_view>{""});
  CHECK(split(",", ',') == std::vector<std::string_view>{"", ""});
  CHECK(split("a", ',') == std::vector<std::string_view>{"a"});
  CHECK(split("a,,b,", ',') == std::vector<std::string_view>{"a", "", "b", ""});
}

TEST_CASE("parse_integer takes whole decimal numbers in range and nothing else") {
  CHECK(parse_integer("0") == 0);
  CHECK(parse_integer("-1") == -1);
  CHECK(parse_integer("9223372036854775807") == INT64_MAX);
  CHECK(parse_integer("-9223372036854775808") == INT64_MIN);
  for (const auto* bad :
       {"", "-", "+1", " 1", "1 ", "1x", "0x10", "1_0", "1.0", "1e3", "9223372036854775808", "-9223372036854775809", "\n"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_integer(bad).has_value());
  }
}

TEST_CASE("parse_decimal takes plain decimals and no exponent, hex, infinity or blank") {
  CHECK(parse_decimal("90") == 90.0);
  CHECK(parse_decimal("49.9") == 49.9);
  CHECK(parse_decimal("-0.5") == -0.5);
  for (const auto* bad : {"", "-", "+1", "1e3", "0x10", "inf", "nan", "-inf", "1,5", "1.5 ", " 1.5", "1.5%", "1.2.3"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_decimal(bad).has_value());
  }
}

TEST_CASE("format_decimal writes one decimal at least and two at most") {
  CHECK(format_decimal(0) == "0.0");
  CHECK(format_decimal(90) == "90.0");
  CHECK(format_decimal(49.9) == "49.9");
  CHECK(format_decimal(93.75) == "93.75");
  CHECK(format_decimal(23.3333333) == "23.33");
  CHECK(format_decimal(66.6666666) == "66.67");
  CHECK(format_decimal(99.999) == "100.0");
  CHECK(format_decimal(100000) == "100000.0");
}

TEST_CASE("a safe name has harmless characters, a harmless start and a bounded length") {
  CHECK(is_safe_name("a", 1));
  CHECK(is_safe_name("1f3a9c02-prod_x.y", 64));
  CHECK(is_safe_name(std::string(64, 'a'), 64));
  CHECK_FALSE(is_safe_name(std::string(65, 'a'), 64));
  for (const std::string_view bad : {"", "-a", ".a", "_a", "..", "../a", "a/b", "a b", "a\n", "a'", "a\"", "a;b", "\xc3\xa4", "a$b"}) {
    CAPTURE(bad);
    CHECK_FALSE(is_safe_name(bad, 64));
  }
  CHECK_FALSE(is_safe_name(std::string_view("a\0b", 3), 64));
}

TEST_CASE("printable shows control characters, quotes, backslashes and foreign bytes, and cuts long text") {
  CHECK(printable("abc") == "abc");
  CHECK(printable("a\nb") == "a\\nb");
  CHECK(printable("\x1b[31m") == "\\x1b[31m");
  CHECK(printable("it's \"\\\"") == "it\\x27s \\x22\\x5c\\x22");
  CHECK(printable("\xff") == "\\xff");
  CHECK(printable(std::string_view("\0", 1)) == "\\x00");
  CHECK(printable("abcd", 4) == "abcd");
  CHECK(printable("abcde", 4) == "abcd...");
}

TEST_CASE("a sentence keeps its quotes, and nothing in it begins a new line or commands a terminal") {
  CHECK(one_line("it's \"\\\"", 80) == "it's \"\\\"");
  CHECK(one_line("a\nb\x1b[31m\xff", 80) == "a\\nb\\x1b[31m\\xff");
  CHECK(one_line("abcd", 4) == "abcd");
  CHECK(one_line("abcde", 4) == "abcd...");
}

TEST_CASE("IPv4 addresses go both ways and are strict") {
  CHECK(parse_ipv4("10.0.0.1") == 0x0a000001u);
  CHECK(parse_ipv4("0.0.0.0") == 0u);
  CHECK(parse_ipv4("255.255.255.255") == 0xffffffffu);
  CHECK(format_ipv4(0x0a000001u) == "10.0.0.1");
  CHECK(format_ipv4(0xffffffffu) == "255.255.255.255");
  for (const auto* bad :
       {"", "10.0.0", "10.0.0.1.2", "10.0.0.256", "10.0.0.-1", "10.0.0.01", "10.0.0. 1", "10.0.0.1 ", "10..0.1", "a.b.c.d", "0x0a.0.0.1"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_ipv4(bad).has_value());
  }
}
