// SPDX-License-Identifier: Apache-2.0
// The report as one packet: a letter, the exit code, a blank, the text.
#include "gearscale/cli/ready_report.hpp"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <ostream>
#include <string_view>
#include <utility>

#include "gearscale/base/text.hpp"
#include "gearscale/system/errors.hpp"

namespace gearscale::cli {

namespace {

constexpr std::size_t kMaxText = 8'192;

char letter(Report::Kind kind) {
  if (kind == Report::Kind::ok) return 'O';
  return kind == Report::Kind::warning ? 'W' : 'F';
}

}  // namespace

ReadyReport::ReadyReport(std::string tool, std::ostream& err, Fd socket) : tool_(std::move(tool)), err_(err), socket_(std::move(socket)) {}

void ReadyReport::ok() { send({.kind = Report::Kind::ok}); }

void ReadyReport::warn(const std::string& text) {
  err_ << tool_ << ": warning: " << text << std::endl;
  send({.kind = Report::Kind::warning, .text = text});
}

void ReadyReport::failed(int exit_code, const std::string& text) {
  err_ << tool_ << ": " << text << std::endl;
  send({.kind = Report::Kind::failure, .exit_code = exit_code, .text = text});
}

void ReadyReport::send(const Report& report) {
  if (!socket_.is_open()) return;
  const auto packet = letter(report.kind) + std::to_string(report.exit_code) + " " + report.text.substr(0, kMaxText);
  // MSG_NOSIGNAL: a starter that is gone must not end the controller with SIGPIPE; that it is gone is no error either.
  while (::send(socket_.get(), packet.data(), packet.size(), MSG_NOSIGNAL) < 0 && errno == EINTR) {
  }
  socket_.reset();
}

Result<ReportPair> make_report_pair() {
  std::array<int, 2> ends{-1, -1};
  // Packets instead of a stream: a report arrives whole or not at all.
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return system::fail_errno(Errc::failed, "cannot make a pair of sockets", errno);
  }
  return ReportPair{.receiver = Fd(ends[0]), .sender = Fd(ends[1])};
}

std::optional<Report> receive_report(const Fd& receiver) {
  std::string packet(kMaxText + 32, '\0');
  ssize_t got = -1;
  do {
    got = ::recv(receiver.get(), packet.data(), packet.size(), 0);
  } while (got < 0 && errno == EINTR);
  if (got <= 0) return std::nullopt;
  packet.resize(static_cast<std::size_t>(got));
  const auto blank = packet.find(' ');
  if (blank == std::string::npos || blank == 0) return std::nullopt;
  const auto code = parse_integer(std::string_view(packet).substr(1, blank - 1));
  if (!code || *code < 0 || *code > 255) return std::nullopt;
  Report report{.exit_code = static_cast<int>(*code), .text = packet.substr(blank + 1)};
  for (const auto kind : {Report::Kind::ok, Report::Kind::warning, Report::Kind::failure}) {
    if (packet.front() == letter(kind)) report.kind = kind;
  }
  return report;
}

}  // namespace gearscale::cli
