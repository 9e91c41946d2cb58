// SPDX-License-Identifier: Apache-2.0
// The containers of a simulated machine and the jobs that work on them, step by step in virtual time. They outlive the processes that began
// them.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "gearscale/ports.hpp"
#include "gearscale/sim/chance.hpp"
#include "gearscale/sim/faults.hpp"
#include "gearscale/sim/world.hpp"

namespace gearscale::sim {

const char* name_of(JobKind kind);

class Machine {
 public:
  struct Container {
    std::uint32_t address = 0;
    core::ContainerState state = core::ContainerState::stopped;
    bool half_made = false;  // being cloned or destroyed, or left so
    bool foreign = false;    // has one of our names, but not our mark
    std::string template_name;
    std::int64_t created_ms = 0;
    int init = 0;               // another number for each start; 0: none
    core::Time answers_from{};  // after its start; Time::max(): never
    core::Time booted_at{};     // init has done its jobs
    core::Time hangs_from = core::Time::max();
    core::Time hangs_until{};
    core::Time changed{};  // when it was last started, stopped, frozen or thawed
  };

  Machine(SimClock& clock, Chance& chance, const Faults& faults, Journal& journal)
      : clock_(clock), chance_(chance), faults_(faults), journal_(journal) {}

  // `owner`: the number of the process.
  Result<void> begin(int owner, JobKind kind, const GearSpec& gear, core::Millis deadline);
  void cancel(int owner, std::string_view id);
  void end_settling(int owner, std::string_view id);
  std::vector<JobResult> finished(int owner);
  // Its jobs are killed where they are, or go on to their end.
  void owner_killed(int owner);
  bool is_worked_on(std::string_view id) const;
  // The end of a container that such a job stops is nothing to report.
  bool stops(JobKind kind) const {
    return kind == JobKind::tear_down || (kind == JobKind::stand_by && standby_state == core::StandbyPolicy::State::stopped);
  }
  bool is_stopped_by_job(int owner, std::string_view id) const;

  core::Time next_event() const;
  void run_due();

  void end(const std::string& id);  // its init ends
  void freeze(const std::string& id);
  void thaw(const std::string& id);
  // Everything stops; no job survives.
  void reboot();

  bool answers(const Container& container) const;
  // Since when it answers or does not.
  core::Time answer_changed(const Container& container) const;

  std::map<std::string, Container, std::less<>> containers;
  core::StandbyPolicy::State standby_state = core::StandbyPolicy::State::frozen;
  core::Time boots_break_until{};
  std::string broken_template;  // while boots break: only gears of this one; empty: all
  core::Time boots_slow_until{};
  core::Time template_gone_until{};
  unsigned news = 0;  // grows when a job or a container ends

 private:
  enum class Stage { begin, clone, start, settle, probe, freeze, stop, destroy, gone };
  enum class Fate { well, fails, lies, hangs };
  struct Job {
    int owner = 0;
    JobKind kind = JobKind::bring_up;
    GearSpec gear;
    core::Time inner_end;  // when it gives up by itself
    core::Time end;        // when its process kills it
    Stage stage = Stage::begin;
    core::Time due;
    Fate fate = Fate::well;
    int trouble_after = 0;  // steps
    bool booted = false;    // by this job
    bool orphan = false;
    bool done = false;
  };
  void advance(Job& job);
  void advance_up(Job& job);
  void advance_down(Job& job);
  void clone(Job& job);
  void start(Job& job);
  void settle(Job& job);
  void probe(Job& job);
  bool waits_for_other(Job& job);
  void finish(Job& job, Result<void> result);
  void go_on(Job& job, Stage stage, core::Millis after);
  core::Time boot_time(const std::string& template_name);

  SimClock& clock_;
  Chance& chance_;
  const Faults& faults_;
  Journal& journal_;
  std::vector<Job> jobs_;
  std::map<int, std::vector<JobResult>> results_;
  int last_init_ = 1'000;
};

}  // namespace gearscale::sim
