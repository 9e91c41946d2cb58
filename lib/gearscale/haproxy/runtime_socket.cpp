// SPDX-License-Identifier: Apache-2.0
// The socket work: non-blocking throughout, one deadline for all of it.
#include "gearscale/haproxy/runtime_socket.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "gearscale/base/fd.hpp"

namespace gearscale::haproxy {

namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr std::size_t kChunk = 256 * 1024;
constexpr std::size_t kLargest = 64 * 1024 * 1024;

Unexpected unavailable(const std::string& path, const std::string& what, int error = 0) {
  return fail(Errc::unavailable, what + (error != 0 ? std::string(": ") + std::strerror(error) : "") + " - Runtime API socket " + path, error);
}

Unexpected connect_error(const std::string& path, int error) {
  switch (error) {
    case ENOENT:
      return fail(Errc::unavailable, "No such file or directory - connect(2) for " + path + ": is HAProxy running, and is this its stats socket?", error);
    case ECONNREFUSED:
      return fail(Errc::unavailable, "Connection refused - connect(2) for " + path + ": HAProxy is not running", error);
    case EACCES:
    case EPERM: return fail(Errc::unavailable, "Permission denied - connect(2) for " + path + ": run as the user that owns the socket", error);
    default: return fail(Errc::unavailable, std::string(std::strerror(error)) + " - connect(2) for " + path, error);
  }
}

// Waits for the events until `end`. False: the time is over.
bool wait_for(int fd, short events, SteadyClock::time_point end) {
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - SteadyClock::now()).count();
    if (left < 0) return false;
    pollfd waiting{fd, events, 0};
    const int ready = ::poll(&waiting, 1, static_cast<int>(left) + 1);
    if (ready > 0) return true;
    if (ready == 0) return false;
    if (errno != EINTR) return false;
  }
}

}  // namespace

Result<std::string_view> RuntimeSocket::exchange(std::string_view commands) {
  const auto end = SteadyClock::now() + deadline_;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path_.size() >= sizeof address.sun_path) {
    return fail(Errc::config, "stats_socket " + path_ + " is longer than the " + std::to_string(sizeof address.sun_path - 1) + " characters a unix socket may have");
  }
  std::memcpy(address.sun_path, path_.c_str(), path_.size() + 1);
  const Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket.is_open()) return unavailable(path_, "no socket could be made", errno);
  while (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    // A unix socket's full backlog is EAGAIN, and nothing tells when there is room again.
    if (errno != EAGAIN && errno != EINTR) return connect_error(path_, errno);
    if (SteadyClock::now() >= end) return unavailable(path_, "HAProxy took no connection within " + std::to_string(deadline_.count()) + " ms");
    ::poll(nullptr, 0, 1);
  }

  std::string line(commands);
  line += '\n';
  for (std::size_t sent = 0; sent < line.size();) {
    const auto n = ::send(socket.get(), line.data() + sent, line.size() - sent, MSG_NOSIGNAL);
    if (n >= 0) {
      sent += static_cast<std::size_t>(n);
    } else if (errno == EAGAIN) {
      if (!wait_for(socket.get(), POLLOUT, end)) return unavailable(path_, "HAProxy read no command within " + std::to_string(deadline_.count()) + " ms");
    } else if (errno != EINTR) {
      return unavailable(path_, "the command could not be sent", errno);
    }
  }

  std::size_t length = 0;
  for (;;) {
    if (reply_.size() < length + kChunk / 4) reply_.resize(length + kChunk);
    const auto n = ::recv(socket.get(), reply_.data() + length, reply_.size() - length, 0);
    if (n == 0) return std::string_view(reply_).substr(0, length);
    if (n > 0) {
      length += static_cast<std::size_t>(n);
      if (length > kLargest) return unavailable(path_, "the reply is longer than 64 MiB");
    } else if (errno == EAGAIN) {
      if (!wait_for(socket.get(), POLLIN, end)) return unavailable(path_, "HAProxy did not answer within " + std::to_string(deadline_.count()) + " ms");
    } else if (errno != EINTR) {
      return unavailable(path_, "the reply was cut off", errno);
    }
  }
}

}  // namespace gearscale::haproxy
