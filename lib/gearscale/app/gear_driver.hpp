// SPDX-License-Identifier: Apache-2.0
// Carries gears on: each takes its next step, the pool is filled, a rolling replacement goes on. Every step is executed and recorded here.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "gearscale/app/executor.hpp"
#include "gearscale/app/recorder.hpp"
#include "gearscale/app/settings.hpp"
#include "gearscale/core/decision.hpp"

namespace gearscale::app {

class GearDriver {
 public:
  GearDriver(const ControlSettings& settings, const Ports& ports, IdSource fresh_id, Inventory& inventory, Recorder& recorder,
             core::PolicyState& policy_state);

  // What ended since the last call: jobs, containers, the writing of haproxy.cfg.
  void collect(core::Time now);
  // Gears whose containers ended since the last call are given up before anything is decided: they serve nobody, and count against their template.
  void give_up_dead(Working& working, core::Time now);
  // The next steps of all gears, a few rounds of them; with `limits` what the pool should be.
  void carry_on(Working& working, const core::Limits& limits, core::Time now);
  // Executes steps and records what came of them.
  void run(std::vector<core::Step> steps, Working& working, core::Time now);
  // The same in two: what a decision did is recorded after the decision itself, and that after it was done.
  struct Done {
    std::vector<StepOutcome> outcomes;
    core::Registry
        before;  // of the gears that took a step, and of who was to take their place: a large registry is not copied for one of them
  };
  Done execute(std::vector<core::Step> steps, Working& working, core::Time now);
  void record(const Done& done, const core::Registry& after);
  // Gives up the gear that has been DOWN for longest: a fresh one is to be tried, and there is no address or memory for it beside them.
  void make_room(Working& working, core::Time now);
  // Makes haproxy.cfg what it should be when the last try failed.
  void retry_file(const core::Registry& registry);
  // Closes the breaker of a template whose gears have proved themselves, and remembers that those of the template in force have.
  void prove_template(Working& working, core::Time now);
  Executor& executor() { return executor_; }
  // How many gears may be cloned from this template now, by its breaker; -1: any number. `nothing_serves`, and they are to serve.
  static int clones_allowed(const core::Registry& registry, const std::string& template_name, bool nothing_serves, core::Time now);
  // A gear began to serve since the last call.
  bool take_served() { return std::exchange(served_, false); }

  // An id that no gear has.
  std::string unused_id(const core::Registry& registry) const;

 private:
  void note_settled(const JobResult& result, core::Time now);
  std::vector<core::Step> plan_steps(const core::Registry& registry, const core::Limits& limits, core::Time now);
  // May this be created now, after those `before` it? Fills in id and address. A refusal starts a hold-off.
  bool prepare_creation(core::Step& step, const core::Registry& registry, const std::vector<core::Step>& before, core::Time now);
  void follow_replacement(Working& working, core::Time now);
  // Of standbys and replacements, which nobody waits for: 5 s, doubled by each further failure up to 5 min.
  void hold_off_creations(core::Time now);
  void record_one(const StepOutcome& outcome, const core::Registry& before, const core::Registry& after);

  ControlSettings settings_;
  Ports ports_;
  IdSource fresh_id_;
  Inventory& inventory_;
  Executor executor_;
  Recorder& recorder_;
  core::PolicyState& policy_state_;
  core::Time create_not_before_{};
  int create_failures_ = 0;
  std::string replacement_trouble_;  // why no gear of the new template can be made
  bool served_ = false;
  std::string last_refusal_;  // of a standby or a replacement
};

}  // namespace gearscale::app
