// SPDX-License-Identifier: Apache-2.0
// The one road of a tick: observe, decide, plan, execute, settle, record. Waits for nothing but the ports' own short deadlines.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "gearscale/app/gear_driver.hpp"
#include "gearscale/app/response_signal.hpp"

namespace gearscale::app {

// How much a tick looks at.
enum class Look {
  transitions,  // carry gears on; decide nothing
  fast,         // also: does the load ask for more gears?
  check,        // the whole decision, written down
};

// What a tick is told besides what it observes.
struct TickInput {
  Look look = Look::transitions;
  core::Limits limits;
  bool disabled = false;  // the disable_auto_scaling marker
};

struct TickReport {
  std::optional<core::Decision> decision;  // of a check, or of a fast look that added
  std::optional<Error> error;              // HAProxy, lock or registry not available: nothing was done
  std::optional<Error> refusal;            // what was decided could not be done: limits, memory, template...
  std::vector<std::string> acted_on;       // ids woken, recalled, created or drained by this tick's decision
};

class Controller {
 public:
  // `fresh_id` gives random gear ids. The flap window starts now, unless settings.one_shot.
  Controller(ControlSettings settings, const Ports& ports, IdSource fresh_id);

  // May only be called by the one process that drives this application's transitions.
  TickReport tick(const TickInput& input);

  // A fast sample between ticks: one exchange that does not grow with the farm, and the log's new lines. Writes nothing. True when an addition
  // seems due, by the gears as they were at the last tick: then a tick with Look::fast is to follow at once. A failure is left to the next check
  // to tell.
  bool sample();

  // Another process may have changed things since the last tick (the driver's lock was lost and won): look at everything again.
  void forget_everything();

  // How soon gears have to be looked at again because they are between two states; nothing while all of them serve or stand by. As of the last
  // tick. What ends (jobs, containers) shows at the ports' descriptors before.
  std::optional<core::Millis> next_look() const { return next_look_; }
  // Jobs run as children of this process: it must not let go of the driver's lock.
  bool has_jobs() const { return inventory_.has_jobs() || ports_.balancer.file_busy(); }
  const Inventory& inventory() const { return inventory_; }
  // Why haproxy.cfg could not be brought up to date; empty when it could.
  const std::string& file_error() { return driver_.executor().file_error(); }

 private:
  Result<void> reconcile(Working& working, const BalancerView& view, bool at_start, core::Time now);
  void name_troubles(const std::vector<core::ContainerFact>& containers);
  void drop_jobs(const core::Registry& before, const core::Registry& after);
  bool has_strangers(const BalancerView& view, const core::Registry& registry);
  void inspect_suspicious(const core::Registry& registry);
  void ask_why_down(const core::Registry& registry);
  void tell_why_down();
  void notice_reload(std::int64_t pid, core::Time now);
  core::Decision decide(const TickInput& input, Working& working, std::optional<double> sessions, core::Time now);
  core::Decision decide_by_look(const TickInput& input, const core::Observation& seen, core::Time now);
  void act(const core::Decision& decision, Working& working, TickReport& report, core::Time now);
  Result<void> act(const core::Decision& decision, core::Plan plan, Working& working, TickReport& report, core::Time now);
  void execute(const std::vector<core::Step>& steps, Working& working, TickReport& report, core::Time now);
  Result<void> act_up(core::Plan plan, Working& working, TickReport& report, core::Time now);
  std::optional<core::Millis> look_again(const core::Registry& registry, core::Time now);

  ControlSettings settings_;
  Ports ports_;
  Inventory inventory_;
  Recorder recorder_;
  core::PolicyState policy_state_;
  ResponseSignal response_;
  GearDriver driver_;
  std::optional<core::Observation> last_seen_;  // at the last tick
  core::Limits last_limits_;
  std::int64_t haproxy_pid_ = 0;
  std::map<std::string, std::string> troubles_;  // containers that are left alone, by id, and why: each is said once
  std::size_t next_inspection_ = 0;  // where the next check goes on looking at containers
  std::optional<core::Millis> next_look_;
  bool reconciled_ = false;         // since the start, the loss of the registry or of HAProxy
  core::Time next_reconciliation_{};
  std::vector<GearDriver::Done> done_;  // by this tick's decision, not yet recorded
};

// The registry as it has to be, given what LXC and HAProxy show (core::reconcile); saved when it differs from `registry`. The lock must be held.
struct Together {
  core::Registry registry;
  std::vector<core::ContainerFact> containers;
  int lost = 0;  // gears to be replaced
};
Result<Together> bring_together(const Ports& ports, const core::Registry& registry, const BalancerView& view, const ControlSettings& settings,
                                Recorder& recorder, bool at_start = true);

// All gears of the registry, as GearHost::untied and begin_mending want them.
std::vector<TiedGear> tied_gears(const core::Registry& registry);

// The plan of a decision: ids and addresses for new gears, victims. Shared by the controller and by commands typed by hand.
core::Plan plan_decision(core::PlanInput input, const core::Registry& registry, Inventory& inventory, const ControlSettings& settings,
                         const IdSource& fresh_id, core::Time now);

}  // namespace gearscale::app
