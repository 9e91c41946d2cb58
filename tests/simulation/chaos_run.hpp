// SPDX-License-Identifier: Apache-2.0
// A whole life in a world with faults: a controller that is killed and started again, tools and people beside it; hours of trouble, then of
// calm with a constant load, again and again. In virtual time: nothing waits, and what does not happen costs nothing.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "gearscale/app/controller.hpp"
#include "gearscale/app/manual.hpp"
#include "gearscale/sim/chaos.hpp"
#include "simulation/chaos_watch.hpp"

namespace gearscale::test {

struct ChaosResult {
  std::vector<std::string> broken;
  bool still_acting = false;       // at a constant load, hours after the last fault
  double hours = 0;                // simulated
  std::vector<double> settled_in;  // seconds from the end of each trouble until nothing was broken any more
  long ticks = 0, calamities = 0, kills = 0, gears = 0;
  std::vector<std::string> story;  // the last things that happened, when something is broken
};

class ChaosRun {
 public:
  ChaosRun(std::uint64_t seed, bool aloud);
  ChaosResult run(double hours);

 private:
  void trouble(core::Millis time);
  void calm();
  void judge_rest();
  void step(core::Time until);
  void drive();
  void tick(app::Look look);
  void start(bool tool);
  void stop(bool killed);
  void strike();
  void strike_process(sim::Calamity calamity);
  void command();
  void unpin_all();
  void replace();
  void harry();
  void draw_faults();
  void draw_limits();
  void draw_load();
  app::Ports ports(sim::ChaosProcess& process) {
    return app::Ports{process.balancer, process.host, process.store, world_.clock, process.events};
  }
  app::IdSource ids();
  app::ControlSettings tool_settings() const;

  sim::ChaosWorld world_;
  app::ControlSettings settings_;
  Watch watch_;
  core::Limits limits_;
  bool disabled_ = false;
  int processes_ = 0;
  std::unique_ptr<sim::ChaosProcess> process_;
  std::unique_ptr<app::Controller> controller_;
  bool tool_ = false;
  bool calm_ = false;
  int base_load_ = 0;
  core::Time tool_until_{}, start_at_{};
  core::Time next_check_{}, next_sample_{}, next_look_{}, next_load_{}, next_calamity_{};
  core::Time harried_until_{}, next_harrying_ = core::Time::max();
  core::Time stirred_{};  // when something changed
  std::int64_t second_ = 0;
  int ticks_of_second_ = 0;
  unsigned news_ = 0;
  std::uint64_t generation_ = 0;
  ChaosResult result_;
};

}  // namespace gearscale::test
