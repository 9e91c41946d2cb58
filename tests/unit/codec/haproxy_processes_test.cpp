// SPDX-License-Identifier: Apache-2.0
// Tests of run/haproxy.processes and of a line of /proc/PID/stat.
#include "gearscale/codec/haproxy_processes.hpp"

#include "damage.hpp"

using namespace gearscale;
using codec::HaproxyProcesses;
using codec::parse_haproxy_processes;
using codec::parse_process_stat;
using codec::ProcessMark;

namespace {

const HaproxyProcesses kThree{"1b4e28ba-2fa1-11d2-883f-0016d3cca427", {4711, 98'765}, {{4000, 12}, {4194304, 0}}};
const std::string kText = "boot 1b4e28ba-2fa1-11d2-883f-0016d3cca427\ncurrent 4711 98765\nearlier 4000 12\nearlier 4194304 0\n";
// A name may have blanks and parentheses in it.
const std::string kStat =
    "4711 (a) R (b) S 17 4711 4711 0 -1 4194560 1033 0 0 0 5 3 0 0 20 0 1 0 8812345 79695872 2801 18446744073709551615 1 1 0\n";

}  // namespace

TEST_CASE("the processes of HAProxy are read as they were written") {
  CHECK(codec::format_haproxy_processes(kThree) == kText);
  const auto read = parse_haproxy_processes(kText);
  REQUIRE(read);
  CHECK(*read == kThree);
  const HaproxyProcesses alone{"b", {1, 2}, {}};
  CHECK(parse_haproxy_processes(codec::format_haproxy_processes(alone)).value_or({}) == alone);
}

TEST_CASE("a file of processes with anything wrong in it is refused whole, with the line") {
  const std::string boot = "boot b\n", current = "current 1 2\n";
  struct Case {
    std::string text, says;
  };
  const Case cases[] = {
      {"", "cut short"},
      {boot + "current 1 2", "cut short"},
      {boot, "missing"},
      {current, "missing"},
      {boot + boot + current, "'boot b' is not a line of it"},
      {boot + current + current, "'current 1 2'"},
      {boot + current + "\n", "'' is not"},
      {boot + current + "earlier 0 1\n", "'earlier 0 1'"},
      {boot + current + "earlier -1 1\n", "'earlier -1 1'"},
      {boot + current + "earlier 4194305 1\n", "'earlier 4194305 1'"},
      {boot + current + "earlier 3 -1\n", "'earlier 3 -1'"},
      {boot + current + "earlier 3\n", "'earlier 3'"},
      {boot + current + "earlier 3 4 5\n", "'earlier 3 4 5'"},
      {boot + current + "later 3 4\n", "'later 3 4'"},
      {"boot /x\n" + current, "'boot /x'"},
      {boot + current + std::string(codec::kLongestProcessesFile, '\n'), "far too long"},
  };
  for (const auto& [text, says] : cases) {
    INFO(text.substr(0, 100));
    const auto read = parse_haproxy_processes(text);
    REQUIRE(!read);
    CHECK(read.error().code == Errc::failed);
    INFO(read.error().message);
    CHECK(test::contains(read.error().message, says));
  }
}

TEST_CASE("a process tells its name, its parent and when it began, whatever its name is") {
  const auto stat = parse_process_stat(kStat);
  REQUIRE(stat);
  CHECK(stat->name == "a) R (b");
  CHECK(stat->parent == 17);
  CHECK(stat->start == 8'812'345);
}

TEST_CASE("what is not a process's line is refused") {
  for (const std::string text :
       {"", "4711", "4711 (", "4711 (a", "4711 (a)", "4711 (a) ", "4711 (a) S", "4711 (a) S x 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 2",
        "4711 (a) S 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1", "4711 (a) S 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 -2", ") (", "1 () "}) {
    INFO(text);
    CHECK(!parse_process_stat(text));
  }
  CHECK(parse_process_stat("1 () S 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 2"));
}

TEST_CASE("damaged texts of processes are refused or understood, and never hurt") {
  test::Damage damage(20'261'128);
  for (int i = 0; i < 5'000; ++i) {
    const test::Exact processes(damage.one(kText)), stat(damage.one(kStat));
    if (const auto read = parse_haproxy_processes(processes.view())) CHECK(read->current.pid > 0);
    if (const auto read = parse_process_stat(stat.view())) CHECK(read->parent >= 0);
  }
}
