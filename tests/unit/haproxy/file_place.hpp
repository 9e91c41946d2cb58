// SPDX-License-Identifier: Apache-2.0
// A haproxy.cfg in a directory of its own, with a program that stands in for HAProxy when it is checked: it waits, refuses or hangs.
#pragma once

#include <poll.h>

#include "gearscale/codec/haproxy_block.hpp"
#include "gearscale/haproxy/options.hpp"
#include "gearscale/ports.hpp"
#include "gearscale/system/deadline.hpp"
#include "unit/system/helpers.hpp"

namespace gearscale::test {

inline constexpr core::Millis kLong{20'000};
inline const std::string kFrame = "global\nbackend express\n    " + codec::begin_marker("express") + "\n";
inline const std::string kEnd = "    " + codec::end_marker("express") + "\n";

inline ServerSpec gear(int number) { return {"0000000" + std::to_string(number), 0x0a000300U + static_cast<unsigned>(number)}; }
inline std::string line(int number) {
  return "    server gear-0000000" + std::to_string(number) + "-prod 10.0.3." + std::to_string(number) + ":8080\n";
}

template <class Condition>
bool await(const Condition& condition) {
  const system::Deadline deadline(kLong);
  while (!condition()) {
    if (deadline.is_over()) return false;
    ::poll(nullptr, 0, 1);
  }
  return true;
}

// A directory with a haproxy.cfg and a program that stands in for HAProxy: it says when it starts, with its pid and its parent's.
class Place {
 public:
  Place() {
    GEARSCALE_CHECK(::mkfifo((dir / "gate").c_str(), 0600) == 0);
    spit(config(), kFrame + kEnd);
    accept();
  }
  ~Place() {
    for (const auto& run : runs()) {
      if (const auto pid = parse(run).first; slurp("/proc/" + std::to_string(pid) + "/comm") == "sleep\n") ::kill(pid, SIGKILL);
    }
  }
  void program(const std::string& text) const {
    spit(dir / "new", "#!/bin/sh\necho $$ $PPID $(cat /proc/$PPID/comm) >> " + (dir / "runs") + "\n" + text + "\n");
    GEARSCALE_CHECK(::chmod((dir / "new").c_str(), 0700) == 0);
    GEARSCALE_CHECK(::rename((dir / "new").c_str(), (dir / "haproxy").c_str()) == 0);  // a shell may be reading the old one
  }
  void accept() const { program("exit 0"); }
  void wait_for_gate() const { program("read word < " + (dir / "gate")); }
  void hang() const { program("exec sleep 300"); }
  void open_gate() const { spit(dir / "gate", "go\n"); }  // blocks until somebody reads

  haproxy::Options options() const {
    haproxy::Options made;
    made.application = core::Application{"shop", "prod"};
    made.config_file = config();
    made.binary = dir / "haproxy";
    return made;
  }
  std::string config() const { return dir / "haproxy.cfg"; }
  std::string text() const { return slurp(config()); }
  std::vector<std::string> runs() const { return test::lines_of(dir / "runs"); }
  static std::pair<pid_t, pid_t> parse(const std::string& run) {
    std::pair<int, int> pids{0, 0};
    if (std::sscanf(run.c_str(), "%d %d", &pids.first, &pids.second) != 2) return {0, 0};
    return pids;
  }
  std::vector<std::string> temps() const {
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator(dir.path())) {
      if (entry.path().filename().string().starts_with(".gearscale-")) found.push_back(entry.path());
    }
    return found;
  }

  TempDir dir;
};

}  // namespace gearscale::test
