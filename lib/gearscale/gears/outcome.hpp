// SPDX-License-Identifier: Apache-2.0
// What a job's process tells the controller beyond a text for people, as the text that goes through the pipe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "gearscale/base/result.hpp"

namespace gearscale::gears {

struct Outcome {
  Result<std::string> detail = std::string();
  int init = 0;  // the container's init process, where it runs in the end; 0: none
  bool frozen = false;
  std::vector<std::string> log;  // lines without line ends
};

std::string format_outcome(const Outcome& outcome);
// Its detail is an error when the text is malformed.
Outcome parse_outcome(std::string_view text);

}  // namespace gearscale::gears
