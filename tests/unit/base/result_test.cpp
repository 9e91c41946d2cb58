// SPDX-License-Identifier: Apache-2.0
// Result: a value or an error, copied and moved like either.
#include "gearscale/base/result.hpp"

#include <memory>

#include "support/catch.hpp"

using namespace gearscale;

namespace {

Result<int> half(int number) {
  if (number % 2 != 0) return fail(Errc::usage, "odd", 7);
  return number / 2;
}

Result<void> check(bool good) {
  if (!good) return fail(Errc::limit, "no");
  return {};
}

}  // namespace

TEST_CASE("a result holds a value") {
  auto result = half(4);
  REQUIRE(result);
  CHECK(result.has_value());
  CHECK(*result == 2);
  CHECK(result.value() == 2);
  *result = 5;
  CHECK(result.value_or(1) == 5);
}

TEST_CASE("a result holds an error with code, message and errno") {
  const auto result = half(3);
  REQUIRE_FALSE(result);
  CHECK(result.error().code == Errc::usage);
  CHECK(result.error().message == "odd");
  CHECK(result.error().sys_errno == 7);
  CHECK(result.value_or(1) == 1);
}

TEST_CASE("an error is handed on as it is") {
  const Result<std::string> outer = fail(half(3).error());
  REQUIRE_FALSE(outer);
  CHECK(outer.error().message == "odd");
  CHECK(outer.error().sys_errno == 7);
}

TEST_CASE("a result of nothing is good by default") {
  CHECK(check(true));
  const auto bad = check(false);
  REQUIRE_FALSE(bad);
  CHECK(bad.error().code == Errc::limit);
}

TEST_CASE("a result carries what can only be moved") {
  Result<std::unique_ptr<int>> result(std::make_unique<int>(3));
  REQUIRE(result);
  const auto taken = std::move(result).value();
  CHECK(*taken == 3);
}

TEST_CASE("a result of a text is not mistaken for an error") {
  const Result<std::string> result(std::string("text"));
  REQUIRE(result);
  CHECK(result->size() == 4);
}
