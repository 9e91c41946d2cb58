// SPDX-License-Identifier: Apache-2.0
// A client's connection: begun, written, read, and told apart when it ends.
#include "load_client.hpp"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>

namespace gearscale::load {

namespace {

constexpr std::size_t kMaxAnswer = 16 * 1024 * 1024;

// The reset that refuses a request follows the other side's end; on a machine that is busy it comes a moment later.
constexpr int kResetPatienceMs = 20;

int pending_error(int fd) {
  pollfd reset{fd, 0, 0};
  ::poll(&reset, 1, kResetPatienceMs);
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
  return error;
}

// A kept connection ended without a byte of the answer. A request that came to a closed socket was refused by a reset (EPIPE here when the end had
// come before it, ECONNRESET otherwise); one that was read by the other side before it closed was not.
Progress end_of_kept(int error) { return error == EPIPE || error == ECONNRESET ? Progress::closed_idle : Progress::unanswered; }

Progress receive(Client& client) {
  char buffer[65536];
  const auto count = ::recv(client.connection.get(), buffer, sizeof buffer, 0);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return Progress::under_way;
  const int error = count < 0 ? errno : 0;
  if (count <= 0 && client.reused && client.answer.empty()) {
    return end_of_kept(error != 0 ? error : pending_error(client.connection.get()));
  }
  errno = error;
  if (count < 0) return Progress::broken;
  if (count == 0) return Progress::answered;
  client.answer.append(buffer, static_cast<std::size_t>(count));
  errno = EFBIG;
  if (client.answer.size() > kMaxAnswer) return Progress::broken;
  return read_answer(client.answer).ended ? Progress::answered : Progress::under_way;
}

}  // namespace

bool open_connection(Client& client, const Options& options) {
  client.connection = Fd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  client.connected = false;
  client.reused = false;
  client.sent = 0;
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(options.port);
  to.sin_addr.s_addr = htonl(options.address);
  return client.connection.is_open() &&
         (::connect(client.connection.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0 || errno == EINPROGRESS);
}

bool kept_was_closed(const Client& client) {
  char byte = 0;
  return ::recv(client.connection.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 || errno != EAGAIN;
}

std::string request_text(const Client& client, const Options& options) {
  return "GET " + options.path + " HTTP/1.1\r\nHost: " + options.host + "\r\n" + (options.close ? "Connection: close\r\n" : "") +
         (client.cookie.empty() ? "" : "Cookie: GEAR=" + client.cookie + "\r\n") + "\r\n";
}

Progress serve(Client& client, short events) {
  const int fd = client.connection.get();
  if (!client.connected && (events & (POLLOUT | POLLERR | POLLHUP)) != 0) {
    errno = pending_error(fd);
    if (errno != 0) return Progress::refused;
    client.connected = true;
  }
  if (client.sent < client.request.size() && (events & POLLOUT) != 0) {
    const auto count = ::send(fd, client.request.data() + client.sent, client.request.size() - client.sent, MSG_NOSIGNAL);
    if (count > 0) client.sent += static_cast<std::size_t>(count);
    if (count < 0 && errno != EAGAIN) return client.reused && client.answer.empty() ? end_of_kept(errno) : Progress::broken;
  }
  if ((events & (POLLIN | POLLHUP | POLLERR)) == 0) return Progress::under_way;
  return receive(client);
}

}  // namespace gearscale::load
