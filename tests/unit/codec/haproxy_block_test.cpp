// SPDX-License-Identifier: Apache-2.0
// The managed block: found only where it belongs, replaced without touching a byte around it.
#include "gearscale/codec/haproxy_block.hpp"

#include "damage.hpp"

using namespace gearscale;
using namespace gearscale::codec;
using test::contains;

namespace {

const std::string kBegin = "# BEGIN gearscale gears of express - managed, do not edit";
const std::string kEnd = "# END gearscale gears of express";

ServerCommand server(const std::string& name, int last_octet, int maxconn = 0) {
  return {.backend = "express",
          .server = name,
          .address = "10.0.3." + std::to_string(last_octet),
          .port = 8080,
          .check = "check inter 500 fall 2 rise 1",
          .maxconn = maxconn};
}

const std::vector<ServerCommand> kTwo{server("gear-00000001-prod", 11), server("gear-00000002-prod", 12, 8)};

std::string with_crlf(const std::string& text) {
  std::string out;
  for (const char c : text) out += c == '\n' ? std::string("\r\n") : std::string(1, c);
  return out;
}

// A file with much that looks like the block and is not.
std::string busy_file(const std::string& block) {
  return "# BEGIN gearscale gears of other - managed, do not edit\n"
         "global\n    maxconn 100 # " + kBegin + "\n\n"
         "frontend express\n    bind :80\n    log-format \"" + kBegin + "\"\n"
         "backend expres\n    server a 10.0.0.1:80\n"
         "backend express2\n"
         "    # BEGIN gearscale gears of express2 - managed, do not edit\n    server z 10.9.9.9:80\n    # END gearscale gears of express2\n"
         "backend express\n"
         "    balance leastconn\n"
         "    cookie GEAR insert indirect nocache dynamic\n"
         "    dynamic-cookie-key \"a # b\"\n"
         "    " + kBegin + "\n" + block + "    " + kEnd + "\n"
         "    server theirs 10.0.0.2:80   # ours \xc3\xa4\n"
         "\n# about the last one\nbackend last\n\tserver b 10.0.0.3:80\n";
}

Error error_of(const std::string& file, std::string_view backend = "express") {
  const test::Exact exact(file);
  const auto found = find_block(exact.view(), backend);
  REQUIRE_FALSE(found);
  CHECK_FALSE(replace_block(exact.view(), backend, kTwo));
  CHECK_FALSE(block_servers(exact.view(), backend));
  return found.error();
}

}  // namespace

TEST_CASE("the block gets one line for each server and nothing else changes") {
  const auto file = busy_file("    server old 10.0.0.9:1\n");
  const auto replaced = replace_block(file, "express", kTwo);
  REQUIRE(replaced);
  CHECK(*replaced == busy_file("    server gear-00000001-prod 10.0.3.11:8080 check inter 500 fall 2 rise 1\n"
                               "    server gear-00000002-prod 10.0.3.12:8080 check inter 500 fall 2 rise 1 maxconn 8\n"));
  const auto emptied = replace_block(*replaced, "express", {});
  REQUIRE(emptied);
  CHECK(*emptied == busy_file(""));
}

TEST_CASE("replacing twice is replacing once") {
  const auto once = replace_block(busy_file(""), "express", kTwo);
  REQUIRE(once);
  const auto twice = replace_block(*once, "express", kTwo);
  REQUIRE(twice);
  CHECK(*twice == *once);
}

TEST_CASE("the lines of the block are indented and ended as its begin marker") {
  for (const auto* indent : {"", "\t", "  \t"}) {
    for (const bool crlf : {false, true}) {
      CAPTURE(indent, crlf);
      const std::string lf = "backend express\n" + (indent + kBegin) + " \t\nserver x 1.1.1.1:1\n\t" + kEnd + "\n";
      const auto file = crlf ? with_crlf(lf) : lf;
      const auto span = find_block(file, "express");
      REQUIRE(span);
      CHECK(span->indent == indent);
      CHECK(span->line_end == (crlf ? "\r\n" : "\n"));
      const auto replaced = replace_block(file, "express", {server("g", 1)});
      REQUIRE(replaced);
      const std::string expected = "backend express\n" + (indent + kBegin) + " \t\n" + indent +
                                   "server g 10.0.3.1:8080 check inter 500 fall 2 rise 1\n\t" + kEnd + "\n";
      CHECK(*replaced == (crlf ? with_crlf(expected) : expected));
    }
  }
}

TEST_CASE("a file may end with the end marker without a line end") {
  const auto replaced = replace_block("backend express\n" + kBegin + "\n" + kEnd, "express", {server("g", 1)});
  REQUIRE(replaced);
  CHECK(*replaced == "backend express\n" + kBegin + "\nserver g 10.0.3.1:8080 check inter 500 fall 2 rise 1\n" + kEnd);
}

