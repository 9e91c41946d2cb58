// SPDX-License-Identifier: Apache-2.0
// Tests of the probe against small servers on the loopback address.
#include "gearscale/system/probe.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <atomic>
#include <thread>

#include "helpers.hpp"
#include "support/catch.hpp"

using namespace gearscale;
using namespace std::chrono_literals;
using system::probe_http;
using system::probe_tcp;
using test::error_of;

namespace {

constexpr std::uint32_t kLoopback = 0x7f000001;
constexpr core::Millis kPlenty = 60s;

// A port of the loopback address; nobody listens before listen().
class Port {
 public:
  Port() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in own{};
    own.sin_family = AF_INET;
    own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof own;
    REQUIRE(::bind(socket_.get(), reinterpret_cast<sockaddr*>(&own), length) == 0);
    REQUIRE(::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&own), &length) == 0);
    number = ntohs(own.sin_port);
  }
  void listen(int backlog) const { REQUIRE(::listen(socket_.get(), backlog) == 0); }
  Fd accept() const { return Fd(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC)); }
  int number = 0;

 private:
  Fd socket_;
};

// Takes one connection, reads the request and does with the connection what `answer` says.
class Server {
 public:
  explicit Server(std::function<void(const Fd&)> answer) {
    port_.listen(8);
    thread_ = std::jthread([this, answer = std::move(answer)] {
      const Fd peer = port_.accept();
      char buffer[4096];
      while (request_.find("\r\n\r\n") == std::string::npos) {
        const ssize_t got = ::recv(peer.get(), buffer, sizeof buffer, 0);
        if (got <= 0) return;
        request_.append(buffer, static_cast<std::size_t>(got));
      }
      answer(peer);
    });
  }
  int port() const { return port_.number; }
  const std::string& request() {
    thread_.join();
    return request_;
  }

 private:
  Port port_;
  std::string request_;
  std::jthread thread_;
};

void say(const Fd& peer, const std::string& text) { ::send(peer.get(), text.data(), text.size(), MSG_NOSIGNAL); }

// What the probe makes of this reply.
std::string verdict_on(const std::string& reply) {
  Server server([&](const Fd& peer) { say(peer, reply); });
  const auto probed = probe_http(kLoopback, server.port(), "/", kPlenty);
  if (!probed) CHECK(probed.error().code == Errc::unavailable);
  server.request();
  const std::string prefix = "GET http://127.0.0.1:" + std::to_string(server.port()) + "/: ";
  const std::string message = error_of(probed);
  return message.find(prefix) == 0 ? message.substr(prefix.size()) : message;
}

std::string with_status(int status) { return "HTTP/1.1 " + std::to_string(status) + " Word\r\nContent-Length: 0\r\n\r\n"; }

}  // namespace

TEST_CASE("statuses of 200 to 399 are success, those beside them are not") {
  CHECK(verdict_on(with_status(200)) == "");
  CHECK(verdict_on(with_status(399)) == "");
  CHECK(verdict_on("HTTP/1.0 302 Found\nX: y\n") == "");
  CHECK(verdict_on(with_status(199)) == "status 199");
  CHECK(verdict_on(with_status(400)) == "status 400");
  CHECK(verdict_on(with_status(503)) == "status 503");
}

TEST_CASE("the status line is enough: nothing waits for the body or the end") {
  test::Gate done;
  Server server([&](const Fd& peer) {
    say(peer, "HTTP/1.1 200 OK\r\n");
    done.wait();
  });
  CHECK(error_of(probe_http(kLoopback, server.port(), "/", kPlenty)) == "");
  done.open();
}

TEST_CASE("the request asks for the path") {
  Server server([](const Fd& peer) { say(peer, with_status(200)); });
  CHECK(error_of(probe_http(kLoopback, server.port(), "/ready?now=1", kPlenty)) == "");
  const auto request = server.request();
  CHECK(request.find("GET /ready?now=1 HTTP/1.0\r\n") == 0);
  CHECK(request.find("\r\nHost: 127.0.0.1:" + std::to_string(server.port()) + "\r\n") != std::string::npos);
}

