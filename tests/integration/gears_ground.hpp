// SPDX-License-Identifier: Apache-2.0
// The ground of tests with real containers: a bridge, a directory for containers and a stopped busybox template of their own. Everything is
// removed at the end, also when a test fails. Needs root.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "gearscale/gears/lxc_gear_host.hpp"
#include "gearscale/gears/ownership.hpp"

namespace gearscale::test {

inline constexpr gears::IdMap kTestIdmap{1'000'000, 65'536};

// A template; the defaults are those of a small busybox that answers.
struct TemplateOptions {
  std::string name;
  std::string config;                                           // lines of its own
  std::function<void(const std::string& rootfs)> furnish = {};  // instead of the busybox system
};

struct GroundOptions {
  std::optional<gears::IdMap> idmap = kTestIdmap;  // of the template
  std::string template_name = "tmpl";
};

class Ground {
 public:
  explicit Ground(const GroundOptions& options = {});
  ~Ground();
  Ground(const Ground&) = delete;
  Ground& operator=(const Ground&) = delete;

  gears::Options options;           // fits this ground
  GearSpec gear(int number) const;  // 1 to 190; ids that no other ground has, addresses from the pool
  gears::Place place(const GearSpec& gear) const { return gears::place_of(options.application, options.lxc_path, gear.id); }

  // One more template, stopped as the first one.
  void add_template(const TemplateOptions& wanted) const;

  // What of a gear is still anywhere on this machine, one line each; empty when there is nothing.
  std::vector<std::string> traces(const GearSpec& gear) const;

 private:
  void make_bridge();
  std::optional<gears::IdMap> template_idmap_;
  std::string lxc_path_, template_name_, bridge_;
};

// True, with a line by which ctest counts the program as skipped, without root.
bool cannot_run();
std::string read(const std::string& path);  // the whole file, empty when it cannot be read
void write(const std::string& path, const std::string& content);
void make_busybox_rootfs(const std::string& root);

// A program's output and exit code; the test fails when it cannot be run.
struct Output {
  int exit_code = -1;
  std::string text;
};
Output run(const std::vector<std::string>& argv);
// A shell line inside the gear.
Output run_inside(const Ground& ground, const GearSpec& gear, const std::string& line);

// As LXC's own tools see it: "RUNNING", and the pid of its init, 0 without one.
std::string lxc_state(const Ground& ground, const GearSpec& gear);
int init_of(const Ground& ground, const GearSpec& gear);

// The body of what the gear answers to GET /; empty when it does not.
std::string fetch(const GearSpec& gear, int port = 8080);

// Waits for the ends of that many jobs.
std::vector<JobResult> await(GearHost& host, std::size_t count);
JobResult run_job(GearHost& host, JobKind kind, const GearSpec& gear, core::Millis deadline = core::Millis(30'000));

// What it says, or its error; the test fails when it is the other one.
std::string detail_of(const JobResult& result);
Error error_of(const JobResult& result);

// "ready in 31 ms (clone 6)" -> "ready in # ms (clone #)"
std::string without_numbers(const std::string& text);

// Tears the gear down and checks that nothing is left of it.
void tear_down_fully(const Ground& ground, GearHost& host, const GearSpec& gear);

// Processes that this one has started and that have not been waited for.
std::vector<int> children();

}  // namespace gearscale::test
