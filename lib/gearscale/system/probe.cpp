// SPDX-License-Identifier: Apache-2.0
// A non-blocking socket and poll(2) under one deadline.
#include "gearscale/system/probe.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <string>

#include "gearscale/base/check.hpp"
#include "gearscale/base/fd.hpp"
#include "gearscale/base/text.hpp"
#include "gearscale/codec/http_probe.hpp"
#include "gearscale/system/deadline.hpp"
#include "gearscale/system/errors.hpp"

namespace gearscale::system {

namespace {

constexpr std::size_t kMaxStatusLine = 4096;

// 0 when it is ready, else the errno: ETIMEDOUT at the deadline.
int wait_for(const Fd& socket, short events, const Deadline& deadline) {
  for (;;) {
    pollfd watched{socket.get(), events, 0};
    const int count = ::poll(&watched, 1, deadline.poll_timeout());
    if (count > 0) return 0;
    if (count < 0 && errno != EINTR) return errno;
    if (deadline.is_over()) return ETIMEDOUT;
  }
}

// 0, or the errno.
int connect_to(Fd& fd, std::uint32_t address, int port, const Deadline& deadline) {
  GEARSCALE_CHECK(port > 0 && port < 65536);
  fd = Fd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.is_open()) return errno;
  sockaddr_in peer{};
  peer.sin_family = AF_INET;
  peer.sin_port = htons(static_cast<std::uint16_t>(port));
  peer.sin_addr.s_addr = htonl(address);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&peer), sizeof peer) == 0) return 0;
  if (errno != EINPROGRESS && errno != EINTR) return errno;  // interrupted: it goes on by itself, as connect(2) says
  if (const int why = wait_for(fd, POLLOUT, deadline); why != 0) return why;
  int failure = 0;
  socklen_t length = sizeof failure;
  if (::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &failure, &length) != 0) return errno;
  return failure;
}

// 0, or the errno. MSG_NOSIGNAL: a gear that hangs up must not end us by SIGPIPE.
int send_all(const Fd& fd, std::string_view text, const Deadline& deadline) {
  while (!text.empty()) {
    const ssize_t sent = ::send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      text.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN) {
      if (const int why = wait_for(fd, POLLOUT, deadline); why != 0) return why;
    } else if (errno != EINTR) {
      return errno;
    }
  }
  return 0;
}

// Reads until the status line is whole, the end, or the bound. 0, or the errno.
int receive_status_line(const Fd& fd, std::string& reply, const Deadline& deadline) {
  while (reply.size() < kMaxStatusLine && reply.find('\n') == std::string::npos) {
    if (const int why = wait_for(fd, POLLIN, deadline); why != 0) return why;
    char buffer[512];
    const ssize_t got = ::recv(fd.get(), buffer, sizeof buffer, 0);
    if (got == 0) return 0;
    if (got > 0) reply.append(buffer, static_cast<std::size_t>(got));
    if (got < 0 && errno != EAGAIN && errno != EINTR) return errno;
  }
  return 0;
}

Unexpected failed(const std::string& what, int why) {
  if (why == ETIMEDOUT) return fail(Errc::unavailable, what + ": timed out", why);
  return fail_errno(Errc::unavailable, what, why);
}

}  // namespace

Result<void> probe_tcp(std::uint32_t address, int port, core::Millis patience) {
  Fd socket;
  const int why = connect_to(socket, address, port, Deadline(patience));
  if (why != 0) return failed("cannot connect to " + format_ipv4(address) + ":" + std::to_string(port), why);
  return {};
}

Result<void> probe_http(std::uint32_t address, int port, std::string_view path, core::Millis patience) {
  const Deadline deadline(patience);
  const std::string host = format_ipv4(address) + ":" + std::to_string(port);
  const std::string what = "GET http://" + host + printable(path);
  Fd socket;
  if (const int why = connect_to(socket, address, port, deadline); why != 0) return failed(what, why);
  if (const int why = send_all(socket, codec::probe_request(path, host), deadline); why != 0) return failed(what, why);
  std::string reply;
  if (const int why = receive_status_line(socket, reply, deadline); why != 0) return failed(what, why);
  if (reply.empty()) return fail(Errc::unavailable, what + ": closed without an answer");
  const auto status = codec::probe_status(reply);
  if (!status) return fail(Errc::unavailable, what + ": the answer is not HTTP: " + printable(reply.substr(0, reply.find('\n'))));
  if (*status < 200 || *status > 399) return fail(Errc::unavailable, what + ": status " + std::to_string(*status));
  return {};
}

}  // namespace gearscale::system
