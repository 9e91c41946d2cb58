// SPDX-License-Identifier: Apache-2.0
// How fast the live reader takes HAProxy's log, from a file and from a socket that streams lines as the ring does, with percentiles asked
// for every 100 ms of log; and what it costs at the ring of a real HAProxy that is asked 5,000 times a second.
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "gearscale/haproxy/log_file.hpp"
#include "gearscale/haproxy/log_ring.hpp"
#include "gearscale/system/heap.hpp"
#include "unit/haproxy/fake_haproxy.hpp"
#include "unit/system/helpers.hpp"

namespace {

using namespace gearscale;

constexpr std::uint64_t kLines = 2'000'000;
constexpr int kRounds = 5;
constexpr double kTargetLines = 1.0;  // millions a second
constexpr int kRate = 5'000;          // requests a second
constexpr int kClients = 10;
constexpr auto kMeasured = std::chrono::seconds(10);
constexpr core::Millis kSample{100};
constexpr core::Millis kCheck{3'000};
constexpr core::Millis kWindow{10'000};

[[noreturn]] void stop(const std::string& why) { throw std::runtime_error(why); }
void require(const Result<void>& result) {
  if (!result) stop(result.error().message);
}

core::Time now() { return std::chrono::time_point_cast<core::Millis>(std::chrono::steady_clock::now()); }
double cpu_seconds() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}
double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// As HAProxy 2.6 writes them with `option httplog` and two captured headers: 190 characters on average; one in eight of another backend.
std::string some_lines(std::uint64_t count) {
  static const char* const kPaths[] = {"/", "/index.php?page=12", "/static/js/app.2425.js", "/search?q=term4434&page=1",
                                       "/api/v1/items/2628"};
  static const char* const kAgents[] = {"curl/7.88.1", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.", "-"};
  std::string text;
  std::uint64_t seed = 7;
  for (std::uint64_t i = 0; i < count; ++i) {
    seed = seed * 6364136223846793005U + 1442695040888963407U;
    const auto random = static_cast<unsigned>(seed >> 33);
    const auto took = random % 50 == 0 ? random % 3000 : random % 80;
    char line[512];
    const int length = std::snprintf(line, sizeof line,
                                     "<134>Nov 22 06:24:%02u gear01 haproxy[313]: 10.0.%u.%u:%u [22/Nov/2026:06:24:%02u.%03u] in "
                                     "%s/gear-%08x-ns 0/0/%u/%u/%u 200 %u - - --VN "
                                     "50/50/49/16/0 0/0 {app-ns.example.com|%s} \"GET %s HTTP/1.1\"\n",
                                     random / 7 % 60, random / 11 % 256, random / 13 % 256, 1024 + random / 17 % 60000, random / 7 % 60,
                                     random / 19 % 1000, i % 8 == 7 ? "api" : "express", 0x1f3a9c02 + random % 8, random % 3, took,
                                     took + random % 3, 200 + random % 60000, kAgents[random % 3], kPaths[random / 3 % 5]);
    text.append(line, static_cast<std::size_t>(length));
  }
  return text;
}

constexpr std::uint64_t kBlock = 100'000;  // lines that are written again and again

// Reads until all of ours are counted; millions of lines per second of this thread's CPU time. The percentiles are asked for after each
// call, and a call reads 70,000 lines at most: more often than every 100 ms of log at a million lines per second.
double speed(ResponseLog& log, core::ResponseWindow& window) {
  const auto all = kLines / 8 * 7;
  std::uint64_t counted = 0;
  const auto wall = now();
  const auto start = cpu_seconds();
  while (counted < all) {
    require(log.read(window, wall));  // the clock stands still, so that nothing leaves the window
    counted = window.summary(wall).count;
    if (now() - wall > std::chrono::minutes(1)) stop("only " + std::to_string(counted) + " lines came");
  }
  if (counted != all) stop(std::to_string(counted) + " instead of " + std::to_string(all) + " lines");
  return static_cast<double>(kLines) / (cpu_seconds() - start) / 1e6;
}

double file_round(const test::TempDir& dir, const std::string& block) {
  const auto path = dir / "haproxy.log";
  test::spit(path, "");
  haproxy::LogFile log(path, "express");
  require(log.look_after(0, now()));
  {
    std::ofstream next(dir / "next", std::ios::binary);
    for (std::uint64_t written = 0; written < kLines; written += kBlock) next << block;
  }
  std::filesystem::rename(dir / "next", path);  // rotated: it is read from its beginning
  core::ResponseWindow window(kWindow);
  return speed(log, window);
}

double ring_round(const test::TempDir& dir, const std::string& block) {
  const auto path = dir / "fake";
  const auto listener = test::unix_listener(path, 8);
  test::Child feeder([&] {  // a process of its own, so that it takes the other core
    const Fd client(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    char command[256];
    if (::recv(client.get(), command, sizeof command, 0) <= 0) return 1;
    test::say(client.get(),
              "Name: HAProxy\nPid: 1\n\nSupported events sinks are listed below.\n    requests   : type=buffer, 0 dropped, x\n\n");
    for (std::uint64_t written = 0; written < kLines; written += kBlock) test::say(client.get(), block);
    return ::recv(client.get(), command, 1, 0) == 0 ? 0 : 1;
  });
  haproxy::LogRing log(path, "requests", "express", core::Millis(10'000));
  require(log.look_after(1, now()));
  core::ResponseWindow window(kWindow);
  const auto result = speed(log, window);
  ::unlink(path.c_str());
  return result;
}

void serve(const std::string& config) {
  const Fd null(::open("/dev/null", O_WRONLY));
  ::dup2(null.get(), STDOUT_FILENO);
  ::dup2(null.get(), STDERR_FILENO);
  ::execl("/usr/sbin/haproxy", "haproxy", "-db", "-f", config.c_str(), static_cast<char*>(nullptr));
}

// One client: a request, its answer, and so on over one connection, at its share of the rate.
int ask_steadily(const std::string& front) {
  const Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const auto address = test::unix_address(front);
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return 1;
  const auto pause = std::chrono::nanoseconds(std::chrono::seconds(1)) * kClients / kRate;
  for (auto next = std::chrono::steady_clock::now();; next += pause) {
    std::this_thread::sleep_until(next);
    char answer[4096];
    test::say(socket.get(), "GET / HTTP/1.1\r\nHost: bench\r\n\r\n");
    if (::recv(socket.get(), answer, sizeof answer, 0) <= 0) return 1;
  }
}

struct Share {
  double percent = 0;
  double rate = 0;
};

// A real HAProxy with a server (another part of itself), real requests, and the reader at the daemon's default rates.
Share cpu_share(const test::TempDir& dir) {
  const auto stats = dir / "stats";
  const auto front = dir / "front";
  test::spit(dir / "haproxy.cfg", "global\n    stats socket " + stats + " mode 600 level admin\n    maxconn 1000\n    nbthread 1\n" +
                                      "ring requests\n    format rfc3164\n    maxlen 2048\n    size 4194304\n" +
                                      "defaults\n    mode http\n    timeout connect 5s\n    timeout client 1m\n    timeout server 1m\n" +
                                      "frontend in\n    bind " + front + "\n    log ring@requests local0\n    option httplog\n" +
                                      "    default_backend express\n" + "backend express\n    server gear-1f3a9c02-ns " + (dir / "back") +
                                      "\n" + "frontend gear\n    bind " + (dir / "back") + "\n    http-request return status 200\n");
  test::Child haproxy([&] {
    serve(dir / "haproxy.cfg");
    return 127;
  });
  haproxy::RuntimeSocket socket(stats, core::Millis(1'000));
  for (int attempt = 0; !socket.exchange("show info"); ++attempt) {
    if (attempt == 200) stop("HAProxy did not start");
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  haproxy::LogRing log(stats, "requests", "express", core::Millis(1'000));
  require(log.look_after(haproxy.pid(), now()));
  std::vector<std::unique_ptr<test::Child>> clients;
  for (int i = 0; i < kClients; ++i) clients.push_back(std::make_unique<test::Child>([&] { return ask_steadily(front); }));
  core::ResponseWindow window(core::Millis(std::chrono::minutes(10)));  // long enough to count them all
  auto check = now() + kCheck;
  const auto sample = [&] {
    const auto time = now();
    require(log.read(window, time));
    if (time >= check) {
      check = time + kCheck;
      require(log.look_after(haproxy.pid(), time));
    }
    return window.summary(time).count;
  };
  const auto before_warm = now();
  while (now() - before_warm < std::chrono::seconds(1)) {
    std::this_thread::sleep_for(kSample);
    sample();
  }
  const auto counted = sample();
  const auto start = now();
  const auto cpu = cpu_seconds();
  while (now() - start < kMeasured) {
    std::this_thread::sleep_for(kSample);
    sample();
  }
  const auto requests = sample() - counted;
  const auto seconds = std::chrono::duration<double>(now() - start).count();
  return {(cpu_seconds() - cpu) / seconds * 100, static_cast<double>(requests) / seconds};
}

int run() {
  system::keep_heap_small();  // as the controller does
  const test::TempDir dir;
  const auto block = some_lines(kBlock);
  std::printf("%llu lines of %zu bytes on average, %d rounds; millions of lines per second of the reader's CPU time\n",
              static_cast<unsigned long long>(kLines), block.size() / kBlock, kRounds);
  std::vector<double> file;
  std::vector<double> ring;
  for (int round = 0; round < kRounds; ++round) {
    file.push_back(file_round(dir, block));
    ring.push_back(ring_round(dir, block));
    std::printf("  file %5.2f   ring %5.2f\n", file.back(), ring.back());
    std::fflush(stdout);
  }
  const auto share = cpu_share(dir);
  std::printf("at the ring of a real HAProxy, read each 100 ms and looked after each 3 s: %.0f real requests/s counted\n\n", share.rate);
  std::printf("bench logparse: file %.1f Mlines/s, ring %.1f Mlines/s, %.1f%% CPU at %d requests/s (target at least %.0f Mlines/s)\n",
              median(file), median(ring), share.percent, kRate, kTargetLines);
  return median(file) >= kTargetLines && median(ring) >= kTargetLines && share.rate > 0.95 * kRate ? 0 : 1;
}

}  // namespace

int main(int argc, char**) {
  if (argc > 1) {
    std::fprintf(stderr, "bench_logparse: it takes no arguments; see scripts/bench --help\n");
    return 2;
  }
  try {
    return run();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_logparse: %s\n", error.what());
    return 1;
  }
}
