// SPDX-License-Identifier: Apache-2.0
// The one road of a tick: observe, decide, plan, execute, settle, record. Waits for nothing but the ports' own short deadlines.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "gearscale/app/executor.hpp"
#include "gearscale/app/inventory.hpp"
#include "gearscale/app/recorder.hpp"
#include "gearscale/core/decision.hpp"
#include "gearscale/core/names.hpp"
#include "gearscale/ports.hpp"

namespace gearscale::app {

struct ControlSettings {
  core::Application application;
  core::Policy policy;
  core::Timeouts timeouts;
  core::AddressPool pool;
  std::string by = "haproxy_ctld";  // the program that acts, for the events
  int pid = 0;                      // its process
  bool dry_run = false;             // decide and record, change nothing
  bool one_shot = false;            // --once: low checks and the flap timer come from the registry instead of this process's life
};

// What a tick is told besides what it observes.
struct TickInput {
  bool check = false;  // a check is due: decide; otherwise only carry transitions on
  core::Limits limits;
  bool disabled = false;  // the disable_auto_scaling marker
};

struct TickReport {
  std::optional<core::Decision> decision;  // of a check
  std::optional<Error> error;              // HAProxy, lock or registry not available: nothing was done
  std::optional<Error> refusal;            // what was decided could not be done: limits, memory, template...
  std::vector<std::string> acted_on;       // ids created or drained by this tick's decision
};

using IdSource = std::function<std::string()>;

class Controller {
 public:
  // `fresh_id` gives random gear ids. The flap window starts now, unless settings.one_shot.
  Controller(ControlSettings settings, const Ports& ports, IdSource fresh_id);

  // May only be called by the one process that drives this application's transitions.
  TickReport tick(const TickInput& input);

  // A fast sample between checks: feeds the peak of the sessions and writes nothing. A failure is left to the next check to tell.
  void sample();

  // Another process may have changed things since the last tick (the driver's lock was lost and won): look at everything again.
  void forget_everything();

  // A gear is between two states: tick() again soon. As of the last tick.
  bool busy() const { return busy_; }
  // Jobs run as children of this process: it must not let go of the driver's lock.
  bool has_jobs() const;
  const Inventory& inventory() const { return inventory_; }
  void set_settings(const ControlSettings& settings) { settings_ = settings; }

 private:
  struct Working {  // the registry of one tick: read-only until something changes
    const core::Registry* now_on_disk;
    std::optional<core::Registry> draft;
    const core::Registry& read() const { return draft ? *draft : *now_on_disk; }
    core::Registry& edit() {
      if (!draft) draft = *now_on_disk;
      return *draft;
    }
  };

  void collect_jobs(core::Time now);
  Result<void> reconcile_once(Working& working, const BalancerView& view);
  void inspect_suspicious(const core::Registry& registry);
  core::Decision decide(const TickInput& input, Working& working, const BalancerView* view, core::Time now);
  void act(const core::Decision& decision, Working& working, TickReport& report, core::Time now);
  void record(const StepOutcome& outcome, const core::Registry& before, const core::Registry& after);
  void carry_on(Working& working, core::Time now);
  std::vector<core::Step> plan_steps(const core::Registry& registry, core::Time now);

  ControlSettings settings_;
  Ports ports_;
  IdSource fresh_id_;
  Inventory inventory_;
  Executor executor_;
  Recorder recorder_;
  core::PolicyState policy_state_;
  std::size_t next_inspection_ = 0;  // where the next check goes on looking at containers
  bool reconciled_ = false;
  bool busy_ = false;
};

// The registry as it has to be, given what LXC and HAProxy show (core::reconcile); saved when it differs from `registry`. The lock must be held.
Result<core::Registry> bring_together(const Ports& ports, const core::Registry& registry, const BalancerView& view,
                                      const core::Timeouts& timeouts, Recorder& recorder);

// The plan of a decision: ids and addresses for new gears, victims. Shared by the controller and by commands typed by hand.
core::Plan plan_decision(const core::Decision& decision, const core::Registry& registry, Inventory& inventory,
                         const core::AddressPool& pool, const IdSource& fresh_id, std::vector<std::string> chosen, core::Time now);

}  // namespace gearscale::app
