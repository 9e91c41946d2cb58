// SPDX-License-Identifier: Apache-2.0
// setrlimit(2) on the soft limit alone.
#include "gearscale/system/open_files.hpp"

#include <sys/resource.h>

#include <algorithm>

namespace gearscale::system {

namespace {

constexpr rlim_t kMost = 1'048'576;

rlimit limits() {
  rlimit now{};
  ::getrlimit(RLIMIT_NOFILE, &now);  // fails for a bad address alone
  return now;
}

// Of the program that this library was loaded into, before it did anything.
const rlim_t kAtStart = limits().rlim_cur;

void set_soft(rlim_t soft) {
  auto wanted = limits();
  wanted.rlim_cur = std::min(soft, wanted.rlim_max);
  ::setrlimit(RLIMIT_NOFILE, &wanted);  // at most the hard limit: always allowed
}

}  // namespace

std::uint64_t raise_open_files() {
  const auto now = limits();
  if (const auto most = std::min(now.rlim_max, kMost); now.rlim_cur < most) set_soft(most);
  return limits().rlim_cur;
}

void lower_open_files_again() { set_soft(kAtStart); }

LoweredOpenFiles::LoweredOpenFiles() : before_(limits().rlim_cur) { set_soft(kAtStart); }
LoweredOpenFiles::~LoweredOpenFiles() { set_soft(before_); }

}  // namespace gearscale::system
