// SPDX-License-Identifier: Apache-2.0
// Tests of the memory of HAProxy's processes. Those here are processes of that name that wait.
#include "gearscale/haproxy/predecessors.hpp"

#include <memory>

#include "gearscale/system/clock.hpp"
#include "gearscale/system/process.hpp"
#include "support/catch.hpp"
#include "unit/system/helpers.hpp"

using namespace gearscale;
using haproxy::Predecessors;
using test::Child;
using test::error_of;
using test::Gate;
using test::slurp;
using test::spit;
using test::TempDir;

namespace {

// Lives until it is told to end. Without a master its siblings are not looked for: this test is no HAProxy.
class Worker {
 public:
  explicit Worker(const char* name = "haproxy") : child_([this, name] { return live(name); }) { ready_.wait(); }
  std::int64_t pid() const { return child_.pid(); }
  std::string mark() const { return std::to_string(pid()) + " " + std::to_string(system::process_stat(pid()).value_or({}).start); }
  void end() {
    end_.open();
    child_.status();
  }

 private:
  int live(const char* name) const {
    ::prctl(PR_SET_NAME, name);
    ready_.open();
    end_.wait();
    return 0;
  }
  Gate ready_, end_;
  Child child_;
};

std::string boot() { return "boot " + system::boot_id().value_or("none") + "\n"; }

}  // namespace

TEST_CASE("an HAProxy that another one took over from is a predecessor until it ends") {
  Worker first, second;
  Predecessors seen("");
  seen.see(first.pid());
  CHECK(!seen.any());
  seen.see(second.pid());
  CHECK(seen.any());
  first.end();
  CHECK(!seen.any());
  CHECK(error_of(seen.remember()) == "");  // nowhere
}

TEST_CASE("who starts anew knows the predecessors of who was there before, and drops those that have ended") {
  const TempDir dir;
  const auto file = dir / "processes";
  Worker first, second, third;
  {
    Predecessors seen(file);
    for (const auto* worker : {&first, &second, &third}) {
      seen.see(worker->pid());
      REQUIRE(error_of(seen.remember()) == "");
    }
  }
  CHECK(slurp(file) == boot() + "current " + third.mark() + "\nearlier " + first.mark() + "\nearlier " + second.mark() + "\n");
  first.end();
  Predecessors anew(file);
  anew.see(third.pid());
  CHECK(anew.any());
  REQUIRE(error_of(anew.remember()) == "");
  CHECK(slurp(file) == boot() + "current " + third.mark() + "\nearlier " + second.mark() + "\n");
  second.end();
  CHECK(!anew.any());
}

TEST_CASE("a reload that came while nobody looked leaves a predecessor, too") {
  const TempDir dir;
  Worker first, second;
  {
    Predecessors seen(dir / "processes");
    seen.see(first.pid());
    REQUIRE(error_of(seen.remember()) == "");
  }
  Predecessors anew(dir / "processes");
  anew.see(second.pid());
  CHECK(anew.any());
}

TEST_CASE("pid and start are believed together, in this boot, and neither alone") {
  const TempDir dir;
  const auto file = dir / "processes";
  Worker earlier, current;
  const auto later = std::to_string(system::process_stat(earlier.pid()).value_or({}).start + 1);
  const std::string now = "current " + current.mark() + "\n";
  struct Case {
    const char* what;
    std::string text;
    bool is_believed;
  };
  const Case cases[] = {
      {"both", boot() + now + "earlier " + earlier.mark() + "\n", true},
      {"another start", boot() + now + "earlier " + std::to_string(earlier.pid()) + " " + later + "\n", false},
      {"another boot", "boot another\n" + now + "earlier " + earlier.mark() + "\n", false},
      {"the present one as an earlier one", boot() + now + "earlier " + current.mark() + "\n", false},
      {"a file that is no such file", boot() + now + "earlier " + earlier.mark() + " x\n", false},
      {"nothing", "", false},
  };
  for (const auto& [what, text, is_believed] : cases) {
    INFO(what);
    spit(file, text);
    Predecessors seen(file);
    seen.see(current.pid());
    CHECK(seen.any() == is_believed);
    CHECK(error_of(seen.remember()) == "");
    CHECK(slurp(file) == boot() + now + (is_believed ? "earlier " + earlier.mark() + "\n" : ""));
  }
}

TEST_CASE("a process that is no HAProxy becomes no predecessor: HAProxy may live among other pids") {
  Worker stranger("mysqld"), current;
  Predecessors seen("");
  seen.see(stranger.pid());
  seen.see(current.pid());
  CHECK(!seen.any());
}

TEST_CASE("the other workers of the same master are predecessors, also those that nobody saw") {
  if (!test::exists("/proc/self/task/" + std::to_string(::getpid()) + "/children")) return;
  char name[16] = {};
  ::prctl(PR_GET_NAME, name);
  ::prctl(PR_SET_NAME, "haproxy");  // this test is the master
  Worker unseen, current;
  Predecessors seen("");
  seen.see(current.pid());
  CHECK(seen.any());
  unseen.end();
  CHECK(!seen.any());
  ::prctl(PR_SET_NAME, name);
}

TEST_CASE("what cannot be written is an error, is known all the same, and is written when that is possible") {
  const TempDir dir;
  const auto place = dir / "run";
  Worker first, second;
  Predecessors seen(place + "/processes");
  seen.see(first.pid());
  CHECK(error_of(seen.remember()).find("no such file or directory") != std::string::npos);
  seen.see(second.pid());
  CHECK(seen.any());
  CHECK(error_of(seen.remember()) != "");
  ::mkdir(place.c_str(), 0700);
  CHECK(error_of(seen.remember()) == "");
  CHECK(slurp(place + "/processes") == boot() + "current " + second.mark() + "\nearlier " + first.mark() + "\n");
}

TEST_CASE("the file is written when HAProxy is another process, and only then") {
  const TempDir dir;
  const auto file = dir / "processes";
  Worker first;
  Predecessors seen(file);
  CHECK(error_of(seen.remember()) == "");
  CHECK(!test::exists(file));
  seen.see(first.pid());
  REQUIRE(error_of(seen.remember()) == "");
  ::unlink(file.c_str());
  seen.see(first.pid());
  CHECK(error_of(seen.remember()) == "");
  CHECK(!test::exists(file));
}
