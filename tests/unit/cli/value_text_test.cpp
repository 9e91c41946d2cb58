// SPDX-License-Identifier: Apache-2.0
#include "gearscale/cli/value_text.hpp"

#include <string>

#include "support/catch.hpp"

using namespace gearscale;
using namespace gearscale::cli;

TEST_CASE("a duration is a number with ms, s, m or h, and seconds without") {
  CHECK(parse_duration("500ms") == core::Millis(500));
  CHECK(parse_duration("120s") == core::Millis(120'000));
  CHECK(parse_duration("2m") == core::Millis(120'000));
  CHECK(parse_duration("1h") == core::Millis(3'600'000));
  CHECK(parse_duration("3") == core::Millis(3'000));
  CHECK(parse_duration("0.5s") == core::Millis(500));
  CHECK(parse_duration("0.1") == core::Millis(100));
  CHECK(parse_duration("0") == core::Millis(0));
  for (const auto* bad :
       {"", "s", "ms", "-1s", "1d", "1 s", " 1s", "1s ", "1sms", "s1", "1e3", "inf", "nan", "0x10", "99999999999999999h", "10m5s"}) {
    INFO(bad);
    CHECK_FALSE(parse_duration(bad));
  }
}

TEST_CASE("bytes are whole, with K, M or G as powers of 1024, up to a pebibyte") {
  CHECK(parse_bytes("0") == 0);
  CHECK(parse_bytes("1023") == 1023);
  CHECK(parse_bytes("1K") == 1024);
  CHECK(parse_bytes("256M") == 256LL << 20);
  CHECK(parse_bytes("2g") == 2LL << 30);
  CHECK(parse_bytes("1048576G") == 1LL << 50);
  for (const auto* bad : {"", "M", "-1", "-1M", "1.5G", "1T", "1MB", "1 M", "1048577G", "9223372036854775807", "9223372036854775808"}) {
    INFO(bad);
    CHECK_FALSE(parse_bytes(bad));
  }
}

TEST_CASE("a flag is one of eight words") {
  for (const auto* yes : {"true", "yes", "on", "1"}) CHECK(parse_flag(yes) == true);
  for (const auto* no : {"false", "no", "off", "0"}) CHECK(parse_flag(no) == false);
  for (const auto* bad : {"", "TRUE", "2", "y", "true "}) CHECK_FALSE(parse_flag(bad));
}

TEST_CASE("a pool lies within one network, without its first and last address") {
  const auto pool = parse_pool("10.87.0.10-10.87.0.250/24");
  REQUIRE(pool);
  CHECK(pool->first == 0x0a57000aU);
  CHECK(pool->last == 0x0a5700faU);
  CHECK(pool->prefix == 24);
  CHECK(pool->size() == 241);
  CHECK(parse_pool("10.87.0.1-10.87.0.254/24"));
  CHECK(parse_pool("10.87.0.7-10.87.0.7/24"));
  CHECK(parse_pool("10.87.0.10-10.87.1.10/23"));
  CHECK(parse_pool("10.0.0.1-10.0.0.2/30"));
  for (const auto* bad :
       {"", "10.87.0.0-10.87.0.9/24", "10.87.0.9-10.87.0.255/24", "10.87.0.9-10.87.0.8/24", "10.87.0.10-10.87.1.10/24",
        "10.0.0.1-10.0.0.2/31", "10.0.0.1-10.0.0.2/0", "10.0.0.1-10.0.0.2/", "10.0.0.1-10.0.0.2", "10.0.0.1/24", "10.0.0.1/24-10.0.0.2",
        "10.0.0.1 - 10.0.0.2/24", "10.0.0.1-10.0.0.02/24", "10.0.0.1-10.0.0.256/24", "10.0.0.1-10.0.0.2/24x", "fe80::1-fe80::2/64"}) {
    INFO(bad);
    CHECK_FALSE(parse_pool(bad));
  }
}

TEST_CASE("an idmap is auto, none, or a base and a count that stay within 32 bits") {
  CHECK(std::holds_alternative<IdMapAutomatic>(parse_idmap("auto").value()));
  CHECK(std::holds_alternative<IdMapNone>(parse_idmap("none").value()));
  const auto range = std::get<gears::IdMap>(parse_idmap("100000:65536").value());
  CHECK(range.base == 100'000);
  CHECK(range.count == 65'536);
  CHECK(parse_idmap("1:4294967294"));
  for (const auto* bad :
       {"", "AUTO", "0:65536", "100000:0", "100000", "100000:", ":65536", "1:2:3", "-1:5", "1:4294967295", "4294967296:1"}) {
    INFO(bad);
    CHECK_FALSE(parse_idmap(bad));
  }
}

TEST_CASE("a policy names at least one signal, and each once") {
  struct Row {
    const char* text;
    bool sessions;
    bool response_time;
  };
  const Row rows[] = {{"sessions", true, false},
                      {"response-time", false, true},
                      {"sessions,response-time", true, true},
                      {"response-time,sessions", true, true},
                      {" response-time , sessions ", true, true}};
  for (const auto& row : rows) {
    INFO(row.text);
    const auto signals = parse_policy(row.text);
    REQUIRE(signals);
    CHECK(signals->sessions == row.sessions);
    CHECK(signals->response_time == row.response_time);
  }
  for (const auto* bad :
       {"", " ", ",", "sessions,", ",sessions", "sessions,sessions", "sessions,response-time,sessions", "Sessions", "session",
        "response_time", "sessions response-time", "sessions;response-time", "sessions\n", "sessions,\tresponse-time", "none"}) {
    INFO(bad);
    CHECK_FALSE(parse_policy(bad));
  }
}

TEST_CASE("the log of requests is in a ring or in a file with an absolute path") {
  CHECK(parse_response_log("ring:requests")->ring == "requests");
  CHECK(parse_response_log("ring:requests")->file.empty());
  CHECK(parse_response_log("file:/var/log/haproxy.log")->file == "/var/log/haproxy.log");
  CHECK(parse_response_log("file:/var/log/haproxy.log")->ring.empty());
  CHECK(parse_response_log("ring:" + std::string(64, 'r')));
  for (const auto* bad :
       {"", "ring", "ring:", "file:", "requests", "/var/log/haproxy.log", "ring:a b", "ring:a;show info", "ring:a\nb", "file:haproxy.log",
        "file:/var/log/a b", "RING:requests", " ring:requests", "ring: requests", "fd:1"}) {
    INFO(bad);
    CHECK_FALSE(parse_response_log(bad));
  }
  CHECK_FALSE(parse_response_log("ring:" + std::string(65, 'r')));
}

TEST_CASE("whitelists let nothing through that could leave a path, a command or a line") {
  const auto hostile = {"a b", "a\nb", "a\tb", "a'b", "a\"b", "a\\b", "a;b", "a`b", "a$b", "a#b", "a\x7f", "\xc3\xa4"};
  for (const std::string text : hostile) {
    INFO(text);
    CHECK_FALSE(is_plain_name(text));
    CHECK_FALSE(is_namespace(text));
    CHECK_FALSE(is_backend_name(text));
    CHECK_FALSE(is_interface_name(text));
    CHECK_FALSE(is_program(text));
    CHECK_FALSE(is_file_path("/" + text));
    CHECK_FALSE(is_socket_path("/" + text));
    if (text != "a;b" && text != "a$b") CHECK_FALSE(is_probe_path("/" + text));
    if (text != "a b") CHECK_FALSE(is_server_check("check " + text));
  }
  CHECK_FALSE(is_plain_name("../etc"));
  CHECK_FALSE(is_plain_name(".hidden"));
  CHECK_FALSE(is_plain_name("-x"));
  CHECK_FALSE(is_file_path("relative/path"));
  CHECK_FALSE(is_file_path("/a:b"));
  CHECK_FALSE(is_file_path("/a,b"));
  CHECK_FALSE(is_program("./haproxy"));
  CHECK_FALSE(is_probe_path("health"));
  CHECK_FALSE(is_probe_path(""));
  CHECK_FALSE(is_server_check(" check"));
  CHECK_FALSE(is_server_check("check "));
  CHECK_FALSE(is_server_check("check  inter 500"));
}

TEST_CASE("whitelists accept what people use") {
  CHECK(is_plain_name(""));
  CHECK(is_plain_name("shop-2.x_y"));
  CHECK(is_namespace("prod"));
  CHECK_FALSE(is_namespace("prod-eu"));
  CHECK(is_backend_name("express"));
  CHECK_FALSE(is_backend_name(""));
  CHECK(is_file_path("/var/lib/gearscale/shop/haproxy-1.4/"));
  CHECK(is_program("haproxy"));
  CHECK(is_program("/usr/sbin/haproxy"));
  CHECK(is_server_check(""));
  CHECK(is_server_check("check inter 500 fall 2 rise 1"));
  CHECK(is_probe_path("/"));
  CHECK(is_probe_path("/health?full=1&x=%20"));
}

TEST_CASE("lengths end where the kernel's do") {
  CHECK(is_plain_name(std::string(64, 'a')));
  CHECK_FALSE(is_plain_name(std::string(65, 'a')));
  CHECK(is_interface_name(std::string(15, 'b')));
  CHECK_FALSE(is_interface_name(std::string(16, 'b')));
  CHECK(is_socket_path("/" + std::string(106, 's')));
  CHECK_FALSE(is_socket_path("/" + std::string(107, 's')));
  CHECK(is_file_path("/" + std::string(4'094, 'p')));
  CHECK_FALSE(is_file_path("/" + std::string(4'095, 'p')));
}
