// SPDX-License-Identifier: Apache-2.0
// Dies where a file says, whoever comes there first. Compiled for tests only.
#include "gearscale/base/crash_point.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

#include "gearscale/base/fd.hpp"

namespace gearscale::detail {

namespace {

void write_line(int file, const std::string& line) {
  if (file < 0 || ::write(file, line.data(), line.size()) != static_cast<ssize_t>(line.size())) std::abort();
}

bool is_helper() {
  char name[16] = "";
  return ::prctl(PR_GET_NAME, name) == 0 && std::string_view(name).starts_with("gearscale-");
}

[[noreturn]] void die(bool with_parent) {
  // First the parent: the end of a helper would be news to it.
  if (with_parent && is_helper()) ::kill(::getppid(), SIGKILL);
  ::raise(SIGKILL);
  std::abort();
}

}  // namespace

void pass_crash_point(std::string_view name, std::string_view when) {
  static const char* const log = std::getenv("GEARSCALE_CRASH_LOG");
  static const char* const order = std::getenv("GEARSCALE_CRASH_AT");
  if (log == nullptr && order == nullptr) return;
  const auto point = std::string(name).append(".").append(when);
  if (log != nullptr) write_line(Fd(::open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)).get(), point + "\n");
  if (order == nullptr) return;
  const Fd file(::open(order, O_RDWR | O_CLOEXEC));
  if (!file.is_open() || ::flock(file.get(), LOCK_EX) != 0) return;
  char buffer[256];
  const auto length = ::pread(file.get(), buffer, sizeof buffer, 0);
  std::string_view wanted(buffer, length < 0 ? 0 : static_cast<std::size_t>(length));
  if (!wanted.empty() && wanted.back() == '\n') wanted.remove_suffix(1);
  const bool with_parent = !wanted.empty() && wanted.back() == '!';
  if (with_parent) wanted.remove_suffix(1);
  const auto colon = wanted.find(':');
  if (wanted.substr(0, colon) != point) return;
  const int left = colon == std::string_view::npos ? 1 : std::atoi(std::string(wanted.substr(colon + 1)).c_str());
  if (left > 1) {
    if (::ftruncate(file.get(), 0) != 0) std::abort();
    return write_line(file.get(), point + ":" + std::to_string(left - 1) + (with_parent ? "!" : ""));
  }
  if (::unlink(order) == 0) die(with_parent);  // else somebody else was as fast
}

}  // namespace gearscale::detail