TEST_CASE("an answer that is not HTTP is said, and not read for ever") {
  CHECK(verdict_on("SSH-2.0-OpenSSH_9.2\r\n") == "the answer is not HTTP: SSH-2.0-OpenSSH_9.2\\x0d");
  CHECK(verdict_on("HTTP/1.1 2") == "the answer is not HTTP: HTTP/1.1 2");
  CHECK(verdict_on(std::string(10'000, 'A')).find("the answer is not HTTP: AAAA") == 0);
  CHECK(verdict_on("") == "closed without an answer");
}

TEST_CASE("an endless answer without a line end is given up long before the deadline") {
  Server server([](const Fd& peer) {
    while (::send(peer.get(), "AAAAAAAA", 8, MSG_NOSIGNAL) == 8) {
    }
  });
  const auto probed = probe_http(kLoopback, server.port(), "/", 30s);
  REQUIRE(!probed);
  CHECK(probed.error().message.find("the answer is not HTTP: AAAA") != std::string::npos);
}

TEST_CASE("a connection that is reset is said") {
  Server server([](const Fd& peer) {
    const linger at_once{1, 0};
    ::setsockopt(peer.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  });
  const auto probed = probe_http(kLoopback, server.port(), "/", kPlenty);
  REQUIRE(!probed);
  CHECK(probed.error().message.find(": connection reset by peer") != std::string::npos);
}

TEST_CASE("a port that nobody listens on refuses") {
  const Port port;
  const std::string host = "127.0.0.1:" + std::to_string(port.number);
  CHECK(error_of(probe_http(kLoopback, port.number, "/x", kPlenty)) == "GET http://" + host + "/x: connection refused");
  CHECK(error_of(probe_tcp(kLoopback, port.number, kPlenty)) == "cannot connect to " + host + ": connection refused");
}

TEST_CASE("who accepts and never answers is timed out, and TCP alone does not notice") {
  const Port port;
  port.listen(8);
  CHECK(error_of(probe_tcp(kLoopback, port.number, kPlenty)) == "");
  const auto start = std::chrono::steady_clock::now();
  const auto probed = probe_http(kLoopback, port.number, "/", 50ms);
  CHECK(std::chrono::steady_clock::now() - start >= 50ms);
  REQUIRE(!probed);
  CHECK(probed.error().sys_errno == ETIMEDOUT);
  CHECK(probed.error().message == "GET http://127.0.0.1:" + std::to_string(port.number) + "/: timed out");
}

TEST_CASE("who answers one byte now and then does not stretch the deadline") {
  std::atomic<bool> hung_up = false;
  Server server([&](const Fd& peer) {
    while (::send(peer.get(), "H", 1, MSG_NOSIGNAL) == 1) std::this_thread::sleep_for(5ms);
    hung_up = true;
  });
  const auto probed = probe_http(kLoopback, server.port(), "/", 100ms);
  REQUIRE(!probed);
  CHECK(probed.error().sys_errno == ETIMEDOUT);
  server.request();
  CHECK(hung_up);
}

TEST_CASE("a connection that is not accepted in time is timed out") {
  const Port port;
  port.listen(0);
  // A backlog of 0 takes one connection or two; then the kernel drops the next one's packets.
  std::string last;
  std::vector<Fd> waiting;
  for (int i = 0; i < 8; ++i) {
    waiting.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    sockaddr_in peer{};
    peer.sin_family = AF_INET;
    peer.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    peer.sin_port = htons(static_cast<std::uint16_t>(port.number));
    if (::connect(waiting.back().get(), reinterpret_cast<sockaddr*>(&peer), sizeof peer) != 0) REQUIRE(errno == EINPROGRESS);
  }
  CHECK(error_of(probe_tcp(kLoopback, port.number, 50ms)) == "cannot connect to 127.0.0.1:" + std::to_string(port.number) + ": timed out");
}

TEST_CASE("probes leave no descriptor behind") {
  const auto before = test::open_descriptors();
  const Port* port = new Port;
  CHECK(!probe_http(kLoopback, port->number, "/", 50ms));
  port->listen(1);
  CHECK(!probe_http(kLoopback, port->number, "/", 1ms));
  delete port;
  CHECK(test::open_descriptors() == before);
}
