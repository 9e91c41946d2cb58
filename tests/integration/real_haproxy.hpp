// SPDX-License-Identifier: Apache-2.0
// A real HAProxy in a directory of its own, configured as the cartridge does, with two servers that are not ours. For tests on loopback.
#pragma once

#include <fcntl.h>
#include <poll.h>

#include <csignal>
#include <initializer_list>
#include <memory>
#include <stdexcept>
#include <string>

#include "gearscale/codec/haproxy_block.hpp"
#include "gearscale/codec/show_stat.hpp"
#include "gearscale/haproxy/haproxy_balancer.hpp"
#include "integration/responders.hpp"
#include "unit/system/helpers.hpp"

namespace gearscale::test {

inline constexpr int kFirstGear = 2;  // gears live at 127.0.0.2 to 127.0.0.6
inline constexpr int kLastGear = 6;
inline constexpr int kForeign = 7;      // where server web1 lives
inline constexpr int kAlsoForeign = 8;  // and gear-web, which only begins like a gear
inline constexpr int kNobody = 99;      // nothing listens here

// Gears of the tests.
inline const std::string kFirst = "00000001";
inline const std::string kSecond = "00000002";
inline const std::string kThird = "00000003";

inline std::uint32_t at(int host) { return kLoopback + static_cast<std::uint32_t>(host); }

class RealHaproxy {
 public:
  RealHaproxy() : servers_(kFirstGear, kAlsoForeign) {
    ::chmod(directory_.path().c_str(), 0755);  // so that only the socket's own mode keeps others out
    spit(config(), text());
    start();
  }

  void start() { start({}); }
  // A new process takes over from the running one, which ends when its last connection is done.
  void reload() {
    const auto pid = std::to_string(child_->pid());
    old_ = std::move(child_);
    start({"-sf", pid});
  }
  void stop() {
    child_->kill(SIGTERM);
    child_->status();
  }

  // As the cartridge's template has it.
  std::string text() const {
    const auto port = std::to_string(servers_.port());
    return "# the user's own words\n"
           "global\n"
           "    stats socket " + stats() + " mode 600 level admin expose-fd listeners\n"
           "    stats socket " + user_socket() + " mode 600 level user\n"
           "    maxconn 200\n"
           "    log ring@requests local0\n"
           "ring requests\n"
           "    format rfc3164\n"
           "    maxlen 2048\n"
           "    size 4194304\n"
           "defaults\n"
           "    mode http\n"
           "    log global\n"
           "    option httplog\n"
           "    option abortonclose\n"
           "    option redispatch 1\n"
           "    retries 3\n"
           "    retry-on conn-failure empty-response\n"
           "    timeout connect 5s\n"
           "    timeout client 1m\n"
           "    timeout server 1m\n"
           "    timeout check 2s\n"
           "frontend express_in\n"
           "    bind " + front() + "\n"
           "    default_backend express\n"
           "backend express\n"
           "    balance leastconn\n"
           "    option httpchk GET /\n"
           "    http-request disable-l7-retry unless { method GET HEAD OPTIONS }\n"
           "    cookie GEAR insert indirect nocache dynamic\n"
           "    dynamic-cookie-key tests-only\n"
           "    " + codec::begin_marker("express") + "\n"
           "    " + codec::end_marker("express") + "\n"
           "    server web1 127.0.0.7:" + port + "\n"
           "    server gear-web 127.0.0.8:" + port + " maxconn 50\n";
  }

