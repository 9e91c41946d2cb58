// SPDX-License-Identifier: Apache-2.0
#include "gearscale/gears/monitor_socket.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>

#include "gearscale/base/fd.hpp"
#include "support/catch.hpp"

namespace gearscale::gears {

namespace {

// A name that no other process uses.
std::string own_path() { return "/nowhere/gearscale-" + std::to_string(::getpid()); }

Fd listen_at(const std::string& name, int backlog) {
  Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::copy(name.begin(), name.end(), address.sun_path + 1);
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0 || ::listen(socket.get(), backlog) != 0) socket.reset();
  return socket;
}

}  // namespace

TEST_CASE("the socket of a monitor has liblxc's name, a hash where the path is too long") {
  CHECK(monitor_socket_name("/var/lib/lxc", "shop-1f3a9c02") == "/var/lib/lxc/shop-1f3a9c02/command");
  const std::string longest = "/" + std::string(94, 'x');
  CHECK(monitor_socket_name(longest, "t") == longest + "/t/command");
  CHECK(monitor_socket_name(longest + "x", "t").starts_with("lxc/"));
  // As lxc-start of liblxc 5.0.2 had it in /proc/net/unix.
  CHECK(monitor_socket_name(
            "/var/lib/gst-x1/a-long-path-of-which-liblxc-makes-a-hash-because-it-does-not-fit-into-the-name-of-a-socket-of-unix", "t") ==
        "lxc/b02953886dfc2ddb/command");
}

TEST_CASE("who listens for a container is told: nobody, root or ourselves, somebody else") {
  const auto path = own_path();
  const auto none = has_monitor(path, "shop");
  REQUIRE(none);
  CHECK_FALSE(*none);
  SECTION("ourselves") {
    const auto socket = listen_at(monitor_socket_name(path, "shop"), 5);
    REQUIRE(socket.is_open());
    const auto ours = has_monitor(path, "shop");
    REQUIRE(ours);
    CHECK(*ours);
  }
  SECTION("a queue that is full") {
    const auto socket = listen_at(monitor_socket_name(path, "shop"), 0);
    REQUIRE(socket.is_open());
    Fd waiting(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    CHECK(has_monitor(path, "shop"));
    const auto full = has_monitor(path, "shop");  // the first one is still in the queue
    if (!full) CHECK(full.error().message.find("cannot tell who listens at the socket of container shop") == 0);
  }
  SECTION("somebody else") {
    if (::geteuid() != 0) {
      WARN("not root: nobody else can be played");
      return;
    }
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    const auto parent = ::getpid();
    const auto name = monitor_socket_name(path, "shop");
    const auto child = ::fork();
    if (child == 0) {
      Fd socket;
      if (::setuid(65'534) == 0 && ::getppid() == parent) socket = listen_at(name, 5);
      if (socket.is_open() && ::write(ends[1], "x", 1) == 1) ::poll(nullptr, 0, 60'000);
      ::_exit(0);
    }
    char byte = 0;
    REQUIRE(::read(ends[0], &byte, 1) == 1);
    const auto theirs = has_monitor(path, "shop");
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    ::close(ends[0]);
    ::close(ends[1]);
    REQUIRE_FALSE(theirs);
    CHECK(theirs.error().code == Errc::config);
    CHECK(theirs.error().message.find("process " + std::to_string(child) + " of user 65534 pretends to be container shop") == 0);
  }
}

}  // namespace gearscale::gears
