// SPDX-License-Identifier: Apache-2.0
// haproxy.cfg as lines, words and sections.
#include "gearscale/codec/config_text.hpp"

#include "damage.hpp"

using namespace gearscale;
using namespace gearscale::codec;

using Words = std::vector<std::string>;

TEST_CASE("words are what HAProxy sees: quotes and backslashes taken away, comments gone") {
  const std::vector<std::pair<std::string, Words>> all{
      {"", {}},
      {" \t ", {}},
      {"# backend x", {}},
      {"  backend express", {"backend", "express"}},
      {"\tserver g1 10.0.0.1:80 check\r", {"server", "g1", "10.0.0.1:80", "check"}},
      {"backend express#comment", {"backend", "express"}},
      {"backend \"express\" # comment", {"backend", "express"}},
      {"backend 'ex'pr\"es\"s", {"backend", "express"}},
      {"a \"# no comment\" b", {"a", "# no comment", "b"}},
      {"a \\# b", {"a", "#", "b"}},
      {"a b\\ c", {"a", "b c"}},
      {"a \"\" b", {"a", "", "b"}},
      {"a \"x\\\"y\" b", {"a", "x\"y", "b"}},
      {"a 'x\\' b", {"a", "x\\", "b"}},
      {"a \"never closed b", {"a", "never closed b"}},
      {"a \\", {"a", ""}},
  };
  for (const auto& [line, words] : all) {
    CAPTURE(line);
    CHECK(config_words(line, 100) == words);
  }
}

TEST_CASE("no more words than asked for") {
  CHECK(config_words("a b c", 0).empty());
  CHECK(config_words("a b c", 2) == Words{"a", "b"});
  CHECK(config_words("a b", 2) == Words{"a", "b"});
}

TEST_CASE("lines keep their bytes, whatever ends them") {
  const std::string file = "a\r\n\nb\r\r\nlast";
  const auto config = read_config(file);
  REQUIRE(config.lines.size() == 4);
  CHECK(config.lines[0].text == "a");
  CHECK(config.lines[1].text.empty());
  CHECK(config.lines[2].text == "b\r");
  CHECK(config.lines[3].text == "last");
  std::string together;
  for (const auto& line : config.lines) together += file.substr(line.begin, line.end - line.begin);
  CHECK(together == file);
  CHECK(read_config("").lines.empty());
  CHECK(read_config("\n").lines.size() == 1);
}

TEST_CASE("a section goes from its keyword, however indented, to the next one") {
  const auto config = read_config("# top\nglobal\n  maxconn 5\n\n  backend a\nserver x 1:1\nlisten \"b\"\nbackend\n");
  REQUIRE(config.sections.size() == 4);
  CHECK(config.sections[0].keyword == "global");
  CHECK(config.sections[1].keyword == "backend");
  CHECK(config.sections[1].name == "a");
  CHECK(config.sections[1].first == 4);
  CHECK(config.sections[1].past == 6);
  CHECK(config.sections[2].name == "b");
  CHECK(config.sections[3].name.empty());
  CHECK(config.lines[0].section == -1);
  CHECK(config.lines[3].section == 0);
  CHECK(config.lines[5].section == 1);
}

TEST_CASE("servers live in sections named backend or listen, by the whole name") {
  const auto config = read_config("frontend a\nbackend ab\nlisten a\ndefaults a\nbackend a\n");
  CHECK(server_sections(config, "a") == std::vector<std::size_t>{2, 4});
  CHECK(server_sections(config, "ab") == std::vector<std::size_t>{1});
  CHECK(server_sections(config, "").empty());
}
