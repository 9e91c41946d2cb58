// SPDX-License-Identifier: Apache-2.0
// What is found is believed only with the time when it began: a pid is another process's soon.
#include "gearscale/haproxy/predecessors.hpp"

#include <algorithm>
#include <utility>

#include "gearscale/system/clock.hpp"
#include "gearscale/system/files.hpp"
#include "gearscale/system/process.hpp"

namespace gearscale::haproxy {

namespace {

// The process that has this pid now, if it is an HAProxy that can be seen from here; else one without a pid.
struct Found {
  codec::ProcessMark mark;
  std::int64_t parent = 0;
};
Found find(std::int64_t pid) {
  const auto stat = system::process_stat(pid);
  if (!stat || !stat->name.starts_with("haproxy")) return {};
  return {{pid, stat->start}, stat->parent};
}

}  // namespace

codec::HaproxyProcesses Predecessors::load() {
  if (file_.empty()) return {};
  const auto text = system::read_file(file_, codec::kLongestProcessesFile);
  auto read = text ? codec::parse_haproxy_processes(*text) : Result<codec::HaproxyProcesses>(fail(text.error()));
  return read && read->boot_id == boot_id_ ? std::move(*read) : codec::HaproxyProcesses{};  // else it is written anew
}

void Predecessors::hold(const codec::ProcessMark& mark) {
  const auto same = [&](const Held& held) { return held.mark == mark; };
  if (mark.pid == 0 || std::any_of(held_.begin(), held_.end(), same)) return;
  if (auto process = system::open_process(mark); process.is_open()) held_.push_back({mark, std::move(process)});
}

// The workers of one master: reloads that nobody saw, one after the other, left these behind.
void Predecessors::hold_siblings(std::int64_t master) {
  if (find(master).mark.pid == 0) return;
  for (const auto pid : system::children_of(master)) hold(find(pid).mark);
}

void Predecessors::see(std::int64_t pid) {
  if (pid == current_.pid) return;
  if (boot_id_.empty()) boot_id_ = system::boot_id().value_or(std::string());
  stored_ = load();
  const auto found = find(pid);
  for (const auto& mark : stored_.earlier) hold(mark);
  hold(stored_.current);
  hold(current_);
  hold_siblings(found.parent);
  current_ = {pid, found.mark.start};
  std::erase_if(held_, [pid](const Held& held) { return held.mark.pid == pid; });
  changed_ = true;
}

bool Predecessors::any() {
  std::erase_if(held_, [](const Held& held) { return system::has_ended(held.process); });
  return !held_.empty();
}

Result<void> Predecessors::remember() {
  if (!changed_ || file_.empty() || boot_id_.empty() || current_.pid == 0) return {};
  codec::HaproxyProcesses known{boot_id_, current_, {}};
  for (const auto& held : held_) known.earlier.push_back(held.mark);
  if (known != stored_) {
    static_cast<void>(system::remove_stale_temps(system::directory_of(file_)));  // what keeps it from that fails the writing as well
    if (auto written = system::replace_file(file_, codec::format_haproxy_processes(known)); !written) return written;
    stored_ = std::move(known);
  }
  changed_ = false;
  return {};
}

}  // namespace gearscale::haproxy
