// SPDX-License-Identifier: Apache-2.0
// gearscale-load: a closed-loop HTTP load generator in one thread, for the quickstart and the integration tests. Its clients keep their
// connections, as browsers do; HAProxy chooses a gear for each request all the same.
#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "gearscale/base/fd.hpp"
#include "gearscale/base/text.hpp"
#include "load_client.hpp"
#include "load_options.hpp"
#include "load_report.hpp"

namespace gearscale::load {

namespace {

volatile std::sig_atomic_t released_by_signal = 0;
volatile std::sig_atomic_t stopped_by_signal = 0;

constexpr std::size_t kMaxLatencies = 4'000'000;
constexpr Seconds kPauseAfterFailure = 0.1;
constexpr Seconds kStatsInterval = 0.5;
constexpr int kMaxComplaints = 10;
constexpr Seconds kNever = std::numeric_limits<Seconds>::infinity();

class Load {
 public:
  explicit Load(Options options) : options_(std::move(options)), target_(std::max(options_.hold, 0)) {}
  int run();

 private:
  Seconds now() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }
  bool is_held() const { return options_.hold >= 0; }
  bool is_over(Seconds time) const;
  void set_held(int count, Seconds time);
  void give_up_beyond_target(Seconds time);
  void start_requests(Seconds time);
  void begin_session(Client& client, Seconds time);
  void begin_request(Client& client, Seconds time);
  void connect(Client& client, Seconds time);
  void follow(Client& client, short events, Seconds time);
  void see_closed(Client& client);
  void finish(Client& client, Seconds time);
  void fail_request(Client& client, Failure failure, const std::string& why, Seconds time);
  void note_failure(const Client& client, Failure failure, Seconds time);
  void wait_and_serve();
  void read_stdin();
  void write_stats(Seconds time);

