// SPDX-License-Identifier: Apache-2.0
// The simulated ports with a journal of the calls that cost a round trip or change something: for tests of what is done in which order.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "support/world.hpp"

namespace gearscale::test {

using Journal = std::vector<std::string>;

// Passes every call on, and writes down those that cost a round trip or change something.
struct SpyBalancer final : Balancer {
  SpyBalancer(Balancer& real_in, Journal& journal_in) : real(real_in), journal(journal_in) {}
  Result<const BalancerView*> observe() override { return journal.emplace_back("observe"), real.observe(); }
  Result<double> sessions() override { return journal.emplace_back("sessions"), real.sessions(); }
  Result<void> add(const ServerSpec& server) override { return journal.emplace_back("add"), real.add(server); }
  Result<void> drain(std::string_view id) override { return journal.emplace_back("drain"), real.drain(id); }
  Result<void> recall(std::string_view id) override { return journal.emplace_back("recall"), real.recall(id); }
  Result<void> maint(std::string_view id) override { return journal.emplace_back("maint"), real.maint(id); }
  Result<void> cut_sessions(std::string_view id) override { return journal.emplace_back("cut"), real.cut_sessions(id); }
  Result<void> remember() override { return real.remember(); }
  Result<bool> remove(std::string_view id) override { return journal.emplace_back("remove"), real.remove(id); }
  Result<void> begin_file(const std::vector<ServerSpec>& servers) override {
    return journal.emplace_back("file"), real.begin_file(servers);
  }
  std::optional<Result<void>> file_written() override { return real.file_written(); }
  bool file_busy() const override { return real.file_busy(); }
  int file_fd() const override { return -1; }
  Result<bool> file_holds(const std::vector<ServerSpec>& servers) override { return real.file_holds(servers); }
  Balancer& real;
  Journal& journal;
};

struct SpyHost final : GearHost {
  SpyHost(GearHost& real_in, Journal& journal_in) : real(real_in), journal(journal_in) {}
  Result<std::vector<core::ContainerFact>> list() override { return real.list(); }
  Result<core::ContainerState> inspect(std::string_view id) override { return real.inspect(id); }
  Result<void> take_over(const std::vector<std::string>& ids) override { return real.take_over(ids); }
  Result<void> check_room(int count, const std::string& name) override {
    return journal.emplace_back("room"), real.check_room(count, name);
  }
  Result<void> begin(JobKind kind, const GearSpec& gear, core::Millis deadline) override {
    return journal.emplace_back("job"), real.begin(kind, gear, deadline);
  }
  void cancel(std::string_view id) override { real.cancel(id); }
  std::vector<JobResult> finished() override { return real.finished(); }
  Result<void> wake(std::string_view id) override { return journal.emplace_back("thaw"), real.wake(id); }
  std::vector<std::string> died() override { return real.died(); }
  Result<std::vector<std::string>> leftovers(const std::vector<std::string>& known) override { return real.leftovers(known); }
  Result<std::vector<std::string>> untied(const std::vector<TiedGear>& gears) override { return real.untied(gears); }
  void begin_mending(const std::vector<TiedGear>& gears) override { real.begin_mending(gears); }
  std::vector<std::string> mended() override { return real.mended(); }
  std::vector<Diagnosis> diagnose(const std::vector<DownGear>& gears) override { return real.diagnose(gears); }
  bool begin_diagnosis(const std::vector<DownGear>& gears) override { return real.begin_diagnosis(gears); }
  std::vector<Diagnosis> diagnosed() override { return real.diagnosed(); }
  int ready_fd() const override { return -1; }
  GearHost& real;
  Journal& journal;
};

struct SpyStore final : Store {
  SpyStore(Store& real_in, Journal& journal_in) : real(real_in), journal(journal_in) {}
  Result<std::unique_ptr<StoreLock>> lock(core::Millis patience) override {
    ++locks;
    if (refusal) return fail(*refusal);
    return real.lock(patience);
  }
  Result<Loaded> load() override {
    if (on_load) on_load();
    if (unreadable == 0) return real.load();
    --unreadable;
    return fail(Errc::unavailable, "the registry is corrupt");
  }
  Result<void> save(const core::Registry& registry) override { return journal.emplace_back("save"), real.save(registry); }
  void tidy() override { real.tidy(); }
  Store& real;
  Journal& journal;
  int locks = 0;                 // asked for
  std::optional<Error> refusal;  // of the lock
  int unreadable = 0;            // so many loads fail
  std::function<void()> on_load;
};

struct Spied {
  explicit Spied(World& world)
      : balancer(world.balancer, journal),
        host(world.host, journal),
        store(world.store, journal),
        ports{balancer, host, store, world.clock, world.events} {}
  Journal journal;
  SpyBalancer balancer;
  SpyHost host;
  SpyStore store;
  app::Ports ports;
};

// One gear that serves and so many standbys, after a quiet time.
inline void stand_by(World& world, app::Controller& controller, int standbys) {
  world.run(controller, core::Millis{6'000});
  REQUIRE(world.in_state(core::GearState::standby) == standbys);
  require_sound(world);
}

}  // namespace gearscale::test
