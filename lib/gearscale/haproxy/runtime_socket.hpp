// SPDX-License-Identifier: Apache-2.0
// One exchange with HAProxy's Runtime API over its unix socket: connect, send, read to the end, each time anew.
// A kept-open connection would go on talking to the old process after a reload, and saves 0.04 ms only.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <utility>

#include "gearscale/base/fd.hpp"
#include "gearscale/base/result.hpp"
#include "gearscale/core/types.hpp"

namespace gearscale::haproxy {

// Room for a reply, which may be megabytes: growing neither copies it (large blocks are remapped) nor touches memory beyond it.
class ReplyBuffer {
 public:
  void grow(std::size_t by) {
    auto* larger = static_cast<char*>(std::realloc(data_.get(), size_ + by));
    if (larger == nullptr) throw std::bad_alloc();
    static_cast<void>(data_.release());
    data_.reset(larger);
    size_ += by;
  }
  void give_back() {
    data_.reset();
    size_ = 0;
  }
  char* data() { return data_.get(); }
  std::size_t size() const { return size_; }

 private:
  struct Free {
    void operator()(char* block) const { std::free(block); }
  };
  std::unique_ptr<char, Free> data_;
  std::size_t size_ = 0;
};

// A new connection, non-blocking, on which one line of commands (with its line end) was sent. Blocks at most for `patience`. Errors as
// RuntimeSocket::exchange.
Result<Fd> send_line(const std::string& path, std::string_view line, core::Millis patience);

class RuntimeSocket {
 public:
  RuntimeSocket(std::string path, core::Millis deadline) : path_(std::move(path)), deadline_(deadline) {}

  // Sends one line of commands (without its line end) and returns the whole reply; it lives until the next call, in a reused buffer.
  // Blocks at most for the deadline, connect included. Errc::unavailable, saying what to look at: no socket, refused, not permitted,
  // deadline over, connection cut, more than 64 MiB.
  Result<std::string_view> exchange(std::string_view commands) &;
  // Gives the buffer back; the next exchange makes a new one.
  void forget_reply() { reply_.give_back(); }

 private:
  std::string path_;
  core::Millis deadline_;
  std::string line_;  // reused, as the reply is: a sample allocates nothing
  ReplyBuffer reply_;
};

}  // namespace gearscale::haproxy
