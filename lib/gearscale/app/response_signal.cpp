// SPDX-License-Identifier: Apache-2.0
// A lost source stays lost until a check finds it whole.
#include "gearscale/app/response_signal.hpp"

namespace gearscale::app {

void ResponseSignal::look_after(std::int64_t haproxy_pid, core::Time now, Recorder& recorder) {
  if (log_ == nullptr) return;
  const auto done = log_->look_after(haproxy_pid, now);
  attached_ = true;
  lost_ = !done;
  recorder.response_log(done ? nullptr : &done.error());
}

void ResponseSignal::read(core::Time now) {
  // The next check asks again, finds the source lost or mends it, and says so.
  if (log_ != nullptr && attached_ && !log_->read(window_, now)) lost_ = true;
}

core::ResponseView ResponseSignal::view(core::Time now) {
  core::ResponseView view;
  if (log_ == nullptr) return view;
  const auto summary = window_.summary(now);
  view.count = summary.count;
  view.p50_ms = summary.p50;
  view.p90_ms = summary.p90;
  view.p99_ms = summary.p99;
  const bool enough = summary.count >= static_cast<std::uint64_t>(policy_.response.min_requests);
  view.state = lost_ ? core::ResponseView::State::lost : enough ? core::ResponseView::State::live : core::ResponseView::State::too_few;
  return view;
}

}  // namespace gearscale::app
