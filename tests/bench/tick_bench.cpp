// SPDX-License-Identifier: Apache-2.0
// What a check tick and a fast sample cost at a real HAProxy with many servers, and how much memory the controller then has.
// Each number of rows is measured by a process of its own, because what it takes once it may never give back.
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "gearscale/app/control_loop.hpp"
#include "gearscale/app/controller.hpp"
#include "gearscale/base/text.hpp"
#include "gearscale/codec/haproxy_block.hpp"
#include "gearscale/haproxy/haproxy_balancer.hpp"
#include "gearscale/sim/world.hpp"
#include "gearscale/system/clock.hpp"
#include "gearscale/system/event_log.hpp"
#include "gearscale/system/heap.hpp"
#include "gearscale/system/registry_store.hpp"
#include "unit/system/helpers.hpp"

namespace {

using namespace gearscale;

constexpr int kRows[] = {1, 100, 1000, 5000};
constexpr int kOrdinaryFarm = 100;
constexpr std::size_t kTicks = 300;
constexpr double kTargetMs = 4.0;
constexpr double kTargetMb = 12.0;
constexpr double kTargetShare = 1.0;
constexpr auto kWarmUp = std::chrono::seconds(1);
constexpr auto kIdleTime = std::chrono::seconds(12);  // four checks
constexpr auto kPause = std::chrono::milliseconds(5);  // the daemon sleeps between ticks, and its caches get cold

struct Paths {
  std::string directory;
  std::string config() const { return directory + "/haproxy.cfg"; }
  std::string stats() const { return directory + "/stats"; }
  system::RegistryPaths registry() const { return {directory + "/gear-registry.json", directory + "/gearscale.lock"}; }
};

const core::Application kApplication{"shop", ""};

[[noreturn]] void stop(const std::string& why) { throw std::runtime_error(why); }

std::string id_of(int row) {
  char id[16];
  std::snprintf(id, sizeof id, "%08x", static_cast<unsigned>(row) * 2654435761U);  // spread, as random ids are
  return id;
}

std::uint32_t address_of(int row) { return 0x7f010000U + static_cast<std::uint32_t>(row); }  // 127.1.0.0 and on, where nobody listens

haproxy::Options options(const Paths& paths) {
  haproxy::Options options;
  options.application = kApplication;
  options.stats_socket = paths.stats();
  options.config_file = paths.config();
  options.gear_port = 9;
  options.check.clear();  // a server without a check counts as UP
  options.deadline = core::Millis{10'000};
  return options;
}

// haproxy.cfg with the gears in our block, and the registry that goes with it, so that a tick finds nothing to do.
void prepare(const Paths& paths, int rows) {
  const std::string frame = "global\n    stats socket " + paths.stats() + " mode 600 level admin\n    maxconn 100\n" +
                            "defaults\n    mode http\n    timeout connect 5s\n    timeout client 1m\n    timeout server 1m\n" +
                            "frontend express_in\n    bind " + paths.directory + "/front\n    default_backend express\n" +
                            "backend express\n    balance leastconn\n    cookie GEAR insert indirect nocache dynamic\n" +
                            "    dynamic-cookie-key bench\n    " + codec::begin_marker("express") + "\n    " +
                            codec::end_marker("express") + "\n";
  std::vector<codec::ServerCommand> servers;
  core::Registry registry;
  registry.generation = 1;
  for (int row = 0; row < rows; ++row) {
    servers.push_back({"express", core::server_name(kApplication, id_of(row)), format_ipv4(address_of(row)), 9, "", 0});
    core::Gear gear;
    gear.id = id_of(row);
    gear.address = address_of(row);
    gear.state = core::GearState::serving;
    gear.created_ms = 1'795'334'400'000 + row;
    registry.gears.push_back(std::move(gear));
  }
  const auto text = codec::replace_block(frame, "express", servers);
  if (!text) stop(text.error().message);
  test::spit(paths.config(), *text);
  system::SystemClock clock;
  system::RegistryStore store(paths.registry(), kApplication, clock);
  const auto lock = store.lock(core::Millis{1'000});
  if (!lock) stop(lock.error().message);
  if (const auto saved = store.save(registry); !saved) stop(saved.error().message);
}

double cpu_ms() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

struct Cost {
  double median = 0;
  double p99 = 0;
};

Cost measure(const std::function<void()>& work) {
  std::vector<double> costs;
  for (std::size_t i = 0; i < kTicks; ++i) {
    std::this_thread::sleep_for(kPause);
    const auto before = cpu_ms();
    work();
    costs.push_back(cpu_ms() - before);
  }
  std::sort(costs.begin(), costs.end());
  return {costs[costs.size() / 2], costs[costs.size() * 99 / 100]};
}

double status_mb(const std::string& field) {
  for (const auto& line : test::lines_of("/proc/self/status")) {
    if (line.starts_with(field + ":")) return std::strtod(line.c_str() + field.size() + 1, nullptr) / 1024;
  }
  stop("no " + field + " in /proc/self/status");
}

// The loop as the daemon runs it, at the default rates, with nothing to do: its CPU time in % of one core.
double idle_share(app::Controller& controller, const app::Ports& ports, const app::TickInput& input) {
  timespec before{}, after{};
  const auto begin = std::chrono::steady_clock::now() + kWarmUp;  // its first check brings everything together once more
  bool began = false;
  app::LoopHooks hooks;
  hooks.may_drive = [] { return true; };
  hooks.read_inputs = [&] { return input; };
  hooks.next_signal = [&]() -> std::optional<int> {
    const auto now = std::chrono::steady_clock::now();
    if (!began && now >= begin) {
      began = true;
      ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
    }
    return now >= begin + kIdleTime ? std::optional(SIGTERM) : std::nullopt;
  };
  app::run_loop(
      controller, ports, [] { return app::Intervals{}; }, hooks);
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
  const auto seconds = static_cast<double>(after.tv_sec - before.tv_sec) + static_cast<double>(after.tv_nsec - before.tv_nsec) / 1e9;
  return 100.0 * seconds / std::chrono::duration<double>(kIdleTime).count();
}

// The measuring process: a controller as in the daemon, but for its gear host, which holds containers in memory.
int measure_rows(const Paths& paths, int rows) {
  system::keep_heap_small();  // as the controller does
  system::SystemClock clock;
  system::EventLog events({.text_path = paths.directory + "/scale_events.log", .json_path = paths.directory + "/scale_events.jsonl"});
  system::RegistryStore store(paths.registry(), kApplication, clock);
  haproxy::HaproxyBalancer balancer(options(paths));
  sim::SimClock host_clock;
  sim::SimGearHost host(host_clock);
  for (int row = 0; row < rows; ++row) host.containers[id_of(row)] = {address_of(row), core::ContainerState::running};
  app::ControlSettings settings;
  settings.application = kApplication;
  settings.pool = core::AddressPool{0x7f010000U, 0x7f01ffffU, 16};
  settings.pid = ::getpid();
  settings.timeouts.drain_idle = core::Millis{0};
  app::Controller controller(settings, {balancer, host, store, clock, events}, [] { return id_of(1'000'000); });
  app::TickInput input;
  input.look = app::Look::check;
  input.limits.min = rows;  // nothing to add, nothing to remove
  const auto tick = [&] {
    const auto report = controller.tick(input);
    if (report.error) stop(report.error->message);
    if (!report.decision || report.decision->reason != core::Reason::at_min || report.decision->numbers.serving != rows) {
      stop("the controller does not see " + std::to_string(rows) + " gears at rest");
    }
  };
  tick();  // the first one brings registry, containers and servers together
  const auto check = measure(tick);
  const auto sample = measure([&] { controller.sample(); });
  const auto share = idle_share(controller, {balancer, host, store, clock, events}, input);
  const auto memory = status_mb("VmRSS");
  // One gear comes and one goes, with all that is written and checked for it.
  for (const auto& limits : {core::Limits{rows + 1, core::Limits::kNoLimit}, core::Limits{1, rows}}) {
    input.limits = limits;
    const int wanted = limits.min > rows ? rows + 1 : rows;
    for (int ticks = 0;; ++ticks) {
      const auto report = controller.tick(input);
      if (report.decision && report.decision->numbers.serving == wanted && !controller.next_look()) break;
      if (ticks == 5'000) stop("the farm did not come to " + std::to_string(wanted) + " gears");
      host_clock.advance(core::Millis{100});
      std::this_thread::sleep_for(kPause);  // haproxy.cfg is written by a process of its own
    }
  }
  // VmHWM is the peak since the start.
  const auto most = status_mb("VmHWM");
  std::printf("%.6f %.6f %.6f %.6f %.6f %.3f %.3f\n", check.median, check.p99, sample.median, sample.p99, share, memory, most);
  return 0;
}

struct Row {
  Cost check, sample;
  double share = 0;  // of one core, in %
  double rss = 0, peak = 0;
};

// Starts HAProxy and, when it answers, the measuring process.
Row run(int rows) {
  const test::TempDir directory;
  const Paths paths{directory.path()};
  prepare(paths, rows);
  test::Child haproxy([&] {
    const Fd log(::open((directory / "haproxy.log").c_str(), O_WRONLY | O_CREAT, 0600));
    ::dup2(log.get(), STDOUT_FILENO);
    ::dup2(log.get(), STDERR_FILENO);
    ::execl("/usr/sbin/haproxy", "haproxy", "-db", "-f", paths.config().c_str(), static_cast<char*>(nullptr));
    return 127;
  });
  haproxy::HaproxyBalancer balancer(options(paths));
  for (int attempt = 0; !balancer.info(); ++attempt) {
    if (attempt == 600) stop("HAProxy did not start: " + test::slurp(directory / "haproxy.log"));
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  const auto out = directory / "row";
  test::Child measuring([&] {
    const Fd file(::open(out.c_str(), O_WRONLY | O_CREAT, 0600));
    ::dup2(file.get(), STDOUT_FILENO);
    const auto count = std::to_string(rows);
    ::execl("/proc/self/exe", "bench_tick", "--measure", paths.directory.c_str(), count.c_str(), static_cast<char*>(nullptr));
    return 127;
  });
  if (measuring.exit_code() != 0) stop("the measuring process failed at " + std::to_string(rows) + " rows");
  Row row;
  std::ifstream(out) >> row.check.median >> row.check.p99 >> row.sample.median >> row.sample.p99 >> row.share >> row.rss >> row.peak;
  return row;
}

int run_all() {
  std::printf("A check: one full tick of the controller. A sample: the sessions alone. CPU time of its thread, %zu times each.\n"
              "Idle: the loop at the default rates with nothing to do, %% of one core. Memory: at rest, and the most it ever was, with its\n"
              "start and with a gear that comes and one that goes.\n\n", kTicks);
  std::printf("        check, ms CPU     sample, ms CPU    idle    RSS, MB\n  rows  median     p99    median     p99   %% core  rest   most\n");
  Row row;
  double idle = 0;  // of a farm of ordinary size
  for (const int rows : kRows) {
    row = run(rows);
    if (rows <= kOrdinaryFarm) idle = row.share;
    std::printf("%6d %7.3f %7.3f   %7.3f %7.3f   %6.2f   %4.1f   %4.1f\n", rows, row.check.median, row.check.p99, row.sample.median,
                row.sample.p99, row.share, row.rss, row.peak);
    std::fflush(stdout);
  }
  std::printf("\nbench tick: %.2f ms CPU per check at 5000 rows, idle %.2f%% of a core at %d gears, RSS %.1f MB idle at 5000 rows, %.1f at most "
              "(target at most %.0f ms, %.0f%%, %.0f MB idle)\n",
              row.check.median, idle, kOrdinaryFarm, row.rss, row.peak, kTargetMs, kTargetShare, kTargetMb);
  return row.check.median <= kTargetMs && idle < kTargetShare && row.rss <= kTargetMb ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const std::vector<std::string> arguments(argv + 1, argv + argc);
    if (arguments.empty()) return run_all();
    const auto rows = arguments.size() == 3 && arguments[0] == "--measure" ? parse_integer(arguments[2]) : std::nullopt;
    if (rows) return measure_rows(Paths{arguments[1]}, static_cast<int>(*rows));
    std::fprintf(stderr, "bench_tick: it takes no arguments; see scripts/bench --help\n");
    return 2;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_tick: %s\n", error.what());
    return 1;
  }
}
