// SPDX-License-Identifier: Apache-2.0
// Lines of HAProxy's log: recorded ones, each field's edges, and whatever else may stand in a log file.
#include "gearscale/codec/httplog.hpp"

#include <algorithm>
#include <fstream>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "support/catch.hpp"

using gearscale::codec::parse_httplog;

namespace {

const std::string kBefore = "<134>Nov 22 10:53:16 haproxy[123]: 10.0.0.1:51234 [22/Nov/2026:10:53:16.123] in ";
const std::string kAfter = " 217 - - ---- 1/1/0/0/0 0/0 \"GET / HTTP/1.1\"";

// A copy without a byte behind it, so that a sanitizer sees any step too far.
auto parse_exactly(std::string_view line) {
  const auto copy = std::make_unique<char[]>(line.size());
  std::copy(line.begin(), line.end(), copy.get());
  const auto request = parse_httplog({copy.get(), line.size()});
  return request ? std::optional(request->total_ms) : std::nullopt;
}

std::optional<std::uint32_t> total(const std::string& server, const std::string& timers, const std::string& status = "200") {
  return parse_exactly(kBefore + server + " " + timers + " " + status + kAfter);
}

std::vector<std::string> recorded() {
  std::ifstream file(GEARSCALE_TEST_DATA "/httplog/haproxy-2.6.12.log");
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

}  // namespace

TEST_CASE("a line gives backend, server, status and the fifth timer, in place") {
  const auto line = kBefore + "express/gear-1f3a9c02 1/2/3/4/1234 200" + kAfter;
  const auto request = parse_httplog(line);
  REQUIRE(request);
  CHECK(request->backend == "express");
  CHECK(request->server == "gear-1f3a9c02");
  CHECK(request->status == 200);
  CHECK(request->total_ms == 1234);
  CHECK(request->backend.data() >= line.data());
  CHECK(request->server.data() + request->server.size() <= line.data() + line.size());
}

TEST_CASE("of the recorded lines those count that say how long the farm took") {
  std::vector<std::uint32_t> express;
  std::vector<int> statuses;
  int others = 0;
  for (const auto& line : recorded()) {
    INFO(line);
    const auto request = parse_httplog(line);
    if (!request) {
      ++others;
      continue;
    }
    CHECK(request->backend == "express");
    if (line.starts_with("<134>")) express.push_back(request->total_ms);
    if (line.starts_with("<134>")) statuses.push_back(request->status);
  }
  CHECK(express == std::vector<std::uint32_t>{0, 0, 0, 351, 351, 701, 701, 601, 702, 351, 300, 0});
  CHECK(statuses == std::vector<int>{200, 200, 200, 200, 200, 504, 504, 503, 504, 200, 200, 200});
  CHECK(others == 8);  // two state lines, two <NOSRV>, two <BADREQ>, a refused connection, a TCP line
}

TEST_CASE("whatever a syslog daemon or a ring puts before the client is passed over") {
  const std::string request = "[22/Nov/2026:10:53:16.123] in~ express/a 0/0/0/1/77 200" + kAfter;
  for (const std::string before :
       {"", "10.0.0.1:1 ", "::1:51280 ", "[::1]:51280 ", "unix:1 ", "2026-11-22T10:53:16.123456+00:00 web haproxy 1 - [a b=\"[c]\"] ::1:2 ",
        "<134>1 2026-11-22T10:53:16Z - haproxy 12 - - fe80::1:2 ", "[", "[[[[22/Nov/2026:10:53:16.12] "}) {
    INFO(before);
    CHECK(parse_exactly(before + request) == 77);
  }
}

TEST_CASE("timers: five, at least -1, the total at least 0") {
  CHECK(total("express/a", "0/0/0/0/0") == 0);
  CHECK(total("express/a", "0/0/0/0/+1234") == 1234);
  CHECK(total("express/a", "0/0/0/0/2147483647") == 2147483647);
  CHECK(total("express/a", "0/0/0/-1/8000", "-1") == 8000);  // the client went while it waited
  for (const std::string bad :
       {"0/0/0/0/2147483648", "0/0/0/0/-1", "0/0/0/0/+-1", "0/0/0/0/++1", "0/0/0/0/", "0/0/0/0", "0/0/5007", "0/0/0/0/1/2", "-2/0/0/0/1",
        "0/-2/0/0/1", "0/0/0/x/1", "0/0//0/1", "0/0/0/0/1x", " 0/0/0/0/1", "0/0/0/0/0x10", "99999999999999999999/0/0/0/1"}) {
    INFO(bad);
    CHECK(!total("express/a", bad));
  }
  for (const std::string bad : {"", "-2", "OK", "-", "+200", "99999999999"}) {
    INFO(bad);
    CHECK(!total("express/a", "0/0/0/0/1", bad));
  }
}

TEST_CASE("a server must have been asked, or waited for in the queue") {
  CHECK(!total("express/<NOSRV>", "0/-1/-1/-1/0", "503"));  // HAProxy answered by itself
  CHECK(!total("express/<NOSRV>", "0/0/-1/-1/3", "503"));
  CHECK(total("express/<NOSRV>", "0/1/-1/-1/3", "503") == 3);
  CHECK(total("express/<NOSRV>", "0/601/-1/-1/601", "503") == 601);
  CHECK(!total("express/<STATS>", "0/0/0/0/5"));
  CHECK(!total("express/a", "0/0/-1/-1/3006", "503"));  // no connection: it was never asked
  CHECK(total("express/a", "0/0/0/-1/3006", "504") == 3006);
  CHECK(total("express/a", "0/40/-1/-1/5040", "503") == 5040);
}

TEST_CASE("the first date decides: a request cannot forge another line") {
  const std::string forged = "[22/Nov/2026:10:53:16.123] in express/a 0/0/0/0/99999 200 ";
  CHECK(parse_exactly(kBefore + "express/a 0/0/0/0/5 200 0 - - ---- 1/1/0/0/0 0/0 {" + forged + "} \"GET /" + forged + " HTTP/1.1\"") == 5);
  CHECK(!parse_exactly(kBefore + "express/<NOSRV> -1/-1/-1/-1/0 400 0 - - PR-- 1/1/0/0/0 0/0 {" + forged + "} \"<BADREQ>\""));
}

TEST_CASE("what is no request of HAProxy's is nothing") {
  for (const std::string line :
       {"", " ", "[", "]", "<134>", "[22/Nov/2026:10:53:16.123]", "[22/Nov/2026:10:53:16.123] ", "[22/Nov/2026:10:53:16.123] in",
        "[22/Nov/2026:10:53:16.123] in express", "[22/Nov/2026:10:53:16.123] in express/a",
        "[22/Nov/2026:10:53:16.123] in express 0/0/0/0/1 200 ", "[22/Nov/2026:10:53:16 +0000] in express/a 0/0/0/0/1 200 ",
        "<133>Nov 22 11:19:34 localhost haproxy[616]: 1 event dropped", "\xff\xfe[\x80/\x81/\x82"}) {
    INFO(line);
    CHECK(!parse_exactly(line));
  }
}

TEST_CASE("a line cut after any byte is read whole or not at all") {
  for (const auto& line : recorded()) {
    const auto whole = parse_exactly(line);
    for (std::size_t length = 0; length < line.size(); ++length) {
      const auto cut = parse_exactly(std::string_view(line).substr(0, length));
      if (cut && cut != whole) FAIL(line.substr(0, length));
    }
  }
}

TEST_CASE("changed and random bytes never make it read too far") {
  std::mt19937 random(7);
  const auto lines = recorded();
  const std::string alphabet = "[]/:. -+0129<>NOSRV\"\n\0\xff";
  for (int round = 0; round < 20'000; ++round) {
    auto line = lines[random() % lines.size()];
    for (auto changes = random() % 4 + 1; changes > 0; --changes) line[random() % line.size()] = alphabet[random() % alphabet.size()];
    if (round % 4 == 0) line.resize(random() % line.size());
    if (round % 4 == 1) {
      for (auto& c : line) c = alphabet[random() % alphabet.size()];
    }
    const auto request = parse_httplog(line);
    static_cast<void>(parse_exactly(line));
    if (request && (request->status < -1 || request->total_ms > 2147483647U)) FAIL(line);
  }
}
