// SPDX-License-Identifier: Apache-2.0
// GEARSCALE_CHECK: a programmer's error ends the program, in release builds too. Never for input or operations.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace gearscale {

[[noreturn]] inline void check_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "gearscale: %s:%d: broken promise: %s\n", file, line, condition);
  std::abort();
}

}  // namespace gearscale

#define GEARSCALE_CHECK(condition) ((condition) ? static_cast<void>(0) : ::gearscale::check_failed(#condition, __FILE__, __LINE__))
