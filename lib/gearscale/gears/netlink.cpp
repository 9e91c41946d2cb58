// SPDX-License-Identifier: Apache-2.0
// Lengths are checked before anything behind them is read, though it is the kernel that wrote them.
#include "gearscale/gears/netlink.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>

namespace gearscale::gears {

namespace {

constexpr std::size_t kBuffer = 64 * 1024;  // what the kernel fills at once in a dump is at most half of that
constexpr timeval kPatience{5, 0};          // the kernel answers within the call, or waits for its lock of network devices

// Takes the next message off the bytes; nothing when they end, or make no sense.
std::optional<std::pair<nlmsghdr, std::string_view>> next_message(std::string_view& bytes) {
  nlmsghdr header{};
  if (bytes.size() < sizeof header) return std::nullopt;
  std::memcpy(&header, bytes.data(), sizeof header);
  if (header.nlmsg_len < sizeof header || header.nlmsg_len > bytes.size()) return std::nullopt;
  const auto payload = bytes.substr(sizeof header, header.nlmsg_len - sizeof header);
  bytes.remove_prefix(std::min(static_cast<std::size_t>(NLMSG_ALIGN(header.nlmsg_len)), bytes.size()));
  return std::pair(header, payload);
}

int errno_in(std::string_view payload) {
  int number = 0;
  if (payload.size() < sizeof number) return EPROTO;
  std::memcpy(&number, payload.data(), sizeof number);
  return -number;
}

}  // namespace

void NetlinkMessage::append(const void* data, std::size_t size) {
  bytes_.append(static_cast<const char*>(data), size);
  bytes_.resize(NLMSG_ALIGN(bytes_.size()));
}

NetlinkMessage& NetlinkMessage::bytes(std::uint16_t type, const void* data, std::size_t size) {
  const rtattr header{.rta_len = static_cast<std::uint16_t>(RTA_LENGTH(size)), .rta_type = type};
  append(&header, sizeof header);
  append(data, size);
  return *this;
}

NetlinkMessage& NetlinkMessage::begin(std::uint16_t type) {
  open_.push_back(bytes_.size());
  const rtattr header{.rta_len = 0, .rta_type = static_cast<std::uint16_t>(type | NLA_F_NESTED)};
  append(&header, sizeof header);
  return *this;
}

NetlinkMessage& NetlinkMessage::end() {
  const auto length = static_cast<std::uint16_t>(bytes_.size() - open_.back());
  std::memcpy(bytes_.data() + open_.back() + offsetof(rtattr, rta_len), &length, sizeof length);
  open_.pop_back();
  return *this;
}

std::string_view NetlinkMessage::finished(std::uint32_t sequence) {
  const auto length = static_cast<std::uint32_t>(bytes_.size());
  std::memcpy(bytes_.data() + offsetof(nlmsghdr, nlmsg_len), &length, sizeof length);
  std::memcpy(bytes_.data() + offsetof(nlmsghdr, nlmsg_seq), &sequence, sizeof sequence);
  return bytes_;
}

std::string_view NetlinkAttributes::find(std::uint16_t type) const {
  for (auto rest = bytes_; rest.size() >= sizeof(rtattr);) {
    rtattr header{};
    std::memcpy(&header, rest.data(), sizeof header);
    if (header.rta_len < sizeof header || header.rta_len > rest.size()) break;
    if ((header.rta_type & NLA_TYPE_MASK) == type) return rest.substr(sizeof header, header.rta_len - sizeof header);
    rest.remove_prefix(std::min(static_cast<std::size_t>(RTA_ALIGN(header.rta_len)), rest.size()));
  }
  return {};
}

std::string NetlinkAttributes::text(std::uint16_t type) const {
  const auto value = find(type);
  return std::string(value.substr(0, value.find('\0')));
}

Netlink::Netlink() : socket_(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE)) {
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience);
}

int Netlink::ask(std::vector<NetlinkMessage>& messages) {
  std::string request;
  const auto first = sequence_ + 1;
  for (auto& message : messages) request += message.finished(++sequence_);
  if (::send(socket_.get(), request.data(), request.size(), 0) < 0) return errno;
  int failed = 0;
  alignas(nlmsghdr) char buffer[8192];
  for (auto left = messages.size(); left > 0;) {
    const auto count = ::recv(socket_.get(), buffer, sizeof buffer, 0);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return count == 0 ? EPROTO : errno;
    std::string_view bytes(buffer, static_cast<std::size_t>(count));
    for (auto message = next_message(bytes); message && left > 0; message = next_message(bytes)) {
      if (message->first.nlmsg_type != NLMSG_ERROR || message->first.nlmsg_seq < first) continue;
      --left;
      if (failed == 0) failed = errno_in(message->second);
    }
  }
  return failed;
}

int Netlink::ask(NetlinkMessage message) {
  std::vector<NetlinkMessage> messages;
  messages.push_back(std::move(message));
  return ask(messages);
}

int Netlink::dump(NetlinkMessage message, const Visitor& visit) {
  const auto request = message.finished(++sequence_);
  if (::send(socket_.get(), request.data(), request.size(), 0) < 0) return errno;
  std::string buffer(kBuffer, '\0');
  bool changed = false;
  for (;;) {
    const auto count = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return count == 0 ? EPROTO : errno;
    std::string_view bytes(buffer.data(), static_cast<std::size_t>(count));
    for (auto part = next_message(bytes); part; part = next_message(bytes)) {
      if (part->first.nlmsg_seq != sequence_) continue;
      changed = changed || (part->first.nlmsg_flags & NLM_F_DUMP_INTR) != 0;
      if (part->first.nlmsg_type == NLMSG_DONE) return changed ? EAGAIN : 0;
      if (part->first.nlmsg_type == NLMSG_ERROR) return errno_in(part->second);
      visit(part->second);
    }
  }
}

}  // namespace gearscale::gears
