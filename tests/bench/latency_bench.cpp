// SPDX-License-Identifier: Apache-2.0
// The client's side of `bench latency`: makes a load step on a running farm, asks until a gear answers that did not serve before, and reads
// the time of the decision from scale_events.jsonl. Run by latency.sh, once for each kind of gear.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "gearscale/base/fd.hpp"
#include "gearscale/base/text.hpp"
#include "gearscale/codec/events.hpp"
#include "gearscale/system/files.hpp"
#include "gearscale/system/subprocess.hpp"

namespace {

using namespace gearscale;
using Json = nlohmann::json;

constexpr int kStep = 12;                                // sessions of the step
constexpr auto kSpacing = std::chrono::milliseconds(1);  // a gear's httpd has a backlog of nine, and TCP tries again after a second
constexpr int kProbers = 2;                              // ask all the time: few enough to ask for nothing themselves
constexpr int kThreshold = 9 - kProbers;  // from then on nine sessions may be there, which ask for a second gear: the moment of the step
constexpr auto kProbePause = std::chrono::microseconds(300);
constexpr auto kPatience = std::chrono::seconds(20);
constexpr auto kCalm = std::chrono::milliseconds(500);  // between two rounds: longer than up_window

struct Arguments {
  std::string label, remove_gear, registry, events;
  int port = 0, rounds = 0, standbys = 0;
};

[[noreturn]] void stop(const std::string& why) { throw std::runtime_error(why); }

std::int64_t system_micros() {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

Fd connect_to(int port) {
  Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) stop("cannot connect to HAProxy");
  return fd;
}

void send_request(const Fd& fd, const std::string& path) {
  const auto request = "GET " + path + " HTTP/1.1\r\nHost: bench\r\n\r\n";
  if (::send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size()))
    stop("HAProxy closed a connection");
}

// The body of the next answer; throws unless it is a 200 with Content-Length.
std::string read_answer(const Fd& fd) {
  std::string text;
  char buffer[4096];
  for (;;) {
    const auto head = text.find("\r\n\r\n");
    if (head != std::string::npos) {
      if (!text.starts_with("HTTP/1.1 200")) stop("an answer was not 200: " + text.substr(0, 40));
      auto lower = text.substr(0, head);
      std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
      const auto at = lower.find("content-length: ");
      if (at == std::string::npos) stop("an answer has no Content-Length");
      const auto length = static_cast<std::size_t>(std::atoi(lower.c_str() + at + 16));
      if (text.size() >= head + 4 + length) return text.substr(head + 4, length);
    }
    const auto count = ::recv(fd.get(), buffer, sizeof buffer, 0);
    if (count <= 0) stop("HAProxy closed a connection");
    text.append(buffer, static_cast<std::size_t>(count));
  }
}

