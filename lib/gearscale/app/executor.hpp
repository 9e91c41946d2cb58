// SPDX-License-Identifier: Apache-2.0
// Executes planned steps through the ports. Intents are durable before the effects that follow from them; a crash between any two lines
// leaves something that the next tick's plan carries on. Decides nothing.
#pragma once

#include <string>
#include <vector>

#include "gearscale/app/inventory.hpp"
#include "gearscale/core/plan.hpp"
#include "gearscale/ports.hpp"

namespace gearscale::app {

struct Ports {
  Balancer& balancer;
  GearHost& host;
  Store& store;
  Clock& clock;
  EventSink& events;
};

struct StepOutcome {
  core::StepKind kind;
  std::string id;
  Result<void> result;
};

class Executor {
 public:
  Executor(const Ports& ports, const core::Timeouts& timeouts, Inventory& inventory)
      : ports_(ports), timeouts_(timeouts), inventory_(inventory) {}

  // Changes `draft` by the steps that are intents (create, begin_drain, begin_removal, give_up) and saves it when there are any.
  // On an error `draft` is unchanged. The lock must be held.
  Result<void> intend(const std::vector<core::Step>& steps, core::Registry& draft, core::Time now);

  // intend(), then the effects of all steps, then haproxy.cfg, then the registry again where effects changed it. Never waits longer than
  // the ports' own deadlines.
  std::vector<StepOutcome> run(const std::vector<core::Step>& steps, core::Registry& draft, core::Time now);

  // Makes haproxy.cfg hold the gears that belong there; cheap when it does already.
  Result<void> sync_file(const core::Registry& registry);
  // Why the last try to write it failed, so that it has to be tried again; empty when it did not.
  const std::string& file_error() const { return file_error_; }

 private:
  Result<void> effect(const core::Step& step, core::Registry& draft, core::Time now);
  Result<void> begin_job(JobKind kind, const core::Gear& gear);
  Result<void> unenrol(const core::Gear& gear);
  void settle_enrolments(std::vector<StepOutcome>& outcomes, core::Registry& draft, core::Time now);

  Ports ports_;
  core::Timeouts timeouts_;
  Inventory& inventory_;
  std::string file_error_;
};

}  // namespace gearscale::app
