// SPDX-License-Identifier: Apache-2.0
// A simulated world with faults by chance: what is on the machine and outlives any process, and the ports of one process that works on it.
// Single-threaded, in virtual time; the same seed gives the same life.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gearscale/core/plan.hpp"
#include "gearscale/ports.hpp"
#include "gearscale/sim/chance.hpp"
#include "gearscale/sim/faults.hpp"
#include "gearscale/sim/machine.hpp"
#include "gearscale/sim/proxy.hpp"
#include "gearscale/sim/world.hpp"

namespace gearscale::sim {

// Thrown by a port: the process was killed at that call.
struct Crash {};

// The directory of the registry.
struct Disk {
  core::Registry registry;
  bool corrupt = false;
  int temp_files = 0;  // of a writing that was cut off
  core::Time lock_held_until{};
  core::Time full_until{};
  unsigned tampered = 0;  // grows when the registry is lost, corrupted or of another boot
};

class ChaosWorld {
 public:
  ChaosWorld(std::uint64_t seed, bool aloud) : chance(seed), journal(aloud) {}

  // Time passes, and what is due happens.
  void advance_to(core::Time time);
  void advance(core::Millis by) { advance_to(clock.now() + by); }
  core::Time next_event() const;
  // One that befalls the world itself; those for processes do nothing here.
  void strike(Calamity calamity);
  // What lasts comes to its end: templates, disks and HAProxy are well again. A gear that hangs hangs on.
  void calm();

  void note(std::string text) { journal.note(clock.now(), std::move(text)); }
  // Somebody broke a rule.
  void object(std::string what);
  // Something was told about this gear that may not be true.
  void suspect(std::string_view id) { suspects.insert_or_assign(std::string(id), clock.now()); }
  std::string any_container(bool running);
  void process_killed(int process);

  std::vector<core::ContainerFact> containers() const;  // those with our mark

  struct Writing {  // of haproxy.cfg, by a process of its own
    int owner = 0;
    std::vector<ServerSpec> servers;
    core::Time due;
    bool works = true;  // the file changes
    std::optional<Error> reported;
    bool done = false;  // not yet collected
  };
  void begin_writing(int owner, const std::vector<ServerSpec>& servers);
  bool file_is(const std::vector<ServerSpec>& servers) const;

  SimClock clock;
  Chance chance;
  Faults faults;
  Journal journal;
  Machine machine{clock, chance, faults, journal};
  Proxy proxy{clock, chance, machine};
  Disk disk;
  std::vector<Writing> writings;
  core::AddressPool pool;
  std::map<std::string, core::Time, std::less<>> suspects;
  std::vector<std::string> objections;
  bool rebooted = false;                               // whoever runs the processes has to end them
  static constexpr const char* kForeign = "f0f0f0f0";  // a container with one of our names that is not ours

 private:
  void strike_proxy(Calamity calamity);
  void strike_gear(Calamity calamity);
  void reboot();
  void stray_server();
  void stranger();
  void end_writings();
  core::Millis churn_interval() const { return core::Millis{proxy.drains() ? 1'000 : 10'000}; }

  core::Time churned_{};
};

// The ports of one process.
class ChaosBalancer final : public Balancer {
 public:
  ChaosBalancer(ChaosWorld& world, int process) : world_(world), process_(process) {}
  Result<const BalancerView*> observe() override;
  Result<double> sessions() override;
  Result<void> add(const ServerSpec& server) override;
  Result<void> drain(std::string_view id) override { return set_admin("drain", id, Proxy::Admin::drain); }
  Result<void> recall(std::string_view id) override { return set_admin("recall", id, Proxy::Admin::ready); }
  Result<void> maint(std::string_view id) override { return set_admin("maint", id, Proxy::Admin::maint); }
  Result<void> cut_sessions(std::string_view id) override;
  Result<bool> remove(std::string_view id) override;
  Result<void> remember() override { return {}; }  // the proxy of this world knows its predecessors by itself
  Result<void> begin_file(const std::vector<ServerSpec>& servers) override;
  std::optional<Result<void>> file_written() override;
  bool file_busy() const override;
  int file_fd() const override { return -1; }
  Result<bool> file_holds(const std::vector<ServerSpec>& servers) override;
  core::Time observed{};  // the last time it worked

 private:
  Result<void> set_admin(const char* what, std::string_view id, Proxy::Admin admin);
  void forget_view();

  ChaosWorld& world_;
  int process_;
  BalancerView view_;
  std::vector<std::string> ids_;
  std::optional<std::vector<ServerSpec>> waiting_;
};

class ChaosHost final : public GearHost {
 public:
  ChaosHost(ChaosWorld& world, const ChaosBalancer& balancer, int process) : world_(world), balancer_(balancer), process_(process) {}
  Result<std::vector<core::ContainerFact>> list() override;
  Result<core::ContainerState> inspect(std::string_view id) override;
  Result<void> check_room(int count, const std::string& template_name) override;
  Result<void> begin(JobKind kind, const GearSpec& gear, core::Millis deadline) override;
  void cancel(std::string_view id) override { world_.machine.cancel(process_, id); }
  std::vector<JobResult> finished() override;
  Result<void> wake(std::string_view id) override;
  std::vector<std::string> died() override;
  Result<void> take_over(const std::vector<std::string>&) override { return {}; }
  Result<std::vector<std::string>> leftovers(const std::vector<std::string>&) override { return std::vector<std::string>(); }
  Result<std::vector<std::string>> untied(const std::vector<TiedGear>&) override { return std::vector<std::string>(); }
  void begin_mending(const std::vector<TiedGear>&) override {}
  std::vector<std::string> mended() override { return {}; }
  std::vector<Diagnosis> diagnose(const std::vector<DownGear>&) override { return {}; }
  bool begin_diagnosis(const std::vector<DownGear>&) override { return true; }
  std::vector<Diagnosis> diagnosed() override { return {}; }
  int ready_fd() const override { return -1; }

 private:
  void hold(const std::string& id);

  ChaosWorld& world_;
  const ChaosBalancer& balancer_;
  int process_;
  std::map<std::string, int, std::less<>> held_;  // the init of each
};

class ChaosStore final : public Store {
 public:
  explicit ChaosStore(ChaosWorld& world) : world_(world) {}
  Result<std::unique_ptr<StoreLock>> lock(core::Millis patience) override;
  Result<Loaded> load() override;
  Result<void> save(const core::Registry& registry) override;
  void tidy() override { world_.disk.temp_files = 0; }

 private:
  ChaosWorld& world_;
  core::Registry cached_;
  bool fresh_ = false;  // what is cached is what was last read or written
  unsigned seen_ = 0;
};

// Lines of weight go to the journal.
class ChaosEvents final : public EventSink {
 public:
  explicit ChaosEvents(ChaosWorld& world) : world_(world) {}
  void text(Severity severity, std::string_view message) override;
  void json(std::string_view) override {}
  bool wants_debug() const override { return false; }

 private:
  ChaosWorld& world_;
};

struct ChaosProcess {
  ChaosProcess(ChaosWorld& world, int process)
      : number(process), balancer(world, process), host(world, balancer, process), store(world), events(world) {}
  int number;
  ChaosBalancer balancer;
  ChaosHost host;
  ChaosStore store;
  ChaosEvents events;
};

}  // namespace gearscale::sim
