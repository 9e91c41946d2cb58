// SPDX-License-Identifier: Apache-2.0
// Tiny HTTP servers on 127.0.0.FIRST to 127.0.0.LAST, all at one port as gears are, and a client for HAProxy's front.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "gearscale/base/fd.hpp"
#include "gearscale/base/text.hpp"

namespace gearscale::test {

// Waits until it is so. False: it did not become so within ten seconds.
inline bool await(const std::function<bool()>& condition) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

inline constexpr std::uint32_t kLoopback = 0x7f000000;  // 127.0.0.0

// Each answers every path with its own address and keeps connections open; `/hold` is answered when release() is called.
class Responders {
 public:
  Responders(int first, int last) : wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    for (int attempt = 0; attempt < 20 && !listen_on(first, last); ++attempt) {
    }
    if (listeners_.empty()) throw std::runtime_error("no port is free on all of 127.0.0." + std::to_string(first) + " and on");
    thread_ = std::thread([this] { serve(); });
  }
  Responders(const Responders&) = delete;
  Responders& operator=(const Responders&) = delete;
  ~Responders() {
    ending_ = true;
    wake();
    thread_.join();
  }
  int port() const { return port_; }
  int held() const { return held_; }
  void release() {
    releasing_ = true;
    wake();
  }

 private:
  struct Connection {
    Fd fd;
    std::string address;
    std::string in;
    bool holds = false;
  };

  void wake() const {
    const std::uint64_t one = 1;
    static_cast<void>(::write(wake_.get(), &one, sizeof one));
  }

  bool listen_on(int first, int last) {
    listeners_.clear();
    port_ = 0;
    for (int host = first; host <= last; ++host) {
      sockaddr_in address{};
      address.sin_family = AF_INET;
      address.sin_addr.s_addr = htonl(kLoopback + static_cast<std::uint32_t>(host));
      address.sin_port = htons(static_cast<std::uint16_t>(port_));
      Fd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
      socklen_t size = sizeof address;
      if (::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listener.get(), 64) != 0 ||
          ::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
        listeners_.clear();
        return false;
      }
      port_ = ntohs(address.sin_port);
      listeners_.emplace_back(std::move(listener), format_ipv4(kLoopback + static_cast<std::uint32_t>(host)));
    }
    return true;
  }

  void answer(Connection& connection) {
    connection.holds = false;
    const auto text = "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(connection.address.size()) + "\r\n\r\n" + connection.address;
    static_cast<void>(::send(connection.fd.get(), text.data(), text.size(), MSG_NOSIGNAL));
  }

  // False: the other side is gone.
  bool read_some(Connection& connection) {
    char buffer[4096];
    const auto got = ::recv(connection.fd.get(), buffer, sizeof buffer, 0);
    if (got <= 0) return false;
    connection.in.append(buffer, static_cast<std::size_t>(got));
    for (std::size_t end = 0; (end = connection.in.find("\r\n\r\n")) != std::string::npos; connection.in.erase(0, end + 4)) {
      connection.holds = connection.in.starts_with("GET /hold ");
      if (!connection.holds) answer(connection);
    }
    return true;
  }

  void serve() {
    std::vector<Connection> connections;
    while (!ending_) {
      std::vector<pollfd> watched{{wake_.get(), POLLIN, 0}};
      for (const auto& [listener, address] : listeners_) watched.push_back({listener.get(), POLLIN, 0});
      for (const auto& connection : connections) watched.push_back({connection.fd.get(), POLLIN, 0});
      ::poll(watched.data(), watched.size(), -1);
      std::uint64_t ignored = 0;
      static_cast<void>(::read(wake_.get(), &ignored, sizeof ignored));
      const auto known = connections.size();
      for (std::size_t i = 0; i < listeners_.size(); ++i) {
        if (watched[1 + i].revents == 0) continue;
        Fd accepted(::accept4(listeners_[i].first.get(), nullptr, nullptr, SOCK_CLOEXEC));
        if (accepted.is_open()) connections.push_back({std::move(accepted), listeners_[i].second, {}, false});
      }
      for (std::size_t i = 0; i < known; ++i) {
        if (watched[1 + listeners_.size() + i].revents != 0 && !read_some(connections[i])) connections[i].fd.reset();
      }
      std::erase_if(connections, [](const Connection& connection) { return !connection.fd.is_open(); });
      if (releasing_.exchange(false)) {
        for (auto& connection : connections) {
          if (connection.holds) answer(connection);
        }
      }
      int holding = 0;
      for (const auto& connection : connections) holding += connection.holds ? 1 : 0;
      held_ = holding;
    }
  }

  Fd wake_;
  std::vector<std::pair<Fd, std::string>> listeners_;
  int port_ = 0;
  std::atomic<bool> ending_ = false;
  std::atomic<bool> releasing_ = false;
  std::atomic<int> held_ = 0;
  std::thread thread_;
};

struct Answer {
  int status = 0;        // 0: the connection was closed without an answer
  std::string server;    // the body: the address of the gear that answered
  std::string cookie;    // the value of GEAR that was handed out, if any
};

// One request to the unix socket of HAProxy's front, sent at once; answer() waits for it.
class Request {
 public:
  Request(const std::string& front, const std::string& path, const std::string& cookie)
      : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    front.copy(address.sun_path, sizeof address.sun_path - 1);
    const timeval patience{10, 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      throw std::runtime_error("no connection to " + front);
    }
    auto text = "GET " + path + " HTTP/1.1\r\nHost: test\r\nConnection: close\r\n";
    if (!cookie.empty()) text += "Cookie: GEAR=" + cookie + "\r\n";
    text += "\r\n";
    static_cast<void>(::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL));
  }

  Answer answer() {
    std::string reply;
    char buffer[4096];
    for (ssize_t got = 0; (got = ::recv(fd_.get(), buffer, sizeof buffer, 0)) > 0;) reply.append(buffer, static_cast<std::size_t>(got));
    Answer answer;
    if (reply.size() < 12) return answer;
    answer.status = static_cast<int>(parse_integer(std::string_view(reply).substr(9, 3)).value_or(0));
    const auto body = reply.find("\r\n\r\n");
    answer.server = body == std::string::npos ? "" : reply.substr(body + 4);
    if (const auto cookie = reply.find("GEAR="); cookie != std::string::npos && cookie < body) {
      answer.cookie = reply.substr(cookie + 5, reply.find_first_of(";\r", cookie) - cookie - 5);
    }
    return answer;
  }

 private:
  Fd fd_;
};

}  // namespace gearscale::test
