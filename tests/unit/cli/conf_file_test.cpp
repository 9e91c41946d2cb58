// SPDX-License-Identifier: Apache-2.0
#include "gearscale/cli/conf_file.hpp"

#include "support/catch.hpp"

using namespace gearscale;
using namespace gearscale::cli;

TEST_CASE("a conf file has keys, values, comments and blank lines") {
  const auto lines = parse_conf(
      "# settings\n\nup_pct = 80\n  remove_pct=40.5   # lower\r\nserver_check = check inter 500\nnamespace =\nuuid = # none\n", "c");
  REQUIRE(lines);
  REQUIRE(lines->size() == 5);
  CHECK(lines->at(0).key == "up_pct");
  CHECK(lines->at(0).value == "80");
  CHECK(lines->at(0).line == 3);
  CHECK(lines->at(1).value == "40.5");
  CHECK(lines->at(2).value == "check inter 500");
  CHECK(lines->at(3).value.empty());
  CHECK(lines->at(4).value.empty());
  CHECK(parse_conf("", "c")->empty());
  CHECK(parse_conf("up_pct = 80", "c")->size() == 1);
}

TEST_CASE("a '#' within a word begins no comment") {
  const auto lines = parse_conf("probe_path = /a#b\n", "c");
  REQUIRE(lines);
  CHECK(lines->front().value == "/a#b");
}

TEST_CASE("a bad conf file is refused whole, naming file and line") {
  struct Row {
    std::string text;
    const char* message;
  };
  const Row rows[] = {
      {"up_pct = 80\nup_pct\n", "my.conf line 2: expected 'key = value', found 'up_pct'"},
      {"speed = 5\n", "my.conf line 1: unknown setting 'speed'"},
      {"= 5\n", "my.conf line 1: unknown setting ''"},
      {"up-pct = 5\n", "unknown setting 'up-pct'"},
      {"max_gears = 5\n", "unknown setting 'max_gears'; 'haproxy_ctld --help' lists them all"},
      {"drain_timeout = 60s\n",
       "my.conf line 1: unknown setting 'drain_timeout'; drain_idle, drain_soft and drain_hard took its place"},
      {"UP_PCT = 5\n", "unknown setting 'UP_PCT'"},
      {"\n\nup_pct = 5\nup_pct = 6\n", "my.conf line 4: up_pct is set in line 3 already"},
      {std::string("up_pct = 5\0\n", 12), "my.conf line 1: control characters"},
      {"up_pct = 5\x1b[31m\n", "control characters are not allowed: 'up_pct = 5\\x1b[31m'"},
      {"\xef\xbb\xbfup_pct = 5\n", "unknown setting '\\xef\\xbb\\xbfup_pct'"},
      {std::string(64 * 1024 + 1, '#'), "my.conf: longer than 64 KiB"},
  };
  for (const auto& row : rows) {
    const auto lines = parse_conf(row.text, "my.conf");
    INFO(row.message);
    REQUIRE_FALSE(lines);
    CHECK(lines.error().code == Errc::config);
    CHECK(lines.error().message.find(row.message) != std::string::npos);
  }
  CHECK(parse_conf(std::string(64 * 1024, '#'), "my.conf"));
}

TEST_CASE("who must go on reads the lines that can be read, and of two with one key the first") {
  const auto lines = readable_conf("zap = 1\nbackend = web   # ours\nno setting\nbackend = other\nup_pct = \x01\nlxc_path=/srv/lxc\r\n");
  REQUIRE(lines.size() == 2);
  CHECK(lines[0].key == "backend");
  CHECK(lines[0].value == "web");
  CHECK(lines[0].line == 2);
  CHECK(lines[1].value == "/srv/lxc");
  CHECK(readable_conf("").empty());
}