  // For tests that wait until a gear is found DOWN.
  haproxy::Options options_with_quick_check() const {
    auto quick = options();
    quick.check = "check inter 100 fall 2 rise 1";
    return quick;
  }
  haproxy::Options options() const {
    haproxy::Options options;
    options.application = core::Application{"shop", "prod"};
    options.stats_socket = stats();
    options.config_file = config();
    options.gear_port = servers_.port();
    options.check = "check inter 10s fall 3 rise 1";  // a busy machine must not fail a test
    options.deadline = core::Millis{20'000};
    return options;
  }

  std::string config() const { return directory_ / "haproxy.cfg"; }
  std::string stats() const { return directory_ / "stats"; }
  std::string user_socket() const { return directory_ / "user"; }
  std::string front() const { return directory_ / "front"; }
  const TempDir& directory() const { return directory_; }
  pid_t pid() const { return child_->pid(); }
  Responders& servers() { return servers_; }

  Answer get(const std::string& cookie = "") const { return Request(front(), "/", cookie).answer(); }
  Request hold(const std::string& cookie) const { return {front(), "/hold", cookie}; }

  // The sticky cookie that the server at 127.0.0.HOST hands out; empty when new clients do not come there.
  std::string cookie_of(int host) const {
    for (int attempt = 0; attempt < 60; ++attempt) {
      const auto answer = get();
      if (answer.status == 200 && answer.server == format_ipv4(at(host))) return answer.cookie;
    }
    return "";
  }

  // A row of `show stat`, of whatever server, as text; empty when there is none.
  std::string row(const std::string& server) const {
    haproxy::RuntimeSocket socket(stats(), core::Millis{20'000});
    const auto reply = socket.exchange("show stat express 4 -1");
    if (!reply) return reply.error().message;
    for (const auto line : split(*reply, '\n')) {
      if (line.starts_with("express," + server + ",")) return std::string(line);
    }
    return "";
  }

 private:
  void start(const std::vector<std::string>& more) {
    child_ = std::make_unique<Child>([&] {
      const int log = ::open((directory_ / "haproxy.log").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
      ::dup2(log, STDOUT_FILENO);
      ::dup2(log, STDERR_FILENO);
      const auto file = config();
      std::vector<const char*> arguments{"haproxy", "-db", "-f", file.c_str()};
      for (const auto& argument : more) arguments.push_back(argument.c_str());
      arguments.push_back(nullptr);
      ::execv("/usr/sbin/haproxy", const_cast<char* const*>(arguments.data()));
      return 127;
    });
    haproxy::RuntimeSocket socket(stats(), core::Millis{20'000});
    const auto answers = [&] {
      const auto reply = socket.exchange("show info");
      return reply && reply->find("\nPid: " + std::to_string(child_->pid()) + "\n") != std::string_view::npos;
    };
    if (!await(answers)) throw std::runtime_error("HAProxy did not start: " + slurp(directory_ / "haproxy.log"));
  }

  TempDir directory_;
  Responders servers_;
  std::unique_ptr<Child> old_;
  std::unique_ptr<Child> child_;
};

// What a balancer sees, copied: one entry for each gear, in the order of HAProxy.
struct Seen {
  std::string id;
  core::ServerState state;
  std::uint32_t address;
  friend bool operator==(const Seen&, const Seen&) = default;
};

// What stops a test when it fails: not what is tested there.
template <class T>
T demand(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

struct Home {
  std::string id;
  int host;  // it lives at 127.0.0.HOST
};
inline void enrol(haproxy::HaproxyBalancer& balancer, std::initializer_list<Home> gears) {
  for (const auto& gear : gears) demand(balancer.add({gear.id, at(gear.host)}));
}

// Is it gone from HAProxy? Refused for now is no error.
inline bool gone(haproxy::HaproxyBalancer& balancer, const std::string& id) { return demand(balancer.remove(id)); }

// Writes the file as the controller does, and waits for it.
inline Result<void> write_file(haproxy::HaproxyBalancer&& balancer, const std::vector<ServerSpec>& servers) {
  if (auto begun = balancer.begin_file(servers); !begun) return begun;
  for (pollfd ready{balancer.file_fd(), POLLIN, 0}; ::poll(&ready, 1, 30'000) > 0;) {
    if (auto written = balancer.file_written()) return *written;
  }
  return fail(Errc::failed, "the writing of haproxy.cfg did not end");
}
inline Result<void> write_file(haproxy::HaproxyBalancer& balancer, const std::vector<ServerSpec>& servers) {
  return write_file(std::move(balancer), servers);
}

inline std::vector<Seen> look(haproxy::HaproxyBalancer& balancer) {
  const auto view = balancer.observe();
  if (!view) throw std::runtime_error("observe: " + view.error().message);
  std::vector<Seen> seen;
  for (const auto& row : (*view)->gears) seen.push_back({std::string(row.id), row.state, row.address});
  return seen;
}

}  // namespace gearscale::test
