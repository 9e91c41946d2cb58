// SPDX-License-Identifier: Apache-2.0
// Tests of one exchange: what arrives, what each failure is called, and that nothing outlasts the deadline.
#include "gearscale/haproxy/runtime_socket.hpp"

#include <chrono>
#include <memory>

#include "fake_haproxy.hpp"
#include "support/catch.hpp"
#include "unit/system/helpers.hpp"

using namespace gearscale;
using haproxy::RuntimeSocket;
using test::error_of;
using test::FakeHaproxy;
using test::say;
using test::TempDir;

namespace {

constexpr core::Millis kDeadline{100};
constexpr core::Millis kPatient{20'000};
constexpr core::Millis kMuchTooLate{10'000};  // a busy machine must not fail a test

Result<std::string> ask(const std::string& path) {
  RuntimeSocket socket(path, kPatient);
  const auto reply = socket.exchange("show info");
  if (!reply) return fail(reply.error());
  return std::string(*reply);
}

// The error of an exchange that has to wait for its whole deadline.
Error outwaited(const std::string& path) {
  RuntimeSocket socket(path, kDeadline);
  const auto start = std::chrono::steady_clock::now();
  const auto reply = socket.exchange("show info");
  const auto took = std::chrono::steady_clock::now() - start;
  CHECK(took >= kDeadline);
  CHECK(took < kMuchTooLate);
  REQUIRE(!reply);
  CHECK(reply.error().code == Errc::unavailable);
  CHECK(reply.error().message.find(path) != std::string::npos);
  return reply.error();
}

}  // namespace

TEST_CASE("an exchange sends one line and returns all that comes, however it is cut") {
  const TempDir dir;
  std::string expected;
  const FakeHaproxy haproxy(dir / "stats", [&](const std::string& commands, int socket) {
    expected.clear();
    for (int i = 0; i < 200; ++i) {
      const std::string piece(commands == "long" ? 10'000 : 10, static_cast<char>('a' + i % 26));
      expected += piece;
      say(socket, piece);
    }
  });
  RuntimeSocket socket(dir / "stats", kPatient);
  for (const auto* command : {"short", "long", "short"}) {  // the buffer of the long one is used again
    const auto reply = socket.exchange(command);
    INFO(error_of(reply));
    REQUIRE(reply);
    CHECK(*reply == expected);
  }
  CHECK(haproxy.commands() == std::vector<std::string>{"short", "long", "short"});
}

TEST_CASE("a peer that closes without a word gives an empty reply, for the caller to judge") {
  const TempDir dir;
  const FakeHaproxy haproxy(dir / "stats", [](const std::string&, int) {});
  const auto reply = ask(dir / "stats");
  INFO(error_of(reply));
  REQUIRE(reply);
  CHECK(reply->empty());
}

TEST_CASE("no socket, a stale one, another kind of file and a closed directory are told apart") {
  const TempDir dir;
  test::unix_listener(dir / "stale", 1);  // closed at once; the file stays
  test::spit(dir / "file", "no socket");
  struct Case {
    std::string path;
    int error;
    std::string says;
  };
  const Case cases[] = {
      {dir / "missing", ENOENT, "No such file or directory - connect(2) for " + (dir / "missing") + ": is HAProxy running"},
      {dir / "no" + "/directory", ENOENT, "No such file or directory"},
      {dir / "stale", ECONNREFUSED, "Connection refused - connect(2) for " + (dir / "stale") + ": HAProxy is not running"},
      {dir / "file", ECONNREFUSED, "Connection refused"},
      {dir / "file" + "/below", ENOTDIR, "Not a directory"},
  };
  for (const auto& [path, error, says] : cases) {
    INFO(path);
    const auto reply = ask(path);
    REQUIRE(!reply);
    CHECK(reply.error().code == Errc::unavailable);
    CHECK(reply.error().sys_errno == error);
    CHECK(reply.error().message.find(says) == 0);
  }
}

TEST_CASE("a path that is too long for a unix socket is a configuration error, one that just fits is not") {
  const TempDir dir;
  const std::string longest = dir / std::string(107 - dir.path().size() - 1, 'x');
  REQUIRE(longest.size() == 107);
  const FakeHaproxy haproxy(longest, [](const std::string&, int socket) { say(socket, "hello"); });
  CHECK(ask(longest).value_or("") == "hello");
  const auto refused = ask(longest + "x");
  REQUIRE(!refused);
  CHECK(refused.error().code == Errc::config);
  CHECK(refused.error().message.find("longer than the 107 characters") != std::string::npos);
}

TEST_CASE("a user that the socket's mode keeps out is told to be another one") {
  if (::geteuid() != 0) {
    WARN("skipped: only root can become another user");
    return;
  }
  const TempDir dir;
  REQUIRE(::chmod(dir.path().c_str(), 0755) == 0);
  const FakeHaproxy haproxy(dir / "stats", [](const std::string&, int socket) { say(socket, "hello"); });
  REQUIRE(::chmod((dir / "stats").c_str(), 0600) == 0);
  test::Child nobody([&] {
    if (::setgid(65534) != 0 || ::setuid(65534) != 0) return 1;
    const auto refused = ask(dir / "stats");
    if (refused || refused.error().code != Errc::unavailable || refused.error().sys_errno != EACCES) return 2;
    return refused.error().message.find("Permission denied - connect(2) for " + (dir / "stats")) == 0 ? 0 : 3;
  });
  CHECK(nobody.exit_code() == 0);
  CHECK(ask(dir / "stats").value_or("") == "hello");
}

TEST_CASE("a listener that never accepts is given up at the deadline") {
  const TempDir dir;
  const auto listener = test::unix_listener(dir / "stats", 8);
  CHECK(outwaited(dir / "stats").message.find("HAProxy did not answer within 100 ms") == 0);
}

TEST_CASE("a listener whose queue is full is given up at the deadline") {
  const TempDir dir;
  const auto listener = test::unix_listener(dir / "stats", 0);
  const auto address = test::unix_address(dir / "stats");
  std::vector<Fd> queued;
  for (bool full = false; !full;) {
    queued.emplace_back(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    full = ::connect(queued.back().get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0;
    REQUIRE(queued.size() < 100);
  }
  REQUIRE(errno == EAGAIN);
  CHECK(outwaited(dir / "stats").message.find("HAProxy took no connection within 100 ms") == 0);
}

TEST_CASE("a queue that gets room again within the deadline is waited for") {
  const TempDir dir;
  const auto listener = test::unix_listener(dir / "stats", 0);
  const auto address = test::unix_address(dir / "stats");
  const Fd first(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  REQUIRE(::connect(first.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  std::thread later([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));  // the other side must have met the full queue
    const Fd dropped(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    const Fd served(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    char command[64];
    if (::recv(served.get(), command, sizeof command, 0) > 0) say(served.get(), "hello");
  });
  const auto reply = ask(dir / "stats");
  later.join();
  INFO(error_of(reply));
  CHECK(reply.value_or("") == "hello");
}

TEST_CASE("a peer that stops in the middle of a reply, or trickles it for ever, is given up at the deadline") {
  const TempDir dir;
  const bool trickles = GENERATE(false, true);
  const FakeHaproxy* self = nullptr;
  const auto haproxy = std::make_unique<FakeHaproxy>(dir / "stats", [&](const std::string&, int socket) {
    say(socket, "# pxname,svname\n");
    if (!trickles) self->ended();
    while (!self->ended(1)) say(socket, "x");
  });
  self = haproxy.get();
  CHECK(outwaited(dir / "stats").message.find("HAProxy did not answer within 100 ms") == 0);
}

TEST_CASE("a peer that never reads is given up at the deadline") {
  const TempDir dir;
  const auto listener = test::unix_listener(dir / "stats", 8);
  RuntimeSocket socket(dir / "stats", kDeadline);
  const auto reply = socket.exchange(std::string(8 * 1024 * 1024, 'x'));  // more than a socket holds
  REQUIRE(!reply);
  CHECK(reply.error().code == Errc::unavailable);
  CHECK(reply.error().message.find("HAProxy read no command within 100 ms") == 0);
}

TEST_CASE("a peer that dies with our commands unread is an error, not a short reply") {
  const TempDir dir;
  const auto listener = test::unix_listener(dir / "stats", 8);
  // A connection that is closed with unread data is reset, also for what was sent before.
  std::thread peer([&] {
    const Fd client(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    pollfd arrived{client.get(), POLLIN, 0};
    ::poll(&arrived, 1, -1);
  });
  const auto reply = ask(dir / "stats");
  peer.join();
  REQUIRE(!reply);
  CHECK(reply.error().code == Errc::unavailable);
  CHECK(reply.error().sys_errno == ECONNRESET);
}

TEST_CASE("a reply without end is cut at 64 MiB") {
  const TempDir dir;
  const FakeHaproxy haproxy(dir / "stats", [](const std::string&, int socket) {
    const std::string piece(1024 * 1024, 'x');
    for (int i = 0; i < 66; ++i) say(socket, piece);
  });
  const auto reply = ask(dir / "stats");
  REQUIRE(!reply);
  CHECK(reply.error().code == Errc::unavailable);
  CHECK(reply.error().message.find("longer than 64 MiB") != std::string::npos);
}
