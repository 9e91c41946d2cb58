// SPDX-License-Identifier: Apache-2.0
// Executes planned steps through the ports. Intents are durable before the effects that follow from them, but for waking and recalling, where
// the running HAProxy comes first: a crash between any two lines leaves something that the next tick's plan carries on. Decides nothing.
#pragma once

#include <string>
#include <utility>
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
  ResponseLog* response = nullptr;  // nothing: response times are not looked at
};

struct StepOutcome {
  core::StepKind kind;
  std::string id;
  Result<void> result;
};

class Executor {
 public:
  // `template_name`: the configured one.
  Executor(const Ports& ports, const core::Timeouts& timeouts, std::string template_name, Inventory& inventory)
      : ports_(ports), timeouts_(timeouts), template_name_(std::move(template_name)), inventory_(inventory) {}

  // The effects of `wake` and `recall`, which are done before they are written down: nothing is forked, synced or checked on the way from the
  // decision to the gear that serves. A gear that cannot be woken is roused instead: its step is changed, and an outcome of the failure is returned
  // too.
  std::vector<StepOutcome> at_once(std::vector<core::Step>& steps, const core::Registry& registry);

  // Changes `draft` by the steps that are intents and by those of at_once, and saves it when there are any. New gears are of the template in force.
  // On an error `draft` is unchanged. The lock must be held.
  Result<void> intend(const std::vector<core::Step>& steps, core::Registry& draft, core::Time now);

  // Gears whose failure opened the template's breaker since the last call: what to say of it. Empty: none did.
  std::string take_breaker_event() { return std::exchange(breaker_event_, {}); }

  // A dead gear gets no more requests from this moment on; that it is given up may be written down after that. Nothing when HAProxy
  // does not have it, as of the last sample; a failure is left to the gear's next steps.
  void retire(const std::string& id);

  // at_once(), intend(), then the other effects, then the registry again where effects changed it; haproxy.cfg follows in a process of its own.
  // Never waits longer than the ports' own deadlines.
  std::vector<StepOutcome> run(std::vector<core::Step> steps, core::Registry& draft, core::Time now);

  // Begins to make haproxy.cfg hold the gears that belong there; cheap when it does already.
  void sync_file(const core::Registry& registry);
  // Learns how the last writing went. True when one ended.
  bool collect_file();
  // Why the last try to write it failed, so that it has to be tried again; empty when it did not.
  const std::string& file_error() const { return file_error_; }

 private:
  void apply(const core::Step& step, core::Registry& registry, core::Time now);
  void note_end(const core::Gear& gear, core::Registry& registry, core::Time now);
  void change_state(const core::Step& step, core::Gear& gear, core::Time now);
  Result<void> wake(const core::Gear& gear);
  Result<void> save(const core::Registry& registry);
  Result<void> effect(const core::Step& step, core::Registry& draft, core::Time now);
  Result<void> begin_job(JobKind kind, const core::Gear& gear, core::Millis deadline);
  Result<void> unenrol(const core::Gear& gear);

  Ports ports_;
  core::Timeouts timeouts_;
  std::string template_name_;
  Inventory& inventory_;
  std::string file_error_;
  std::string breaker_event_;
};

// The servers that haproxy.cfg is to hold.
std::vector<ServerSpec> servers_of_file(const core::Registry& registry);

}  // namespace gearscale::app
