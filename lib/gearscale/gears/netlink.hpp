// SPDX-License-Identifier: Apache-2.0
// rtnetlink(7), as far as gears need it: messages with attributes, acknowledgements, dumps. What is asked for is the caller's business.
#pragma once

#include <linux/rtnetlink.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "gearscale/base/fd.hpp"

namespace gearscale::gears {

// One request: its kind, what it is about (ifinfomsg, ndmsg), attributes in order.
class NetlinkMessage {
 public:
  template <class Body>
  NetlinkMessage(std::uint16_t type, std::uint16_t flags, const Body& body) {
    const nlmsghdr header{.nlmsg_len = 0, .nlmsg_type = type, .nlmsg_flags = flags, .nlmsg_seq = 0, .nlmsg_pid = 0};
    append(&header, sizeof header);
    append(&body, sizeof body);
  }

  NetlinkMessage& bytes(std::uint16_t type, const void* data, std::size_t size);
  template <class Number>
  NetlinkMessage& number(std::uint16_t type, Number value) {
    return bytes(type, &value, sizeof value);
  }
  NetlinkMessage& text(std::uint16_t type, const std::string& value) { return bytes(type, value.c_str(), value.size() + 1); }
  // What is added until the end() of it lies in this attribute.
  NetlinkMessage& begin(std::uint16_t type);
  NetlinkMessage& end();
  // With its length and this number in its header.
  std::string_view finished(std::uint32_t sequence);

 private:
  void append(const void* data, std::size_t size);  // and zeros up to the next multiple of four
  std::string bytes_;
  std::vector<std::size_t> open_;  // where the attributes begin that have not ended
};

// The attributes of an answer, by their type; those of another size than asked for are not there.
class NetlinkAttributes {
 public:
  explicit NetlinkAttributes(std::string_view bytes) : bytes_(bytes) {}
  // Empty when there is none.
  std::string_view find(std::uint16_t type) const;
  bool has(std::uint16_t type) const { return find(type).data() != nullptr; }
  template <class Number>
  Number number(std::uint16_t type, Number otherwise) const {
    const auto value = find(type);
    if (value.size() == sizeof otherwise) std::memcpy(&otherwise, value.data(), sizeof otherwise);
    return otherwise;
  }
  std::string text(std::uint16_t type) const;

 private:
  std::string_view bytes_;
};

// A socket for one thread. Errors are errnos, 0 is none: what they mean depends on what was asked.
class Netlink {
 public:
  Netlink();
  // Sends all in one go and waits for all answers; the first errno that is not 0. What comes after a failed one is tried all the same.
  int ask(std::vector<NetlinkMessage>& messages);
  int ask(NetlinkMessage message);
  // Hands over each entry: its body and what follows that. EAGAIN: it changed meanwhile, so some may be missing or there twice.
  using Visitor = std::function<void(std::string_view entry)>;
  int dump(NetlinkMessage message, const Visitor& visit);

 private:
  Fd socket_;
  std::uint32_t sequence_ = 0;
};

// An entry's body and attributes; false when it is too short for that.
template <class Body>
bool take_body(std::string_view entry, Body& body, std::string_view& attributes) {
  if (entry.size() < sizeof body) return false;
  std::memcpy(&body, entry.data(), sizeof body);
  attributes = entry.substr(std::min(static_cast<std::size_t>(NLMSG_ALIGN(sizeof body)), entry.size()));
  return true;
}

}  // namespace gearscale::gears
