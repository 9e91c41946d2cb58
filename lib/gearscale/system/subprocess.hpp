// SPDX-License-Identifier: Apache-2.0
// Runs one program to its end, within a deadline. Never a shell: the arguments reach it as they are.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "gearscale/base/result.hpp"
#include "gearscale/core/types.hpp"

namespace gearscale::system {

inline constexpr std::string_view kProgramPath = "/usr/sbin:/usr/bin:/sbin:/bin";

struct ProcessResult {
  int exit_code = -1;      // -1 when a signal ended it
  int signal = 0;          // 0 when it exited
  bool timed_out = false;  // we ended it, at the deadline
  std::string output;      // standard output and error together, the first 64 KiB
};

// Blocks until the program ended or the deadline is over. A name without a slash is looked up in kProgramPath, which is
// also its PATH; its environment is that, LC_ALL=C, and what is given ("NAME=value"). It gets /dev/null as input, no descriptor above 2,
// default signals, and a process group of its own; nothing of that group outlives the call. Errc::config when it is not found or not
// executable, Errc::failed when it cannot be started. A program that fails is a result, not an error.
Result<ProcessResult> run_process(const std::vector<std::string>& argv, core::Millis deadline,
                                  const std::vector<std::string>& environment = {});

}  // namespace gearscale::system
