// SPDX-License-Identifier: Apache-2.0
// A unix socket that answers as a HAProxy never should, or not at all. For one client at a time.
#pragma once

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "gearscale/base/check.hpp"
#include "gearscale/base/fd.hpp"

namespace gearscale::test {

inline sockaddr_un unix_address(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  GEARSCALE_CHECK(path.size() < sizeof address.sun_path);
  path.copy(address.sun_path, path.size());
  return address;
}

inline Fd unix_listener(const std::string& path, int backlog) {
  Fd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const auto address = unix_address(path);
  GEARSCALE_CHECK(::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  GEARSCALE_CHECK(::listen(listener.get(), backlog) == 0);
  return listener;
}

// What it does with one connection: gets the line of commands that came and the socket, which is closed afterwards.
using Behaviour = std::function<void(const std::string& commands, int socket)>;

// Ends, even within a behaviour that waits, when it is destroyed.
class FakeHaproxy {
 public:
  FakeHaproxy(const std::string& path, Behaviour behaviour)
      : listener_(unix_listener(path, 8)),
        wake_(::eventfd(0, EFD_CLOEXEC)),
        behaviour_(std::move(behaviour)),
        thread_([this] { serve(); }) {}
  FakeHaproxy(const FakeHaproxy&) = delete;
  FakeHaproxy& operator=(const FakeHaproxy&) = delete;
  ~FakeHaproxy() {
    const std::uint64_t one = 1;
    GEARSCALE_CHECK(::write(wake_.get(), &one, sizeof one) == sizeof one);
    thread_.join();
  }

  std::vector<std::string> commands() const {
    const std::lock_guard lock(mutex_);
    return commands_;
  }
  // Waits until the test ends (true), or for this long.
  bool ended(int milliseconds = -1) const {
    pollfd waiting{wake_.get(), POLLIN, 0};
    return ::poll(&waiting, 1, milliseconds) > 0;
  }

 private:
  void serve() {
    for (;;) {
      pollfd waiting[] = {{wake_.get(), POLLIN, 0}, {listener_.get(), POLLIN, 0}};
      if (::poll(waiting, 2, -1) < 0) continue;
      if (waiting[0].revents != 0) return;
      const Fd client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      std::string line;
      char c = 0;
      while (::read(client.get(), &c, 1) == 1 && c != '\n') line += c;
      {
        const std::lock_guard lock(mutex_);
        commands_.push_back(line);
      }
      behaviour_(line, client.get());
    }
  }

  Fd listener_;
  Fd wake_;
  Behaviour behaviour_;
  mutable std::mutex mutex_;
  std::vector<std::string> commands_;
  std::thread thread_;  // last: it uses the others
};

inline void say(int socket, std::string_view text) {
  while (!text.empty()) {
    const auto sent = ::send(socket, text.data(), text.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;  // the client gave up
    text.remove_prefix(static_cast<std::size_t>(sent));
  }
}

}  // namespace gearscale::test
