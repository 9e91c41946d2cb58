// SPDX-License-Identifier: Apache-2.0
// The response times of the last seconds as the policy looks at them: what the log says, and whether it can be believed.
#pragma once

#include <cstdint>

#include "gearscale/app/recorder.hpp"
#include "gearscale/core/decision.hpp"
#include "gearscale/core/response_window.hpp"
#include "gearscale/ports.hpp"

namespace gearscale::app {

class ResponseSignal {
 public:
  // `log` may be nullptr: then, or where the policy does not look at response times, the view is `off`.
  ResponseSignal(const core::Policy& policy, ResponseLog* log)
      : policy_(policy), log_(policy.use_response ? log : nullptr), window_(policy.response.window) {}

  // At each check: keeps the source attached to the HAProxy that answers. Says when it is lost and when it is back.
  void look_after(std::int64_t haproxy_pid, core::Time now, Recorder& recorder);
  // Takes in what was logged since the last call; never waits.
  void read(core::Time now);
  // An addition, or a gear that serves now: what was slow before it says nothing any more.
  void start_over(core::Time now) { window_.clear(now); }
  core::ResponseView view(core::Time now);

 private:
  core::Policy policy_;
  ResponseLog* log_;
  core::ResponseWindow window_;
  bool attached_ = false;  // look_after was called
  bool lost_ = false;
};

}  // namespace gearscale::app
