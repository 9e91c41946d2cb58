// SPDX-License-Identifier: Apache-2.0
// Processes that are no children of ours, as /proc shows them.
#pragma once

#include <cstdint>
#include <vector>

#include "gearscale/base/fd.hpp"
#include "gearscale/base/result.hpp"
#include "gearscale/codec/haproxy_processes.hpp"

namespace gearscale::system {

// Errc::failed with the errno when there is none.
Result<codec::ProcessStat> process_stat(std::int64_t pid);
// A pidfd of exactly this process; not open when it has ended, also when another one has its pid by now.
Fd open_process(const codec::ProcessMark& process);
bool has_ended(const Fd& process);
// Children of the main thread of a process; empty where the kernel does not tell (it has no CONFIG_PROC_CHILDREN).
std::vector<std::int64_t> children_of(std::int64_t pid);

}  // namespace gearscale::system
