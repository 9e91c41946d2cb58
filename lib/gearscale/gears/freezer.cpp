// SPDX-License-Identifier: Apache-2.0
// cgroups(7); Documentation/admin-guide/cgroup-v1/freezer-subsystem.rst and cgroup-v2.rst of the kernel.
#include "gearscale/gears/freezer.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdint>

#include "gearscale/base/text.hpp"
#include "gearscale/system/errors.hpp"
#include "gearscale/system/files.hpp"

namespace gearscale::gears {

namespace {

constexpr std::size_t kMaxProcFile = 4 * 1024 * 1024;
constexpr std::string_view kController = "freezer";

Result<void> write_to(const std::string& file, const char* text) {
  const Fd fd(::open(file.c_str(), O_WRONLY | O_CLOEXEC));
  const int failure = fd.is_open() ? system::write_all(fd.get(), text) : errno;
  if (failure == 0) return {};
  return system::fail_errno(Errc::failed, "cannot write " + std::string(text) + " to " + file, failure);
}

}  // namespace

std::vector<CgroupMount> freezer_mounts(std::string_view mountinfo) { return mounts_with(kController, mountinfo); }

std::vector<CgroupMount> freezer_mounts() {
  const auto mountinfo = system::read_file("/proc/self/mountinfo", kMaxProcFile);
  return mountinfo ? freezer_mounts(*mountinfo) : std::vector<CgroupMount>();
}

std::optional<Freezer> Freezer::find(const std::vector<CgroupMount>& mounts, std::string_view proc_cgroup, std::string_view container) {
  const auto payload = payload_cgroup(mounts, kController, proc_cgroup, container);
  if (!payload) return std::nullopt;
  return Freezer(payload->directory + (payload->v2 ? "/cgroup.freeze" : "/freezer.state"), payload->v2);
}

std::optional<Freezer> Freezer::of(const std::vector<CgroupMount>& mounts, int pid, std::string_view container) {
  const auto text = pid > 0 ? system::read_file("/proc/" + std::to_string(pid) + "/cgroup", kMaxProcFile) : Result<std::string>("");
  return text ? find(mounts, *text, container) : std::nullopt;
}

bool Freezer::is_frozen() const {
  const auto text = system::read_file(v2_ ? system::directory_of(file_) + "/cgroup.events" : file_, kMaxProcFile);
  if (!text) return false;
  const auto lines = split(*text, '\n');
  return std::find(lines.begin(), lines.end(), v2_ ? "frozen 1" : "FROZEN") != lines.end();
}

Result<void> Freezer::freeze(const system::Deadline& deadline) const {
  if (auto written = write_to(file_, v2_ ? "1" : "FROZEN"); !written) return written;
  while (!is_frozen()) {
    if (deadline.is_over()) {
      static_cast<void>(thaw());
      return fail(Errc::failed, "not all processes froze (" + file_ + ")");
    }
    ::poll(nullptr, 0, 1);
  }
  return {};
}

Result<void> Freezer::thaw() const { return write_to(file_, thaw_text()); }

bool is_alive(int pid) {
  const auto status = system::read_file("/proc/" + std::to_string(pid) + "/status", kMaxProcFile);
  if (pid <= 0 || !status) return false;
  for (const auto line : split(*status, '\n')) {
    if (line.starts_with("State:\tZ")) return false;
    if (!line.starts_with("SigPnd:") && !line.starts_with("ShdPnd:")) continue;
    std::uint64_t pending = 0;  // in hex; bit n-1 stands for signal n
    const auto digits = trim(line.substr(line.find(':') + 1));
    std::from_chars(digits.data(), digits.data() + digits.size(), pending, 16);
    if ((pending >> (SIGKILL - 1) & 1) != 0) return false;
  }
  return true;
}

}  // namespace gearscale::gears
