// SPDX-License-Identifier: Apache-2.0
// A simulated world behind the ports: balancer, gear host, store and clock, in memory, in virtual time. No thread, no file, no randomness.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gearscale/core/types.hpp"
#include "gearscale/ports.hpp"

namespace gearscale::sim {

class SimClock final : public Clock {
 public:
  core::Time now() override { return now_; }
  std::int64_t system_micros() override { return 1'795'334'400'000'000 + now_.time_since_epoch().count() * 1'000; }
  void advance(core::Millis by) { now_ += by; }

 private:
  core::Time now_{core::Millis{1'000'000}};
};

class SimBalancer final : public Balancer {
 public:
  struct Server {
    std::uint32_t address = 0;
    core::ServerState state = core::ServerState::absent;
    int scur = 0;
    std::uint64_t stot = 0;
  };
  Result<const BalancerView*> observe() override;
  Result<double> sessions() override { return down ? Result<double>(fail(*down)) : Result<double>(load); }
  Result<void> add(const ServerSpec& server) override;
  Result<void> drain(std::string_view id) override { return set_state(id, core::ServerState::drain); }
  Result<void> maint(std::string_view id) override { return set_state(id, core::ServerState::maint); }
  Result<void> recall(std::string_view id) override { return set_state(id, core::ServerState::up); }
  Result<void> cut_sessions(std::string_view id) override;
  Result<bool> remove(std::string_view id) override;
  Result<void> remember() override { return remembered; }
  Result<void> begin_file(const std::vector<ServerSpec>& servers) override;
  std::optional<Result<void>> file_written() override { return std::exchange(written_, std::nullopt); }
  bool file_busy() const override { return written_.has_value(); }
  int file_fd() const override { return -1; }
  Result<bool> file_holds(const std::vector<ServerSpec>& servers) override;

  double load = 0;        // sessions of the backend
  std::int64_t pid = 71;  // of HAProxy
  bool has_predecessor = false;
  Result<void> remembered;  // what remember() says
  std::map<std::string, Server, std::less<>> servers;
  std::vector<std::string> file;      // ids in haproxy.cfg
  std::optional<Error> down;          // set: HAProxy cannot be reached
  std::optional<Error> file_failure;  // set: haproxy.cfg cannot be written
  bool half_add = false;              // an addition leaves the server in MAINT and fails
  int cuts = 0;
  int writings = 0;  // of the file, begun so far

 private:
  Result<void> set_state(std::string_view id, core::ServerState state);
  BalancerView view_;
  std::optional<Result<void>> written_;
};

class SimGearHost final : public GearHost {
 public:
  explicit SimGearHost(SimClock& clock) : clock_(clock) {}
  Result<std::vector<core::ContainerFact>> list() override;
  Result<core::ContainerState> inspect(std::string_view id) override;
  Result<void> take_over(const std::vector<std::string>& ids) override;
  Result<void> check_room(int count, const std::string& template_name) override;
  Result<void> begin(JobKind kind, const GearSpec& gear, core::Millis deadline) override;
  void cancel(std::string_view id) override { jobs_.erase(std::string(id)); }
  std::vector<JobResult> finished() override;
  Result<void> wake(std::string_view id) override;
  std::vector<std::string> died() override { return std::exchange(died_, {}); }
  Result<std::vector<std::string>> untied(const std::vector<TiedGear>&) override { return std::vector<std::string>(); }
  void begin_mending(const std::vector<TiedGear>& gears) override { mending = gears; }
  std::vector<std::string> mended() override { return std::exchange(to_tell, {}); }
  std::vector<Diagnosis> diagnose(const std::vector<DownGear>& gears) override;
  bool begin_diagnosis(const std::vector<DownGear>& gears) override;
  std::vector<Diagnosis> diagnosed() override { return std::exchange(diagnoses_, {}); }
  // Its init ends, whatever the reason.
  void kill(const std::string& id);
  Result<std::vector<std::string>> leftovers(const std::vector<std::string>&) override { return std::vector<std::string>(); }
  int ready_fd() const override { return -1; }

  struct Container {
    std::uint32_t address = 0;
    core::ContainerState state = core::ContainerState::running;
    std::string template_name;
    bool former_mark = false;  // without a uuid: nobody's until it is taken over
  };
  std::map<std::string, Container, std::less<>> containers;
  std::map<std::string, std::string> left_alone;  // ids of places that nobody may touch, and why
  core::StandbyPolicy::State standby_state = core::StandbyPolicy::State::frozen;
  core::Millis boot{30};        // until a gear answers its probe
  core::Millis thawed_boot{1};  // the same, when it runs already
  core::Millis freeze{5};
  std::optional<core::Millis> rest_of_boot;  // after the first answer, before it is frozen; nothing: frozen at once
  core::Millis tear_down{50};
  std::optional<Error> boot_failure;  // set: no gear becomes ready
  std::string broken_template;        // gears of this one do not become ready
  std::optional<Error> no_room;       // set: check_room refuses
  std::optional<Error> no_take_over;  // set: take_over fails
  std::string indestructible;         // this gear cannot be destroyed
  bool list_hangs = false;            // until its deadline of a second
  std::vector<TiedGear> mending;      // what begin_mending was told of last
  std::vector<std::string> to_tell;   // what mended() says next
  std::string lack = "no answer";     // of gears that are DOWN
  int diagnoses_begun = 0;
  int begun = 0;                      // bring_up jobs since the start
  int most_at_once = 0;               // jobs under way, at most so far

 private:
  struct Job {
    JobKind kind;
    GearSpec gear;
    core::Time end;
    bool late;  // ends at its deadline
  };
  void finish(const Job& job, JobResult& result);

  SimClock& clock_;
  std::map<std::string, Job, std::less<>> jobs_;
  std::vector<Diagnosis> diagnoses_;
  std::vector<std::string> died_;
};

// Response times as a test wants them: each call of read() puts the lines of `next` into the window.
class SimResponseLog final : public ResponseLog {
 public:
  Result<void> look_after(std::int64_t pid, core::Time) override {
    attached_to = pid;
    return lost ? Result<void>(fail(*lost)) : Result<void>();
  }
  Result<void> read(core::ResponseWindow& window, core::Time now) override;

  int requests = 0;           // logged by each read
  std::uint32_t each_ms = 0;  // their response time
  std::optional<Error> lost;  // set: the source is gone
  std::int64_t attached_to = 0;
};

class SimStore final : public Store {
 public:
  Result<std::unique_ptr<StoreLock>> lock(core::Millis patience) override;
  Result<Loaded> load() override { return Loaded{&registry, std::exchange(corrupt, false), "registry.corrupt", {}}; }
  Result<void> save(const core::Registry& changed) override;

  void tidy() override {}

  core::Registry registry;
  bool corrupt = false;  // the next load says so
  std::optional<Error> save_failure;
  int saves = 0;
};

class SimEvents final : public EventSink {
 public:
  void text(Severity severity, std::string_view message) override { lines.emplace_back(severity, message); }
  void json(std::string_view object) override { objects.emplace_back(object); }
  bool wants_debug() const override { return true; }
  // How many text lines contain this.
  int count(std::string_view part) const;

  std::vector<std::pair<Severity, std::string>> lines;
  std::vector<std::string> objects;
};

// core::broken_invariants on this world when nothing may be in transition. Returns one sentence for each break.
std::vector<std::string> broken_invariants(SimStore& store, SimGearHost& host, SimBalancer& balancer);

}  // namespace gearscale::sim
