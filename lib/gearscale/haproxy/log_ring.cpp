// SPDX-License-Identifier: Apache-2.0
// Streams of the ring: opening, renewing, leaving. What was tried on HAProxy 2.6: a stream on which nothing was said for `stats timeout`
// (10 s unless configured) is closed; a reader that stands still makes the ring drop new lines, for all readers.
#include "gearscale/haproxy/log_ring.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "gearscale/base/text.hpp"
#include "gearscale/system/deadline.hpp"
#include "gearscale/system/errors.hpp"

namespace gearscale::haproxy {

namespace {

constexpr core::Millis kDrainOld{5'000};
constexpr core::Millis kSilent{4'000};  // with a check each 3 s a stream is renewed after 7 s at most, before HAProxy closes it after 10
constexpr std::size_t kLongestHead = 64 * 1024;
constexpr std::string_view kReplyEnd = "\n\n";

// An end is nothing.
bool has_something(int fd) {
  char byte = 0;
  return ::recv(fd, &byte, 1, MSG_PEEK) > 0;
}

// The replies to the first two commands, up to the empty line behind the second and not a byte further.
Result<std::string> read_head(int fd, const std::string& path, core::Millis patience) {
  const system::Deadline deadline(patience);
  const auto where = " - Runtime API socket " + path;
  std::string head;
  for (;;) {
    char piece[8192];
    const auto got = ::recv(fd, piece, sizeof piece, MSG_PEEK);
    if (got == 0) return fail(Errc::unavailable, "HAProxy closed the connection before it showed its rings" + where);
    if (got > 0) {
      const auto before = head.size();
      head.append(piece, static_cast<std::size_t>(got));
      const auto first = head.find(kReplyEnd);
      const auto second = first == std::string::npos ? first : head.find(kReplyEnd, first + kReplyEnd.size());
      if (second != std::string::npos) head.resize(second + kReplyEnd.size());
      static_cast<void>(::recv(fd, piece, head.size() - before, 0));  // what was seen is there
      if (second != std::string::npos) return head;
      if (head.size() > kLongestHead) return fail(Errc::unavailable, "HAProxy's list of rings has no end" + where);
    } else if (errno == EAGAIN) {
      pollfd waiting{fd, POLLIN, 0};
      while (!deadline.is_over() && ::poll(&waiting, 1, deadline.poll_timeout()) <= 0) {
      }
      if (deadline.is_over()) {
        return fail(Errc::unavailable, "HAProxy did not show its rings within " + std::to_string(patience.count()) + " ms" + where);
      }
    } else if (errno != EINTR) {
      return system::fail_errno(Errc::unavailable, "the connection was cut" + where, errno);
    }
  }
}

std::int64_t pid_in(std::string_view info) {
  for (const auto line : split(info, '\n')) {
    if (line.starts_with("Pid: ")) return parse_integer(line.substr(5)).value_or(0);
  }
  return 0;
}

}  // namespace

// "    requests   : type=buffer, 12 dropped, requests"
Result<std::uint64_t> LogRing::dropped_in(std::string_view list) const {
  constexpr std::string_view kType = "type=buffer, ";
  if (!list.starts_with("Supported events sinks")) {
    return fail(Errc::unavailable, "HAProxy's reply to 'show events' was '" + printable(trim(list)) + "'");
  }
  for (const auto line : split(list, '\n')) {
    const auto colon = line.find(':');
    if (colon == std::string_view::npos || trim(line.substr(0, colon)) != ring_) continue;
    auto rest = trim(line.substr(colon + 1));
    if (!rest.starts_with(kType)) break;
    rest.remove_prefix(kType.size());
    const auto dropped = parse_integer(rest.substr(0, rest.find(' ')));
    if (!dropped || *dropped < 0) break;
    return static_cast<std::uint64_t>(*dropped);
  }
  return fail(Errc::config, "HAProxy has no ring " + printable(ring_) + ": add 'ring " + printable(ring_) + "' and 'log ring@" +
                                printable(ring_) + " format rfc3164 local0' to haproxy.cfg (docs/response-time.md), or set response_log");
}

Result<LogRing::Opened> LogRing::open(bool with_past) const {
  if (!is_safe_name(ring_, 64)) return fail(Errc::config, "response_log: '" + printable(ring_) + "' is no name of a ring");
  auto fd = send_line(path_, "show info;show events;show events " + ring_ + (with_past ? " -w\n" : " -w -n\n"), deadline_);
  if (!fd) return fail(fd.error());
  const auto head = read_head(fd->get(), path_, deadline_);
  if (!head) return fail(head.error());
  const auto info = std::string_view(*head).substr(0, head->find(kReplyEnd) + kReplyEnd.size());
  const auto dropped = dropped_in(std::string_view(*head).substr(info.size()));
  if (!dropped) return fail(dropped.error());
  return Opened{std::move(*fd), pid_in(info), *dropped};
}

Result<void> LogRing::note_dropped(std::uint64_t dropped) {
  const auto before = std::exchange(dropped_, dropped);
  if (dropped <= before) return {};
  return fail(Errc::unavailable, "HAProxy dropped " + std::to_string(dropped - before) + " lines of ring " + ring_ +
                                     " since the last look (" + std::to_string(dropped) +
                                     " in all): give it a larger size, and look for another reader that stands still");
}

Result<void> LogRing::look_after(std::int64_t pid, core::Time now) {
  auto result = attend(pid, now);
  lost_ = result ? std::nullopt : std::optional(result.error());
  return result;
}

Result<void> LogRing::attend(std::int64_t pid, core::Time now) {
  if (!stream_ || pid != stream_->pid) return attach(pid, now);
  if (now - stream_->heard >= kSilent && !has_something(stream_->fd.get())) return renew(now);
  const auto list = socket_.exchange("show events");
  if (!list) return fail(list.error());
  const auto dropped = dropped_in(*list);
  if (!dropped) return fail(dropped.error());
  return note_dropped(*dropped);
}

// Nothing was said for a while: another stream, before HAProxy closes this one. What is said meanwhile comes on the old one, which then
// stays.
Result<void> LogRing::renew(core::Time now) {
  auto opened = open(false);
  if (!opened) return fail(opened.error());
  if (opened->pid != stream_->pid) return {};  // reloaded just now, as the next call will know
  if (!has_something(stream_->fd.get())) stream_->fd = std::move(opened->fd);
  stream_->heard = now;
  return note_dropped(opened->dropped);
}

Result<void> LogRing::attach(std::int64_t pid, core::Time now) {
  const bool with_past = last_pid_ != 0 && pid != last_pid_;
  auto opened = open(with_past);
  if (!opened) return fail(opened.error());
  if (with_past && opened->pid == last_pid_) {  // it is the same process, whatever the caller saw
    if (stream_) return note_dropped(opened->dropped);
    opened = open(false);
    if (!opened) return fail(opened.error());
  }
  if (stream_) leaving_.push_back({std::move(*stream_), now + kDrainOld});
  last_pid_ = opened->pid;
  dropped_ = opened->dropped;
  stream_.emplace(Stream{std::move(opened->fd), LogLines(backend_), opened->pid, now});
  return {};
}

Result<void> LogRing::read(core::ResponseWindow& window, core::Time now) {
  const auto ended = [](LogLines::Progress progress) {
    return progress.end == LogLines::End::closed || progress.end == LogLines::End::failed;
  };
  std::erase_if(leaving_,
                [&](Leaving& old) { return ended(old.stream.lines.read_from(old.stream.fd.get(), window, now)) || now >= old.until; });
  if (stream_) {
    const auto progress = stream_->lines.read_from(stream_->fd.get(), window, now);
    if (progress.bytes > 0) stream_->heard = now;
    if (ended(progress)) {
      stream_.reset();
      lost_ = Error{
          Errc::unavailable,
          "HAProxy closed the stream of ring " + ring_ + ": it ended, or its 'stats timeout' is shorter than the time without requests", 0};
    }
  }
  if (lost_) return fail(*lost_);
  return {};
}

}  // namespace gearscale::haproxy
