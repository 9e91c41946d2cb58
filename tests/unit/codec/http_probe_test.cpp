// SPDX-License-Identifier: Apache-2.0
// The probe's request and what counts as its answer.
#include "gearscale/codec/http_probe.hpp"

#include "damage.hpp"

using namespace gearscale;
using codec::probe_request;
using codec::probe_status;

TEST_CASE("the request is HTTP/1.0 and asks for the path") {
  CHECK(probe_request("/", "10.0.3.11") == "GET / HTTP/1.0\r\nHost: 10.0.3.11\r\nUser-Agent: gearscale-probe\r\nConnection: close\r\n\r\n");
  CHECK(probe_request("/health?x=1&y=%20", "10.0.3.11:8080").starts_with("GET /health?x=1&y=%20 HTTP/1.0\r\nHost: 10.0.3.11:8080\r\n"));
}

TEST_CASE("a path from a setting cannot break out of the request line") {
  CHECK(probe_request("", "h").starts_with("GET / HTTP/1.0\r\n"));
  CHECK(probe_request("health", "h").starts_with("GET /health HTTP/1.0\r\n"));
  CHECK(
      probe_request("/a b\r\nX: y\x7f\xc3\xa4", "h\nX: z").starts_with("GET /a%20b%0D%0AX:%20y%7F%C3%A4 HTTP/1.0\r\nHost: h%0AX:%20z\r\n"));
}

TEST_CASE("the status code is read once its line is whole") {
  CHECK(probe_status("HTTP/1.1 200 OK\r\n") == 200);
  CHECK(probe_status("HTTP/1.0 404 Not Found\r\nServer: x\r\n\r\nbody") == 404);
  CHECK(probe_status("HTTP/1.1 503\r\n") == 503);
  CHECK(probe_status("HTTP/1.1 204\n") == 204);
  CHECK(probe_status("HTTP/1.1 599 \n") == 599);
  const std::string reply = "HTTP/1.1 200 OK\r\n";
  for (std::size_t length = 0; length < reply.size(); ++length) {
    const test::Exact exact(std::string_view(reply).substr(0, length));
    CHECK_FALSE(probe_status(exact.view()).has_value());
  }
}

TEST_CASE("what is not an HTTP/1 status line is no answer") {
  for (const auto* reply :
       {"\n", "SSH-2.0-OpenSSH_9.2p1\r\n", "HTTP/2.0 200 OK\r\n", "HTTP/1.x 200 OK\r\n", "http/1.1 200 OK\r\n", "HTTP/1.1  200 OK\r\n",
        "HTTP/1.1 20 OK\r\n", "HTTP/1.1 2000 OK\r\n", "HTTP/1.1 099 OK\r\n", "HTTP/1.1 600 OK\r\n", "HTTP/1.1 2x0 OK\r\n",
        "HTTP/1.1 -20 OK\r\n", "HTTP/1.1\t200 OK\r\n", " HTTP/1.1 200 OK\r\n"}) {
    CAPTURE(reply);
    CHECK_FALSE(probe_status(reply).has_value());
  }
}

TEST_CASE("damaged answers give a code of HTTP or nothing") {
  test::Damage damage(20260614);
  for (int round = 0; round < 3000; ++round) {
    const test::Exact exact(damage.one("HTTP/1.1 200 OK\r\nServer: x\r\n\r\n"));
    const auto status = probe_status(exact.view());
    if (status && (*status < 100 || *status > 599)) FAIL("status " << *status);
  }
}
