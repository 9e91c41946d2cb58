// SPDX-License-Identifier: Apache-2.0
// Dies where the environment says. Compiled for tests only.
#include "gearscale/base/crash_point.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <string>

namespace gearscale::detail {

void pass_crash_point(std::string_view name, std::string_view when) {
  static const char* const log = std::getenv("GEARSCALE_CRASH_LOG");
  static const char* const wanted = std::getenv("GEARSCALE_CRASH_AT");
  if (log == nullptr && wanted == nullptr) return;
  const auto point = std::string(name).append(".").append(when);
  if (log != nullptr) {
    const int file = ::open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    const auto line = point + "\n";
    if (file < 0 || ::write(file, line.data(), line.size()) < 0) std::abort();
    ::close(file);
  }
  if (wanted == nullptr) return;
  const std::string_view text(wanted);
  const auto colon = text.find(':');
  if (text.substr(0, colon) != point) return;
  static int left = colon == std::string_view::npos ? 1 : std::atoi(wanted + colon + 1);
  if (--left == 0) ::raise(SIGKILL);
}

}  // namespace gearscale::detail
