// SPDX-License-Identifier: Apache-2.0
// The words of the log; what gear-shell starts is tried by tests/cli/gear_shell_test.sh.
#include "gearscale/cli/gear_shell.hpp"

#include "support/catch.hpp"

using namespace gearscale;
using cli::gear_shell_line;

TEST_CASE("the log says who asked for what, and what became of it") {
  CHECK(gear_shell_line("192.0.2.7 51814 192.0.2.1 22", "add-gear --count 2", "") ==
        "gear-shell - 192.0.2.7 51814 192.0.2.1 22 asked for 'add-gear --count 2': allowed");
  CHECK(gear_shell_line("", "sh", "'sh' is no command that is allowed") ==
        "gear-shell - (no SSH_CONNECTION) asked for 'sh': refused: 'sh' is no command that is allowed");
}

TEST_CASE("no request can forge a line of the log, leave its quotes or reach a terminal") {
  const auto line = gear_shell_line("1.2.3.4\n5", "x': allowed\nI, [2026] add-gear\x1b[2J\xc3\xa4\x7f\t\\", "no");
  CHECK(line == "gear-shell - 1.2.3.4\\n5 asked for 'x\\x27: allowed\\nI, [2026] add-gear\\x1b[2J\\xc3\\xa4\\x7f\\x09\\x5c': refused: no");
}

TEST_CASE("a line of the log is bounded") {
  CHECK(gear_shell_line(std::string(100'000, 'c'), std::string(100'000, '\x01'), "no").size() < 800);
}
