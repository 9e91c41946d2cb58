// SPDX-License-Identifier: Apache-2.0
#include "gearscale/cli/exit_codes.hpp"

#include <sstream>
#include <stdexcept>

#include "support/catch.hpp"

using namespace gearscale;
using namespace gearscale::cli;

TEST_CASE("each kind of error has its exit code, and usage errors say where help is") {
  struct Row {
    Errc code;
    int exit;
  };
  const Row rows[] = {{Errc::failed, 1}, {Errc::usage, 2}, {Errc::config, 2}, {Errc::limit, 3}, {Errc::unavailable, 4}};
  for (const auto& row : rows) {
    std::ostringstream out;
    std::ostringstream err;
    CHECK(run_main("add-gear", [&]() -> Result<int> { return fail(row.code, "cannot: because"); }, out, err) == row.exit);
    CHECK(err.str() == (row.code == Errc::usage ? "add-gear: cannot: because\nTry 'add-gear --help'.\n" : "add-gear: cannot: because\n"));
    CHECK(out.str().empty());
  }
}

TEST_CASE("a body's own exit code is handed on") {
  std::ostringstream out;
  std::ostringstream err;
  CHECK(run_main("t", []() -> Result<int> { return 0; }, out, err) == 0);
  CHECK(run_main("t", []() -> Result<int> { return 3; }, out, err) == 3);
  CHECK(err.str().empty());
}

TEST_CASE("an exception ends at the edge with exit 1 and its words") {
  std::ostringstream out;
  std::ostringstream err;
  CHECK(run_main("t", []() -> Result<int> { throw std::runtime_error("library says no"); }, out, err) == 1);
  CHECK(err.str() == "t: unexpected failure: library says no\n");
  CHECK(run_main("t", []() -> Result<int> { throw 5; }, out, err) == 1);
}

TEST_CASE("results that cannot be written make a success a failure") {
  std::ostringstream out;
  std::ostringstream err;
  out.setstate(std::ios::badbit);
  CHECK(run_main("t", []() -> Result<int> { return 0; }, out, err) == 1);
  CHECK(err.str() == "t: cannot write the results to stdout\n");
  CHECK(run_main("t", []() -> Result<int> { return 3; }, out, err) == 3);
}
