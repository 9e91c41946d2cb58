// SPDX-License-Identifier: Apache-2.0
// The ring's reader at a Runtime API that can be told to reload, drop, stall and die.
#include "gearscale/haproxy/log_ring.hpp"

#include <chrono>
#include <map>

#include "fake_haproxy.hpp"
#include "log_text.hpp"
#include "support/catch.hpp"
#include "unit/system/helpers.hpp"

using namespace gearscale;
using haproxy::LogRing;
using test::error_of;
using test::log_line;
using test::say;
using test::TempDir;

namespace {

// What HAProxy's ring looks like from outside: each stream is kept open, and belongs to the process that was running when it was opened.
class FakeRing {
 public:
  explicit FakeRing(const std::string& path)
      : haproxy_(path, [this](const std::string& commands, int socket) { serve(commands, socket); }) {}

  void set(int pid, int dropped, const std::string& past = "") {
    const std::lock_guard lock(mutex_);
    pid_ = pid;
    dropped_ = dropped;
    past_ = past;
  }
  void set_list(const std::string& list) {
    const std::lock_guard lock(mutex_);
    list_ = list;
  }
  // On the newest stream of this process.
  void log(int pid, const std::string& text) {
    const std::lock_guard lock(mutex_);
    say(streams_.at(pid).get(), text);
  }
  void close(int pid) {
    const std::lock_guard lock(mutex_);
    ::shutdown(streams_.at(pid).get(), SHUT_RDWR);  // whoever else still holds it
    streams_.erase(pid);
  }
  // Does the reader still hold the newest stream of this process?
  bool is_held(int pid) {
    const std::lock_guard lock(mutex_);
    char byte = 0;
    return ::recv(streams_.at(pid).get(), &byte, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN;
  }
  std::vector<std::string> commands() const { return haproxy_.commands(); }

 private:
  void serve(const std::string& commands, int socket) {
    const std::lock_guard lock(mutex_);
    const auto list = list_.empty() ? "Supported events sinks are listed below. Add -w(wait), -n(new). Any key to stop\n"
                                      "    stdout     : type=fd, 7 dropped, standard output (fd#1)\n"
                                      "    requests   : type=buffer, " +
                                          std::to_string(dropped_) + " dropped, requests\n\n"
                                    : list_;
    if (commands == "show events") return say(socket, list);
    const auto past = commands.ends_with(" -n") ? "" : past_;
    say(socket, "Name: HAProxy\nVersion: 2.6.12\nPid: " + std::to_string(pid_) + "\nTainted: 0\n\n" + list + past);
    streams_[pid_] = Fd(::dup(socket));
  }

  std::mutex mutex_;
  int pid_ = 100;
  int dropped_ = 0;
  std::string past_;
  std::string list_;
  std::map<int, Fd> streams_;
  test::FakeHaproxy haproxy_;  // last: it uses the others
};

constexpr auto kOpenNew = "show info;show events;show events requests -w -n";
constexpr auto kOpenPast = "show info;show events;show events requests -w";

struct Reading {
  TempDir dir;
  FakeRing haproxy{dir / "stats"};
  LogRing ring{dir / "stats", "requests", "express", core::Millis(20'000)};
  core::ResponseWindow window{core::Millis(600'000)};
  core::Time now{core::Millis(1'000)};

  std::string look(std::int64_t pid) { return error_of(ring.look_after(pid, now)); }
  std::uint64_t count() {
    error = error_of(ring.read(window, now));
    return window.summary(now).count;
  }
  std::string error;
};

}  // namespace

TEST_CASE("lines come as they are logged; the first stream begins with new ones") {
  Reading reading;
  CHECK(reading.count() == 0);
  CHECK(reading.error == "the ring was not opened yet");
  reading.haproxy.set(100, 3, log_line(1));
  CHECK(reading.look(100) == "");
  CHECK(reading.count() == 0);
  reading.haproxy.log(100, log_line(7) + log_line(8, "other") + log_line(9).substr(0, 50));
  CHECK(reading.count() == 1);
  reading.haproxy.log(100, log_line(9).substr(50));
  CHECK(reading.count() == 2);
  CHECK(reading.error == "");
  CHECK(reading.look(100) == "");
  CHECK(reading.haproxy.commands() == std::vector<std::string>{kOpenNew, "show events"});
}

TEST_CASE("after a reload the new process's stream begins with its past; the old one is read for five seconds") {
  Reading reading;
  REQUIRE(reading.look(100) == "");
  reading.haproxy.log(100, log_line(1).substr(0, 30));
  reading.haproxy.set(200, 5, log_line(2) + log_line(3));  // what it dropped before we came is no loss of ours
  CHECK(reading.look(200) == "");
  CHECK(reading.haproxy.commands().back() == kOpenPast);
  CHECK(reading.count() == 2);
  reading.haproxy.log(100, log_line(1).substr(30));
  reading.haproxy.log(200, log_line(4));
  CHECK(reading.count() == 4);
  reading.now += core::Millis(4'999);
  reading.haproxy.log(100, log_line(5));
  CHECK(reading.count() == 5);
  CHECK(reading.haproxy.is_held(100));
  reading.now += core::Millis(1);
  reading.haproxy.log(100, log_line(6));
  CHECK(reading.count() == 6);  // for the last time
  CHECK(!reading.haproxy.is_held(100));
  CHECK(reading.haproxy.is_held(200));
  CHECK(reading.error == "");
}

TEST_CASE("an old process that ends earlier is no loss") {
  Reading reading;
  REQUIRE(reading.look(100) == "");
  reading.haproxy.set(200, 0);
  REQUIRE(reading.look(200) == "");
  reading.haproxy.log(100, log_line(1));
  reading.haproxy.close(100);
  CHECK(reading.count() == 1);
  CHECK(reading.error == "");
}

TEST_CASE("a caller who saw another process than the one that answers changes nothing") {
  Reading reading;
  REQUIRE(reading.look(100) == "");
  reading.haproxy.set(100, 0, log_line(1));
  CHECK(reading.look(300) == "");
  reading.haproxy.log(100, "");
  CHECK(reading.count() == 0);  // its past was not read
}

TEST_CASE("a growing number of dropped lines is a lost signal until it grows no more; lines count all the while") {
  Reading reading;
  reading.haproxy.set(100, 4);
  REQUIRE(reading.look(100) == "");
  reading.haproxy.set(100, 6);
  const auto dropped = reading.ring.look_after(100, reading.now);
  REQUIRE(!dropped);
  CHECK(dropped.error().code == Errc::unavailable);
  CHECK(dropped.error().message.find("HAProxy dropped 2 lines of ring requests since the last look (6 in all)") == 0);
  reading.haproxy.log(100, log_line(1));
  CHECK(reading.count() == 1);
  CHECK(reading.error == dropped.error().message);
  CHECK(reading.look(100) == "");
  CHECK(reading.count() == 1);
  CHECK(reading.error == "");
  reading.haproxy.set(100, 7);
  CHECK(reading.look(100).find("HAProxy dropped 1 lines") == 0);
}

TEST_CASE("a stream that ends is a lost signal until the next look; the same process's past is not read again") {
  Reading reading;
  REQUIRE(reading.look(100) == "");
  reading.haproxy.log(100, log_line(1));
  reading.haproxy.close(100);
  CHECK(reading.count() == 1);
  CHECK(reading.error.find("HAProxy closed the stream of ring requests") == 0);
  CHECK(reading.count() == 1);
  CHECK(reading.error != "");
  const bool restarted = GENERATE(false, true);
  const int pid = restarted ? 200 : 100;
  reading.haproxy.set(pid, 0, log_line(2));
  CHECK(reading.look(pid) == "");
  CHECK(reading.count() == (restarted ? 2 : 1));
  CHECK(reading.error == "");
}

TEST_CASE("a silent stream is renewed before HAProxy closes it, without a gap, but not while it has something to say") {
  Reading reading;
  REQUIRE(reading.look(100) == "");
  reading.now += core::Millis(3'999);
  REQUIRE(reading.look(100) == "");
  CHECK(reading.haproxy.commands().back() == "show events");
  reading.now += core::Millis(1);
  const bool spoke = GENERATE(false, true);
  if (spoke) reading.haproxy.log(100, log_line(1));
  CHECK(reading.look(100) == "");
  CHECK(reading.haproxy.commands().back() == (spoke ? "show events" : kOpenNew));
  if (!spoke) reading.haproxy.log(100, log_line(2));  // on the new one
  CHECK(reading.count() == 1);
  CHECK(reading.error == "");
  reading.haproxy.set(100, 1);
  reading.now += core::Millis(5'000);
  CHECK(reading.look(100).find("HAProxy dropped 1 lines") == 0);  // a renewal counts them too
}

TEST_CASE("a ring that is not there, or is no ring, is for a person to mend") {
  Reading reading;
  for (const std::string sinks : {"", "    requests2  : type=buffer, 0 dropped, x\n", "    requests   : type=fd, 0 dropped, x\n"}) {
    reading.haproxy.set_list("Supported events sinks are listed below.\n" + sinks + "\n");
    const auto missing = reading.ring.look_after(100, reading.now);
    REQUIRE(!missing);
    CHECK(missing.error().code == Errc::config);
    CHECK(missing.error().message.find("HAProxy has no ring requests: add 'ring requests'") == 0);
  }
  LogRing bad(reading.dir / "stats", "a;shutdown sessions server b/c", "express", core::Millis(20'000));
  const auto refused = bad.look_after(100, reading.now);
  REQUIRE(!refused);
  CHECK(refused.error().code == Errc::config);
}

TEST_CASE("a Runtime API that refuses, dies or stalls is a lost signal, within the deadline") {
  Reading reading;
  reading.haproxy.set_list("Permission denied\n\n");
  const auto refused = reading.ring.look_after(100, reading.now);
  REQUIRE(!refused);
  CHECK(refused.error().code == Errc::unavailable);
  CHECK(refused.error().message == "HAProxy's reply to 'show events' was 'Permission denied'");

  LogRing nobody(reading.dir / "none", "requests", "express", core::Millis(50));
  const auto gone = nobody.look_after(100, reading.now);
  REQUIRE(!gone);
  CHECK(gone.error().sys_errno == ENOENT);

  const auto stalled_at = test::unix_listener(reading.dir / "stalled", 8);
  LogRing stalled(reading.dir / "stalled", "requests", "express", core::Millis(50));
  const auto late = stalled.look_after(100, reading.now);
  REQUIRE(!late);
  CHECK(late.error().code == Errc::unavailable);
  CHECK(late.error().message.find("did not show its rings within 50 ms") != std::string::npos);

  const test::FakeHaproxy dying(reading.dir / "dying",
                                [](const std::string&, int socket) { say(socket, "Name: HAProxy\nPid: 1\n\nSupp"); });
  LogRing cut(reading.dir / "dying", "requests", "express", core::Millis(20'000));
  CHECK(error_of(cut.look_after(100, reading.now)).find("HAProxy closed the connection before it showed its rings") == 0);
}