// Ask all the time, from before the step on, and remember the first answer of a gear that did not serve before.
class Prober {
 public:
  Prober(int port, std::string known) : known_(std::move(known)) {
    for (int i = 0; i < kProbers; ++i) threads_.emplace_back([this, port](const std::stop_token& end) { ask(port, end); });
  }
  std::int64_t await_first() const {
    const auto end = std::chrono::steady_clock::now() + kPatience;
    while (first_.load() == 0) {
      if (std::chrono::steady_clock::now() > end) stop("no new gear answered within 20 s");
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return first_.load();
  }
  bool failed() const { return failed_.load(); }

 private:
  void ask(int port, const std::stop_token& end) {
    try {
      const auto fd = connect_to(port);
      while (!end.stop_requested()) {
        send_request(fd, "/gear.txt");
        const auto body = read_answer(fd);
        const auto now = system_micros();
        std::int64_t none = 0;
        if (body.find(known_) == std::string::npos) first_.compare_exchange_strong(none, now);
        std::this_thread::sleep_for(kProbePause);
      }
    } catch (const std::exception& problem) {
      std::fprintf(stderr, "a probe failed: %s\n", problem.what());
      failed_ = true;
    }
  }
  std::string known_;
  std::atomic<std::int64_t> first_{0};
  std::atomic<bool> failed_{false};
  std::vector<std::jthread> threads_;
};

struct Farm {
  std::string serving;               // the name of the one gear that serves
  std::vector<std::string> surplus;  // others that serve
  bool calm = false;                 // one serves, the pool is full, nothing else is there
};

Farm look(const Arguments& arguments) {
  std::ifstream file(arguments.registry);
  const auto json = Json::parse(file, nullptr, false);
  Farm farm;
  int standbys = 0, others = 0;
  if (json.is_discarded()) return farm;
  for (const auto& gear : json["gears"]) {
    const auto state = gear["state"].get<std::string>();
    if (state == "serving" && farm.serving.empty()) {
      farm.serving = gear["name"].get<std::string>();
    } else if (state == "serving") {
      farm.surplus.push_back(gear["name"].get<std::string>());
    } else {
      ++(state == "standby" ? standbys : others);
    }
  }
  farm.calm = !farm.serving.empty() && farm.surplus.empty() && others == 0 && standbys == arguments.standbys;
  return farm;
}

Farm await_calm(const Arguments& arguments) {
  const auto end = std::chrono::steady_clock::now() + kPatience;
  for (;;) {
    auto farm = look(arguments);
    if (farm.calm) return farm;
    if (std::chrono::steady_clock::now() > end) stop("the farm does not come back to one gear and its standbys");
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

// The stamp of the last decision to add that was made after `since`.
std::int64_t decision_after(const Arguments& arguments, std::int64_t since) {
  std::ifstream file(arguments.events);
  file.seekg(0, std::ios::end);
  const auto size = static_cast<std::int64_t>(file.tellg());
  file.seekg(std::max<std::int64_t>(0, size - 64 * 1024));
  std::string line;
  while (std::getline(file, line)) {
    const auto json = Json::parse(line, nullptr, false);
    if (json.is_discarded() || json.value("event", "") != "action" || json["decision"]["action"] != "up") continue;
    const auto at = json["at"].get<std::string>();  // 2026-11-22T06:12:24.190922Z
    const auto millis = codec::parse_utc_millis(at.substr(0, 23) + "Z");
    if (!millis) stop("unreadable stamp " + at);
    const auto micros = *millis * 1'000 + std::atoi(at.substr(23, 3).c_str());
    if (micros >= since) return micros;
  }
  stop("scale_events.jsonl has no decision of this step");
}

struct Round {
  double to_decision_ms, to_answer_ms, all_ms;
};

Round run_round(const Arguments& arguments) {
  const auto farm = await_calm(arguments);
  std::optional<Prober> prober;
  prober.emplace(arguments.port, farm.serving);
  std::vector<Fd> held;
  for (int i = 0; i < kStep; ++i) held.push_back(connect_to(arguments.port));
  // Not in step with the controller's samples: what has to be measured is any moment.
  std::this_thread::sleep_for(kCalm + std::chrono::microseconds(std::rand() % 300'000));
  std::int64_t begin = 0;
  for (int i = 0; i < kStep; ++i) {
    send_request(held[static_cast<std::size_t>(i)], "/cgi-bin/wait?3000");
    if (i + 1 == kThreshold) begin = system_micros();
    std::this_thread::sleep_for(kSpacing);
  }
  const auto first = prober->await_first();
  std::this_thread::sleep_for(std::chrono::milliseconds(50));  // the decision is written down after it was carried out
  const bool failed = prober->failed();
  prober.reset();  // before the new gear is taken away from it
  if (failed) stop("a request failed");
  const auto decision = decision_after(arguments, begin);
  held.clear();
  for (const auto& name : look(arguments).surplus) {
    const auto gone = system::run_process({arguments.remove_gear, "--gear", name, "--now"}, core::Millis{20'000},
                                          {"HOME=" + std::string(std::getenv("HOME"))});
    if (!gone || gone->exit_code != 0)
      stop("remove-gear: " + (gone ? (gone->timed_out ? "not done after 20 s " : "") + gone->output : gone.error().message));
  }
  const auto ms = [](std::int64_t micros) { return static_cast<double>(micros) / 1'000; };
  return Round{ms(decision - begin), ms(first - decision), ms(first - begin)};
}

void print_row(const Arguments& arguments, const char* what, std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const auto at = [&](double part) { return values[static_cast<std::size_t>(part * static_cast<double>(values.size() - 1) + 0.5)]; };
  std::printf("%-9s %-28s %8.2f %8.2f %8.2f   %zu\n", arguments.label.c_str(), what, at(0.5), at(0.99), values.back(), values.size());
}

}  // namespace

// LABEL PORT ROUNDS STANDBYS REGISTRY EVENTS REMOVE_GEAR
int main(int argc, char** argv) {
  if (argc != 8) {
    std::fprintf(stderr, "usage: bench_latency LABEL PORT ROUNDS STANDBYS REGISTRY EVENTS REMOVE_GEAR (run by tests/bench/latency.sh)\n");
    return 2;
  }
  Arguments arguments;
  arguments.label = argv[1];
  arguments.port = std::atoi(argv[2]);
  arguments.rounds = std::atoi(argv[3]);
  arguments.standbys = std::atoi(argv[4]);
  arguments.registry = argv[5];
  arguments.events = argv[6];
  arguments.remove_gear = argv[7];
  try {
    std::vector<double> to_decision, to_answer, all;
    for (int i = -1; i < arguments.rounds; ++i) {
      const auto round = run_round(arguments);
      if (i < 0) continue;  // the first one warms the caches up
      to_decision.push_back(round.to_decision_ms);
      to_answer.push_back(round.to_answer_ms);
      all.push_back(round.all_ms);
    }
    print_row(arguments, "step -> decision", to_decision);
    print_row(arguments, "decision -> first answer", to_answer);
    print_row(arguments, "step -> first answer", all);
    return 0;
  } catch (const std::exception& problem) {
    std::fprintf(stderr, "bench_latency %s: %s\n", arguments.label.c_str(), problem.what());
    return 1;
  }
}
