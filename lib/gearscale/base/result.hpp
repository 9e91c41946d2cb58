// SPDX-License-Identifier: Apache-2.0
// Result<T>: a value or an Error. The interface is that of std::expected (C++23) so that it can become it;
// it must not grow conveniences that std::expected does not have.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "gearscale/base/check.hpp"

namespace gearscale {

// What kind of failure this is; the command line maps it to an exit code (docs/scripting.md).
enum class Errc {
  failed,       // exit 1: tried, and it did not work
  usage,        // exit 2: the command line is wrong
  config,       // exit 2: configuration, names, markers, template, bridge, privileges, HAProxy too old
  limit,        // exit 3: refused by scale_min/scale_max, address pool, memory, pins
  unavailable,  // exit 4: HAProxy, the lock or the registry cannot be had now; try again
};

// `message` says what was tried, on what, why it failed and what to do; `sys_errno` is 0 when no system call failed.
struct Error {
  Errc code = Errc::failed;
  std::string message;
  int sys_errno = 0;
};

// The error side while it is returned: `return fail(Errc::config, "...")`.
struct Unexpected {
  Error value;
};

[[nodiscard]] inline Unexpected fail(Errc code, std::string message, int sys_errno = 0) {
  return Unexpected{Error{code, std::move(message), sys_errno}};
}
[[nodiscard]] inline Unexpected fail(Error error) { return Unexpected{std::move(error)}; }

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}                 // NOLINT: implicit as in std::expected
  Result(Unexpected error) : state_(std::in_place_index<1>, std::move(error.value)) {}  // NOLINT

  bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }

  T& value() & { return get(); }
  const T& value() const& { return const_cast<Result*>(this)->get(); }
  T&& value() && { return std::move(get()); }
  T& operator*() & { return get(); }
  const T& operator*() const& { return const_cast<Result*>(this)->get(); }
  T&& operator*() && { return std::move(get()); }
  T* operator->() { return &get(); }
  const T* operator->() const { return &const_cast<Result*>(this)->get(); }

  Error& error() {
    GEARSCALE_CHECK(!has_value());
    return std::get<1>(state_);
  }
  const Error& error() const { return const_cast<Result*>(this)->error(); }
  T value_or(T other) const { return has_value() ? value() : std::move(other); }

 private:
  T& get() {
    GEARSCALE_CHECK(has_value());
    return std::get<0>(state_);
  }
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Unexpected error) : error_(std::move(error.value)) {}  // NOLINT: implicit as in std::expected

  bool has_value() const { return !error_.has_value(); }
  explicit operator bool() const { return has_value(); }
  Error& error() {
    GEARSCALE_CHECK(error_.has_value());
    return *error_;
  }
  const Error& error() const { return const_cast<Result*>(this)->error(); }

 private:
  std::optional<Error> error_;
};

}  // namespace gearscale
