// SPDX-License-Identifier: Apache-2.0
// Are the gears' ties (ties.hpp) as they have to be, and if not, mend them: somebody may have removed an entry or a flag, the bridge may have
// been down, a gear may be of a version that did not tie. One look at the bridge for all gears.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "gearscale/gears/options.hpp"
#include "gearscale/ports.hpp"
#include "gearscale/system/child.hpp"
#include "gearscale/system/deadline.hpp"

namespace gearscale::gears {

// One sentence for each gear that is not tied as it has to be, and for each tied address of a gear that is gone. Reads only.
Result<std::vector<std::string>> untied(const Options& options, const std::vector<TiedGear>& gears);

// Mends the same. What was done, one sentence each.
Result<std::vector<std::string>> mend_ties(const Options& options, const std::vector<TiedGear>& gears);

// mend_ties in a process of its own.
class Upkeep {
 public:
  ~Upkeep();  // gives it half a second to end
  // Nothing while one is under way.
  void begin(const Options& options, const std::vector<TiedGear>& gears);
  // What the one that ended since the last call did, or why it failed; never waits.
  std::vector<std::string> done();

 private:
  static constexpr core::Millis kDeadline{10'000};
  std::optional<system::Child> child_;
  system::Deadline deadline_{core::Millis(0)};
};

}  // namespace gearscale::gears
