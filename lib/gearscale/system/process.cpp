// SPDX-License-Identifier: Apache-2.0
// /proc, and pidfd_open(2).
#include "gearscale/system/process.hpp"

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <string>

#include "gearscale/base/text.hpp"
#include "gearscale/system/files.hpp"

namespace gearscale::system {

namespace {

constexpr std::size_t kMaxStat = 4096;
constexpr std::size_t kMaxChildren = 1024 * 1024;

}  // namespace

Result<codec::ProcessStat> process_stat(std::int64_t pid) {
  const auto text = read_file("/proc/" + std::to_string(pid) + "/stat", kMaxStat);
  if (!text) return fail(text.error());
  return codec::parse_process_stat(*text);
}

Fd open_process(const codec::ProcessMark& process) {
  Fd opened(static_cast<int>(::syscall(SYS_pidfd_open, static_cast<pid_t>(process.pid), 0)));
  // In this order: what is read after the opening is of the process that was opened, unless that one has ended meanwhile.
  const auto stat = opened.is_open() ? process_stat(process.pid) : Result<codec::ProcessStat>(codec::ProcessStat{});
  if (!opened.is_open() || !stat || stat->start != process.start || has_ended(opened)) return Fd();
  return opened;
}

bool has_ended(const Fd& process) {
  pollfd ended{process.get(), POLLIN, 0};
  return ::poll(&ended, 1, 0) > 0;
}

std::vector<std::int64_t> children_of(std::int64_t pid) {
  const auto process = "/proc/" + std::to_string(pid);
  const auto text = read_file(process + "/task/" + std::to_string(pid) + "/children", kMaxChildren);
  std::vector<std::int64_t> children;
  if (!text) return children;
  for (const auto word : split(trim(*text), ' ')) {
    if (const auto child = parse_integer(word)) children.push_back(*child);
  }
  return children;
}

}  // namespace gearscale::system