TEST_CASE("a section may be named in quotes, be a listen, or be indented") {
  for (const auto* head :
       {"backend \"express\" # main\n", "backend 'express' from base\n", "listen express\n  bind :80\n", "   backend\texpress\n"}) {
    CAPTURE(head);
    CHECK(find_block(head + kBegin + "\n" + kEnd + "\n", "express"));
  }
}

TEST_CASE("markers that are missing, doubled, swapped or misplaced are configuration errors that say what to do") {
  struct Bad {
    std::string file;
    std::string_view says;
  };
  const auto pair = kBegin + "\n" + kEnd + "\n";
  const std::vector<Bad> all{
      {"", "are missing"},
      {"backend express\n", "are missing"},
      {"backend express\n" + begin_marker("express2") + "\n" + end_marker("express2") + "\n", "are missing"},
      {"backend express\n" + kBegin + " really\n" + kEnd + " really\n", "are missing"},
      {"backend express\nserver x 1:1 " + kBegin + "\nserver y 1:1 " + kEnd + "\n", "are missing"},
      {"backend express\n" + kBegin + "\n", "is missing while its partner is there"},
      {"backend express\n" + kEnd + "\n", "is missing while its partner is there"},
      {"backend express\n" + pair + pair, "2 times (lines 2, 4)"},
      {"backend express\n" + pair + kEnd + "\n", "2 times (lines 3, 4)"},
      {"backend express\n" + kEnd + "\n" + kBegin + "\n", "(lines 3 and 2); put them in order"},
      {pair, "not both inside"},
      {"backend other\n" + pair, "not both inside"},
      {"frontend express\n" + pair, "not both inside"},
      {pair + "backend express\n", "not both inside"},
      {"backend express\n" + kBegin + "\nbackend b\n" + kEnd + "\n", "not both inside"},
      {"backend express\n" + kBegin + "\nbackend express\n" + kEnd + "\n", "not both inside"},
  };
  for (const auto& [file, says] : all) {
    CAPTURE(file);
    const auto error = error_of(file);
    CHECK(error.code == Errc::config);
    CAPTURE(error.message);
    CHECK(contains(error.message, says));
  }
}

TEST_CASE("backend `a` and backend `ab` have blocks of their own") {
  const auto file =
      "backend ab\n" + begin_marker("ab") + "\n" + end_marker("ab") + "\nbackend a\n" + begin_marker("a") + "\n" + end_marker("a") + "\n";
  const auto replaced = replace_block(file, "a", {server("g", 1)});
  REQUIRE(replaced);
  const auto a = block_servers(*replaced, "a");
  const auto ab = block_servers(*replaced, "ab");
  REQUIRE(a);
  REQUIRE(ab);
  CHECK(a->size() == 1);
  CHECK(ab->empty());
}

TEST_CASE("the servers of the block are read back, quotes, tabs and comments understood") {
  const auto file = replace_block(busy_file(""), "express", kTwo);
  REQUIRE(file);
  const auto servers = block_servers(*file, "express");
  REQUIRE(servers);
  CHECK(*servers == std::vector<BlockServer>{{"gear-00000001-prod", "10.0.3.11:8080"}, {"gear-00000002-prod", "10.0.3.12:8080"}});

  const auto odd = block_servers(with_crlf(busy_file("\n\tserver\t\"g 1\"  10.0.0.1:80 # x\n  \n")), "express");
  REQUIRE(odd);
  CHECK(*odd == std::vector<BlockServer>{{"g 1", "10.0.0.1:80"}});
}

TEST_CASE("a line in the block that is not a server line is an error for whoever reads it") {
  for (const auto* line : {"balance leastconn\n", "# by hand\n", "server\n", "server g1\n", "server-template g 1 10.0.0.1:80\n"}) {
    CAPTURE(line);
    const auto servers = block_servers(busy_file(line), "express");
    REQUIRE_FALSE(servers);
    CHECK(servers.error().code == Errc::config);
  }
}

TEST_CASE("a server line that would not stay one line is refused") {
  for (const auto* check : {"check\nbackend evil", "check\r", "check\x01"}) {
    auto bad = server("g", 1);
    bad.check = check;
    const auto replaced = replace_block(busy_file(""), "express", {bad});
    REQUIRE_FALSE(replaced);
    CHECK(replaced.error().code == Errc::config);
  }
}