  Options options_;
  int target_ = 0;
  bool released_ = false;
  Seconds lowered_at_ = 0;  // when a held load was last made smaller
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::vector<Client> clients_;
  Tally tally_;
  int in_flight_ = 0;
  int complaints_ = 0;
  Seconds next_stats_ = 0;
  std::string stdin_text_;
};

void Load::note_failure(const Client& client, Failure failure, Seconds time) {
  if (options_.failures_file.empty()) return;
  const auto ended = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  const auto text = failed_json({ended - static_cast<std::int64_t>(1000 * (time - client.started)), ended, failure, client.answer.size(),
                                 read_answer(client.answer)});
  const Fd file(::open(options_.failures_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  if (::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) std::fputs(text.c_str(), stderr);
}

void Load::fail_request(Client& client, Failure failure, const std::string& why, Seconds time) {
  ++tally_.failures[failure];
  if (complaints_++ < kMaxComplaints) {
    std::fprintf(stderr, "gearscale-load: a request failed after %.0f ms: %s\n", 1000 * (time - client.started), why.c_str());
  }
  note_failure(client, failure, time);
  client.connection.reset();
  client.in_flight = false;
  client.not_before = time + kPauseAfterFailure;
  --in_flight_;
}

// The first ones end one after the other, so that the clients do not all begin anew at once.
void Load::begin_session(Client& client, Seconds time) {
  const bool first = client.session_end == 0;
  const auto share = first ? static_cast<double>(&client - clients_.data() + 1) / static_cast<double>(clients_.size()) : 1.0;
  client.session_end = options_.session_seconds > 0 ? time + options_.session_seconds * share : kNever;
  client.cookie.clear();
  client.last_gear.clear();
  client.connection.reset();  // a new visitor comes with a new one
  ++tally_.sessions;
}

void Load::begin_request(Client& client, Seconds time) {
  if (options_.cookies && time >= client.session_end) begin_session(client, time);
  if (client.connection.is_open() && kept_was_closed(client)) see_closed(client);
  client.answer.clear();
  client.started = time;
  client.request = request_text(client, options_);
  client.sent = 0;
  client.in_flight = true;
  client.reused = client.connection.is_open();
  ++in_flight_;
  if (!client.reused) connect(client, time);
}

void Load::connect(Client& client, Seconds time) {
  ++tally_.connections;
  if (!open_connection(client, options_)) fail_request(client, Failure::connect, std::string("connect: ") + std::strerror(errno), time);
}

void Load::finish(Client& client, Seconds time) {
  const auto answer = read_answer(client.answer);
  if (answer.status == 0 || !answer.whole) return fail_request(client, Failure::truncated, "the answer was cut short", time);
  if (answer.status < 200 || answer.status > 399)
    return fail_request(client, Failure::status, "status " + std::to_string(answer.status), time);
  if (options_.close || !answer.keeps) client.connection.reset();
  client.in_flight = false;
  client.not_before = time + options_.think_seconds;
  --in_flight_;
  ++tally_.answered;
  if (tally_.latencies_ms.size() < kMaxLatencies) tally_.latencies_ms.push_back(static_cast<float>(1000 * (time - client.started)));
  if (!answer.gear.empty()) ++tally_.gears[answer.gear];
  if (!options_.cookies) return;
  if (answer.sets_cookie) client.cookie = answer.cookie;
  if (!client.last_gear.empty() && client.last_gear != answer.gear) {
    ++tally_.gear_changes;
    client.changed = true;
    if (complaints_++ < kMaxComplaints) {
      std::fprintf(stderr, "gearscale-load: after %.3f s: a client with a cookie went from %s to %s\n", time, client.last_gear.c_str(),
                   answer.gear.c_str());
    }
  }
  client.last_gear = answer.gear;
}

void Load::follow(Client& client, short events, Seconds time) {
  switch (serve(client, events)) {
    case Progress::under_way: return;
    case Progress::answered: return finish(client, time);
    case Progress::closed_idle: ++tally_.sent_again; return connect(client, time);
    case Progress::unanswered: return fail_request(client, Failure::unanswered, "the kept connection was closed without an answer", time);
    case Progress::refused: return fail_request(client, Failure::connect, std::string("connect: ") + std::strerror(errno), time);
    case Progress::broken: return fail_request(client, Failure::truncated, std::string("in the middle: ") + std::strerror(errno), time);
  }
}

// Nothing is to come on a kept connection without a request but its end.
void Load::see_closed(Client& client) {
  client.connection.reset();
  ++tally_.closed_idle;
}

void Load::set_held(int count, Seconds time) {
  if (count < target_) lowered_at_ = time;
  target_ = count;
}

// A held load that was made smaller: requests beyond it may be answered within the grace, then the client goes away.
void Load::give_up_beyond_target(Seconds time) {
  if (!is_held() || time - lowered_at_ <= options_.grace_seconds) return;
  for (auto i = static_cast<std::size_t>(target_); i < clients_.size(); ++i) {
    clients_[i].connection.reset();
    if (!std::exchange(clients_[i].in_flight, false)) continue;
    --in_flight_;
    ++tally_.released;
  }
}

void Load::start_requests(Seconds time) {
  if (!is_held()) target_ = target_at(options_.steps, time);
  if (released_) set_held(0, time);
  // Grows once to the most clients there ever were; a client keeps its cookie while it pauses.
  if (static_cast<std::size_t>(target_) > clients_.size()) clients_.resize(static_cast<std::size_t>(target_));
  for (std::size_t i = 0; i < static_cast<std::size_t>(target_); ++i) {
    auto& client = clients_[i];
    if (!client.in_flight && time >= client.not_before) begin_request(client, time);
  }
}

void Load::read_stdin() {
  char buffer[4096];
  const auto count = ::read(STDIN_FILENO, buffer, sizeof buffer);
  if (count <= 0) {
    released_ = true;
    return;
  }
  stdin_text_.append(buffer, static_cast<std::size_t>(count));
  for (auto end = stdin_text_.find('\n'); end != std::string::npos; end = stdin_text_.find('\n')) {
    const auto number = parse_integer(trim(std::string_view(stdin_text_).substr(0, end)));
    if (number && *number >= 0 && *number <= kMaxInFlight) {
      set_held(static_cast<int>(*number), now());
    } else {
      std::fprintf(stderr, "gearscale-load: stdin: not a number from 0 to %d: ignored\n", kMaxInFlight);
    }
    stdin_text_.erase(0, end + 1);
  }
}

void Load::wait_and_serve() {
  std::vector<pollfd> polled;
  std::vector<std::size_t> owners;
  for (std::size_t i = 0; i < clients_.size(); ++i) {
    const auto& client = clients_[i];
    if (!client.connection.is_open()) continue;
    const bool wants_out = client.in_flight && (!client.connected || client.sent < client.request.size());
    polled.push_back({client.connection.get(), static_cast<short>(wants_out ? POLLIN | POLLOUT : POLLIN), 0});
    owners.push_back(i);
  }
  if (options_.read_stdin && !released_) polled.push_back({STDIN_FILENO, POLLIN, 0});
  ::poll(polled.data(), polled.size(), 20);  // the schedule and the deadlines are looked at 50 times a second
  const auto time = now();
  for (std::size_t i = 0; i < owners.size(); ++i) {
    auto& client = clients_[owners[i]];
    if (polled[i].revents != 0 && client.in_flight) {
      follow(client, polled[i].revents, time);
    } else if (polled[i].revents != 0) {
      see_closed(client);
    }
    if (client.in_flight && time - client.started > options_.timeout_seconds) {
      fail_request(client, Failure::timeout, "no whole answer in time", time);
    }
  }
  if (polled.size() > owners.size() && polled.back().revents != 0) read_stdin();
}

void Load::write_stats(Seconds time) {
  if (options_.stats_file.empty() || time < next_stats_) return;
  next_stats_ = time + kStatsInterval;
  const auto temporary = options_.stats_file + ".new";
  const auto text = now_json({time, target_, in_flight_}, tally_);
  const Fd file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  // A display without numbers is no reason to stop the load.
  if (::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()))
    std::rename(temporary.c_str(), options_.stats_file.c_str());
}

bool Load::is_over(Seconds time) const {
  if (stopped_by_signal != 0) return true;
  if (!is_held()) return time >= total_seconds(options_.steps) && in_flight_ == 0;
  return released_ && in_flight_ == 0;
}

int Load::run() {
  while (!is_over(now())) {
    const auto time = now();
    if (is_held() && released_by_signal != 0) released_ = true;
    start_requests(time);
    write_stats(time);
    wait_and_serve();
    give_up_beyond_target(now());
  }
  tally_.released += static_cast<std::uint64_t>(in_flight_);
  for (const auto& client : clients_) {
    tally_.cookie_clients += client.cookie.empty() ? 0 : 1;
    tally_.clients_that_changed += client.changed ? 1 : 0;
  }
  next_stats_ = 0;
  write_stats(now());
  std::fputs(report_json(now(), tally_).c_str(), stdout);
  return tally_.failed() == 0 ? 0 : 1;
}

void prepare_process() {
  struct sigaction action {};
  action.sa_handler = [](int) { released_by_signal = 1; };
  ::sigaction(SIGUSR1, &action, nullptr);
  action.sa_handler = [](int) { stopped_by_signal = 1; };
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

}  // namespace gearscale::load

int main(int argc, char** argv) {
  using namespace gearscale::load;
  auto options = parse_arguments({argv + 1, argv + argc});
  if (!options) {
    std::fprintf(stderr, "gearscale-load: %s\nTry 'gearscale-load --help'.\n", options.error().message.c_str());
    return 2;
  }
  if (options->help) {
    std::fputs(kUsage, stdout);
    return 0;
  }
  prepare_process();
  return Load(std::move(*options)).run();
}
