// SPDX-License-Identifier: Apache-2.0
// LxcGearHost: gears on this machine, through liblxc. The controller's own process makes no call of liblxc: each is made in a Child.
#pragma once

#include <string_view>
#include <vector>

#include "gearscale/gears/diagnosis.hpp"
#include "gearscale/gears/held_gears.hpp"
#include "gearscale/gears/jobs.hpp"
#include "gearscale/gears/options.hpp"
#include "gearscale/gears/upkeep.hpp"
#include "gearscale/ports.hpp"

namespace gearscale::gears {

class LxcGearHost final : public GearHost {
 public:
  explicit LxcGearHost(Options options) : options_(std::move(options)) { jobs_.also_watch(held_.ready_fd()); }

  // Waits at most three seconds (usually milliseconds), as all of these do; a half-made container counts as stopped.
  // What runs or is frozen is held from then on.
  Result<std::vector<core::ContainerFact>> list() override;
  Result<core::ContainerState> inspect(std::string_view id) override;
  Result<void> take_over(const std::vector<std::string>& ids) override;
  Result<void> check_room(int count, const std::string& template_name) override;
  Result<void> begin(JobKind kind, const GearSpec& gear, core::Millis deadline) override;
  void cancel(std::string_view id) override { jobs_.cancel(id); }
  std::vector<JobResult> finished() override;
  Result<void> wake(std::string_view id) override;
  std::vector<std::string> died() override { return held_.died(); }
  // Reads directories only; a few milliseconds.
  Result<std::vector<std::string>> leftovers(const std::vector<std::string>& known) override;
  Result<std::vector<std::string>> untied(const std::vector<TiedGear>& gears) override { return gears::untied(options_, gears); }
  void begin_mending(const std::vector<TiedGear>& gears) override { upkeep_.begin(options_, gears); }
  std::vector<std::string> mended() override { return upkeep_.done(); }
  std::vector<Diagnosis> diagnose(const std::vector<DownGear>& gears) override { return gears::diagnose(options_, gears); }
  bool begin_diagnosis(const std::vector<DownGear>& gears) override { return diagnoser_.begin(options_, gears); }
  std::vector<Diagnosis> diagnosed() override { return diagnoser_.done(); }
  int ready_fd() const override { return jobs_.ready_fd(); }

 private:
  // The options for a gear of that template.
  Options options_for(const std::string& template_name) const;
  bool stops(JobKind kind) const;
  void hold(const std::string& id, int init, bool frozen);

  Options options_;
  Jobs jobs_;
  HeldGears held_;
  Upkeep upkeep_;
  Diagnoser diagnoser_;
};

}  // namespace gearscale::gears
