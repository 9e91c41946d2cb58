// SPDX-License-Identifier: Apache-2.0
// The log of a real HAProxy, read out of its ring across a reload under load and beyond its buffers, and a log file that is rotated
// meanwhile.
#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "gearscale/haproxy/log_file.hpp"
#include "gearscale/haproxy/log_ring.hpp"
#include "integration/real_haproxy.hpp"
#include "support/catch.hpp"

using namespace gearscale;
using test::await;
using test::error_of;
using test::RealHaproxy;

namespace {

constexpr core::Millis kPatient{20'000};

core::Time now() { return std::chrono::time_point_cast<core::Millis>(std::chrono::steady_clock::now()); }

// Starts it again with this in its file instead of that.
void change(RealHaproxy& farm, const std::string& what, const std::string& into) {
  auto text = farm.text();
  const auto found = text.find(what);
  REQUIRE(found != std::string::npos);
  test::spit(farm.config(), text.replace(found, what.size(), into));
  farm.stop();
  farm.start();
}

struct Reading {
  explicit Reading(const RealHaproxy& farm) : ring(farm.stats(), "requests", "express", kPatient) {}
  haproxy::LogRing ring;
  core::ResponseWindow window{core::Millis(600'000)};
  std::uint64_t count() {
    error = error_of(ring.read(window, now()));
    return window.summary(now()).count;
  }
  // A line that is logged in the very moment in which the stream is opened may be the last of the past. Returns how many requests it took
  // until one was counted.
  int begin(const RealHaproxy& farm) {
    REQUIRE(error_of(ring.look_after(farm.pid(), now())) == "");
    int requests = 0;
    REQUIRE(await([&] {
      if (farm.get().status == 200) ++requests;
      return count() > 0;
    }));
    return requests;
  }
  std::string error;
};

// Asks until it is told to stop, and knows how many answers it got.
class Load {
 public:
  explicit Load(const RealHaproxy& farm)
      : thread_([this, &farm] {
          while (!ending_) {
            try {
              if (farm.get().status == 200) ++answered_;
            } catch (const std::exception&) {  // the moment in which the listener changes hands
            }
          }
        }) {}
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;
  ~Load() { stop(); }
  int stop() {
    ending_ = true;
    if (thread_.joinable()) thread_.join();
    return answered_;
  }
  int answered() const { return answered_; }

 private:
  std::atomic<bool> ending_ = false;
  std::atomic<int> answered_ = 0;
  std::thread thread_;
};

}  // namespace

TEST_CASE("each request that a real HAProxy logs to its ring is counted, and none that came before") {
  RealHaproxy farm;
  for (int i = 0; i < 5; ++i) REQUIRE(farm.get().status == 200);
  haproxy::RuntimeSocket socket(farm.stats(), kPatient);
  REQUIRE(await([&] {  // a request may be logged a moment after its answer
    const auto past = socket.exchange("show events requests");
    return past && std::count(past->begin(), past->end(), '[') == 2 * 5;
  }));
  Reading reading(farm);
  const auto first = reading.begin(farm);
  for (int i = 0; i < 500; ++i) REQUIRE(farm.get().status == 200);
  REQUIRE(await([&] { return reading.count() >= 501; }));
  CHECK(reading.count() <= static_cast<std::uint64_t>(500 + first));
  CHECK(reading.error == "");
  CHECK(error_of(reading.ring.look_after(farm.pid(), now())) == "");
}

TEST_CASE("a reload under load loses no request: the new process's count from its first, those that finish in the old one too") {
  RealHaproxy farm;
  Reading reading(farm);
  REQUIRE(error_of(reading.ring.look_after(farm.pid(), now())) == "");
  auto held = farm.hold("");
  REQUIRE(await([&] { return farm.servers().held() == 1; }));
  Load load(farm);
  REQUIRE(await([&] { return reading.count() >= 100; }));
  farm.reload();
  const auto at_reload = load.answered();
  REQUIRE(await([&] { return load.answered() >= at_reload + 200; }));  // logged by the new process before anybody looks
  REQUIRE(error_of(reading.ring.look_after(farm.pid(), now())) == "");
  farm.servers().release();  // the old process logs its last one now
  CHECK(held.answer().status == 200);
  REQUIRE(await([&] { return load.answered() >= at_reload + 400; }));
  const auto all = static_cast<std::uint64_t>(load.stop()) + 1;
  REQUIRE(await([&] { return reading.count() >= all; }));
  CHECK(reading.count() == all);
  CHECK(reading.error == "");
  CHECK(error_of(reading.ring.look_after(farm.pid(), now())) == "");
}

TEST_CASE("a stream ends with its HAProxy: a lost signal until the next look, which finds what the next HAProxy logged until then") {
  RealHaproxy farm;
  Reading reading(farm);
  reading.begin(farm);
  farm.stop();
  REQUIRE(await([&] {
    reading.count();
    return reading.error != "";
  }));
  CHECK(reading.error.find("HAProxy closed the stream of ring requests") == 0);
  const auto gone = reading.ring.look_after(farm.pid(), now());
  REQUIRE(!gone);
  CHECK(gone.error().code == Errc::unavailable);
  const auto before = reading.count();
  farm.start();
  REQUIRE(farm.get().status == 200);
  REQUIRE(error_of(reading.ring.look_after(farm.pid(), now())) == "");
  REQUIRE(await([&] { return reading.count() == before + 1; }));
  CHECK(reading.error == "");
}

TEST_CASE("a ring too small for a reader that stands still drops lines, and that is noticed") {
  RealHaproxy farm;
  change(farm, "size 4194304", "size 16384");
  Reading reading(farm);
  REQUIRE(error_of(reading.ring.look_after(farm.pid(), now())) == "");
  haproxy::RuntimeSocket socket(farm.stats(), kPatient);
  const auto drops = [&] {
    const auto list = socket.exchange("show events");
    return list && list->find(" requests   : type=buffer, 0 dropped") == std::string_view::npos;
  };
  REQUIRE(await([&] {  // until ring and socket buffers are full
    for (int i = 0; i < 100; ++i) static_cast<void>(farm.get());
    return drops();
  }));
  const auto lost = reading.ring.look_after(farm.pid(), now());
  REQUIRE(!lost);
  CHECK(lost.error().code == Errc::unavailable);
  CHECK(lost.error().message.find("HAProxy dropped ") == 0);
  CHECK(reading.count() > 0);
  CHECK(reading.error != "");
  // The ring goes on as soon as it is read again.
  REQUIRE(await([&] {
    reading.count();
    return error_of(reading.ring.look_after(farm.pid(), now())) == "";
  }));
  const auto before = reading.count();
  REQUIRE(farm.get().status == 200);
  REQUIRE(await([&] { return reading.count() > before; }));
}

TEST_CASE("a ring that haproxy.cfg does not have is for a person to mend") {
  RealHaproxy farm;
  haproxy::LogRing ring(farm.stats(), "nosuch", "express", kPatient);
  const auto missing = ring.look_after(farm.pid(), now());
  REQUIRE(!missing);
  CHECK(missing.error().code == Errc::config);
  haproxy::LogRing no_ring(farm.stats(), "stdout", "express", kPatient);
  CHECK(error_of(no_ring.look_after(farm.pid(), now())).find("HAProxy has no ring stdout") == 0);
}

TEST_CASE("recorded lines in a file that is renamed again and again, in the middle of lines, are counted to the last") {
  const test::TempDir dir;
  const auto path = dir / "haproxy.log";
  const auto lines = test::slurp(GEARSCALE_TEST_DATA "/httplog/haproxy-2.6.12.log");
  constexpr std::uint64_t kCounted = 18;  // of the recorded lines
  constexpr int kRounds = 60;
  std::ofstream(path) << "";
  haproxy::LogFile file(path, "express");
  core::ResponseWindow window(core::Millis(600'000));
  REQUIRE(error_of(file.look_after(0, now())) == "");
  std::atomic<std::uint64_t> seen = 0;
  // As syslog daemons do: the file is renamed under the writer, who finishes his line and opens the path anew when he is told.
  std::thread writer([&] {
    for (int round = 0; round < kRounds; ++round) {
      std::ofstream out(path, std::ios::app);
      const auto cut = lines.size() / 2 + static_cast<std::size_t>(round);
      out << lines.substr(0, cut) << std::flush;
      const auto before = kCounted * static_cast<std::uint64_t>(round);
      if (!await([&] { return seen > before; })) return;  // a log is rotated less often than it is read
      std::filesystem::rename(path, path + ".1");
      out << lines.substr(cut) << std::flush;
      std::ofstream(path, std::ios::app) << "";
      if (!await([&] { return seen == before + kCounted; })) return;
    }
  });
  const auto counted = [&] {
    static_cast<void>(file.read(window, now()));
    seen = window.summary(now()).count;
    return seen.load();
  };
  const bool all = await([&] { return counted() >= kCounted * kRounds; });
  writer.join();
  INFO(counted());
  CHECK(all);
  CHECK(counted() == kCounted * kRounds);
  CHECK(error_of(file.look_after(0, now())) == "");
}
