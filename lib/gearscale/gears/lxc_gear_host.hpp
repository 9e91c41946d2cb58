// SPDX-License-Identifier: Apache-2.0
// LxcGearHost: gears on this machine, through liblxc. The controller's own process makes no call of liblxc: each is made in a Child.
#pragma once

#include <string_view>
#include <vector>

#include "gearscale/gears/jobs.hpp"
#include "gearscale/gears/options.hpp"
#include "gearscale/ports.hpp"

namespace gearscale::gears {

class LxcGearHost final : public GearHost {
 public:
  explicit LxcGearHost(Options options) : options_(std::move(options)) {}

  // Waits at most a second, as all of these do; a half-made container counts as stopped.
  Result<std::vector<core::ContainerFact>> list() override;
  Result<core::ContainerState> inspect(std::string_view id) override;
  Result<void> check_room(int count) override;
  Result<void> begin(JobKind kind, const GearSpec& gear, core::Millis deadline) override;
  void cancel(std::string_view id) override { jobs_.cancel(id); }
  std::vector<JobResult> finished() override { return jobs_.finished(); }
  int ready_fd() const override { return jobs_.ready_fd(); }

 private:
  Options options_;
  Jobs jobs_;
};

}  // namespace gearscale::gears
