// SPDX-License-Identifier: Apache-2.0
// The socket work: non-blocking throughout, one deadline for all of it.
#include "gearscale/haproxy/runtime_socket.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>

#include "gearscale/base/fd.hpp"
#include "gearscale/system/deadline.hpp"

namespace gearscale::haproxy {

namespace {

using system::Deadline;

constexpr std::size_t kChunk = 128 * 1024;
constexpr std::size_t kLargest = 64 * 1024 * 1024;

Unexpected unavailable(const std::string& path, const std::string& what, int error = 0) {
  const auto why = error == 0 ? std::string() : std::string(": ") + std::strerror(error);
  return fail(Errc::unavailable, what + why + " - Runtime API socket " + path, error);
}

// Begins as the original's line does: "No such file or directory - connect(2) for PATH".
Unexpected connect_error(const std::string& path, int error) {
  std::string advice;
  if (error == ENOENT) advice = ": is HAProxy running, and is this its stats socket?";
  if (error == ECONNREFUSED) advice = ": HAProxy is not running";
  if (error == EACCES || error == EPERM) advice = ": run as the user that owns the socket";
  return fail(Errc::unavailable, std::strerror(error) + (" - connect(2) for " + path) + advice, error);
}

// Waits for the events. False: the time is over.
bool wait_for(int fd, short events, const Deadline& deadline) {
  while (!deadline.is_over()) {
    pollfd waiting{fd, events, 0};
    if (::poll(&waiting, 1, deadline.poll_timeout()) > 0) return true;
  }
  return false;
}

}  // namespace

Result<Fd> send_line(const std::string& path, std::string_view line, core::Millis patience) {
  const Deadline deadline(patience);
  const auto too_late = [&](const std::string& what) {
    return unavailable(path, what + " within " + std::to_string(patience.count()) + " ms");
  };
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    const auto most = std::to_string(sizeof address.sun_path - 1);
    return fail(Errc::config, "stats_socket " + path + " is longer than the " + most + " characters a unix socket may have");
  }
  path.copy(address.sun_path, path.size());
  Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket.is_open()) return unavailable(path, "no socket could be made", errno);
  while (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    // A unix socket's full backlog is EAGAIN, and nothing tells when there is room again.
    if (errno != EAGAIN && errno != EINTR) return connect_error(path, errno);
    if (deadline.is_over()) return too_late("HAProxy took no connection");
    ::poll(nullptr, 0, 1);
  }

  for (std::size_t sent = 0; sent < line.size();) {
    const auto n = ::send(socket.get(), line.data() + sent, line.size() - sent, MSG_NOSIGNAL);
    if (n >= 0) {
      sent += static_cast<std::size_t>(n);
    } else if (errno == EAGAIN) {
      if (!wait_for(socket.get(), POLLOUT, deadline)) return too_late("HAProxy read no command");
    } else if (errno != EINTR) {
      return unavailable(path, "the command could not be sent", errno);
    }
  }
  return socket;
}

Result<std::string_view> RuntimeSocket::exchange(std::string_view commands) & {
  const Deadline deadline(deadline_);
  line_.assign(commands);
  line_ += '\n';
  const auto sent = send_line(path_, line_, deadline_);
  if (!sent) return fail(sent.error());
  const auto& socket = *sent;
  for (std::size_t length = 0;;) {
    if (reply_.size() < length + kChunk / 4) reply_.grow(kChunk);
    const auto n = ::recv(socket.get(), reply_.data() + length, reply_.size() - length, 0);
    if (n == 0) return std::string_view(reply_.data(), length);
    if (n > 0) {
      length += static_cast<std::size_t>(n);
      if (length > kLargest) return unavailable(path_, "the reply is longer than 64 MiB");
    } else if (errno == EAGAIN) {
      if (!wait_for(socket.get(), POLLIN, deadline)) {
        return unavailable(path_, "HAProxy did not answer within " + std::to_string(deadline_.count()) + " ms");
      }
    } else if (errno != EINTR) {
      return unavailable(path_, "the reply was cut off", errno);
    }
  }
}

}  // namespace gearscale::haproxy
