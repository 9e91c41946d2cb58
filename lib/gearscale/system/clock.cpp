// SPDX-License-Identifier: Apache-2.0
// Implementation of the real clocks and of fresh gear ids.
#include "gearscale/system/clock.hpp"

#include <sys/random.h>

#include <cerrno>
#include <chrono>
#include <cstdio>

#include "gearscale/base/check.hpp"
#include "gearscale/base/text.hpp"
#include "gearscale/system/files.hpp"

namespace gearscale::system {

core::Time SystemClock::now() { return std::chrono::time_point_cast<core::Millis>(std::chrono::steady_clock::now()); }

std::int64_t SystemClock::system_micros() {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

Result<std::string> boot_id() {
  auto text = read_file("/proc/sys/kernel/random/boot_id", 128);
  if (!text) return fail(text.error());
  std::string id(trim(*text));
  if (!is_safe_name(id, 64)) return fail(Errc::failed, "cannot use the boot id '" + printable(id) + "': /proc is not the kernel's");
  return id;
}

std::string random_gear_id() {
  std::uint32_t number = 0;
  ssize_t got = -1;
  do {
    got = ::getrandom(&number, sizeof number, 0);
  } while (got < 0 && errno == EINTR);
  // Every kernel that can run LXC has it, and it cannot fail for so few bytes; a made-up id could name two gears alike.
  GEARSCALE_CHECK(got == static_cast<ssize_t>(sizeof number));
  char id[9];
  std::snprintf(id, sizeof id, "%08x", number);
  return id;
}

}  // namespace gearscale::system