TEST_CASE("setup puts an empty block at the end of a section, before what belongs to the next one") {
  struct Case {
    std::string before;
    std::string after;
  };
  const auto block = "  " + kBegin + "\n  " + kEnd + "\n";
  const auto block4 = "    " + kBegin + "\n    " + kEnd + "\n";
  const std::vector<Case> all{
      {"backend express\n  balance leastconn\n", "backend express\n  balance leastconn\n" + block},
      {"backend express\n  balance leastconn", "backend express\n  balance leastconn\n" + block},
      {"backend express\n", "backend express\n" + block4},
      {"backend express", "backend express\n" + block4},
      {"backend express\n\n\n# the next\nbackend b\n", "backend express\n" + block4 + "\n\n# the next\nbackend b\n"},
      {"listen express\n  bind :80\n  # note\n\nglobal\n", "listen express\n  bind :80\n" + block + "  # note\n\nglobal\n"},
      {"backend express2\n  a\nbackend express\n  b\nbackend exp\n",
       "backend express2\n  a\nbackend express\n  b\n" + block + "backend exp\n"},
  };
  for (const auto& [before, after] : all) {
    CAPTURE(before);
    const auto inserted = insert_block(before, "express");
    REQUIRE(inserted);
    CHECK(*inserted == after);
    const auto again = insert_block(*inserted, "express");
    REQUIRE(again);
    CHECK(*again == *inserted);
    const auto crlf = insert_block(with_crlf(before), "express");
    REQUIRE(crlf);
    // A lone keyword without any line end gives no hint about line ends: it gets plain ones.
    if (contains(before, "\n")) CHECK(*crlf == with_crlf(after));
  }
}

TEST_CASE("setup refuses a file without the section, with two of it, or with broken markers") {
  for (const auto& file :
       {std::string(), std::string("backend other\n"), std::string("frontend express\n"), std::string("# backend express\n"),
        std::string("backend express\nbackend express\n"), std::string("backend express\nlisten express\n"),
        "backend express\n" + kBegin + "\n", "backend other\n" + kBegin + "\n" + kEnd + "\nbackend express\n"}) {
    CAPTURE(file);
    const auto inserted = insert_block(file, "express");
    REQUIRE_FALSE(inserted);
    CHECK(inserted.error().code == Errc::config);
  }
  CHECK_FALSE(insert_block("backend \"a\nb\"\n", "a\nb"));
}

TEST_CASE("dynamic cookies count only when set in the section itself, and not in a comment") {
  const std::string cookie = "  cookie GEAR insert indirect nocache dynamic\n";
  const std::string key = "  dynamic-cookie-key secret\n";
  CHECK(has_dynamic_cookie("backend express\n" + cookie + key, "express"));
  CHECK(has_dynamic_cookie("listen express\n" + key + "\tcookie G dynamic # x\n", "express"));
  CHECK(has_dynamic_cookie(busy_file(""), "express"));
  for (const auto& body :
       {cookie, key, "#" + cookie + key, cookie + "  # dynamic-cookie-key secret\n", "  cookie GEAR insert # dynamic\n" + key,
        "  cookie dynamic\n" + key, cookie + "  dynamic-cookie-key\n", "  cookie GEAR insert \"not dynamic\"\n" + key}) {
    CAPTURE(body);
    CHECK_FALSE(has_dynamic_cookie("backend express\n" + body, "express"));
  }
  CHECK_FALSE(has_dynamic_cookie("backend express\nbackend b\n" + cookie + key, "express"));
  CHECK_FALSE(has_dynamic_cookie("defaults\n" + cookie + key + "backend express\n", "express"));
  CHECK_FALSE(has_dynamic_cookie("", "express"));
}

TEST_CASE("every prefix of a file is refused or understood") {
  const auto full = replace_block(busy_file(""), "express", kTwo);
  REQUIRE(full);
  const auto expected = block_servers(*full, "express");
  REQUIRE(expected);
  for (std::size_t length = 0; length <= full->size(); ++length) {
    const test::Exact exact(std::string_view(*full).substr(0, length));
    const auto servers = block_servers(exact.view(), "express");
    if (servers && *servers != *expected) FAIL("wrong servers from a prefix of " << length);
    static_cast<void>(insert_block(exact.view(), "express"));
    static_cast<void>(has_dynamic_cookie(exact.view(), "express"));
  }
}

TEST_CASE("whatever happens to a file, the bytes outside the block are the same afterwards") {
  const auto full = replace_block(busy_file(""), "express", kTwo);
  REQUIRE(full);
  test::Damage damage(20260615);
  int understood = 0;
  for (int round = 0; round < 3000; ++round) {
    const test::Exact exact(damage.one(round % 2 == 0 ? *full : with_crlf(*full)));
    const auto file = exact.view();
    static_cast<void>(block_servers(file, "express"));
    static_cast<void>(has_dynamic_cookie(file, "express"));
    const auto span = find_block(file, "express");
    if (const auto inserted = insert_block(file, "express"); inserted && span && *inserted != file) {
      FAIL("a block was added to a file that has one");
    }
    if (!span) continue;
    ++understood;
    const auto replaced = replace_block(file, "express", {server("g", 7)});
    REQUIRE(replaced);
    if (!replaced->starts_with(file.substr(0, span->begin)) || !replaced->ends_with(file.substr(span->end))) {
      FAIL("bytes outside the block changed");
    }
    const auto servers = block_servers(*replaced, "express");
    REQUIRE(servers);
    if (*servers != std::vector<BlockServer>{{"g", "10.0.3.7:8080"}}) FAIL("the block does not hold what was put there");
  }
  CHECK(understood > 1000);
}
