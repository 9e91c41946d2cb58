// SPDX-License-Identifier: Apache-2.0
// The diary, and the names of what is written into it.
#include "gearscale/sim/chance.hpp"

#include <cstdio>

#include "gearscale/sim/faults.hpp"

namespace gearscale::sim {

namespace {

std::string line_of(const std::pair<core::Time, std::string>& entry) {
  char stamp[32];
  std::snprintf(stamp, sizeof stamp, "%12.3f  ", static_cast<double>(entry.first.time_since_epoch().count()) / 1'000);
  return stamp + entry.second;
}

}  // namespace

void Journal::note(core::Time now, std::string text) {
  if (ring_.size() < kKept) {
    ring_.emplace_back(now, std::move(text));
  } else {
    ring_[next_] = {now, std::move(text)};
  }
  if (aloud_) std::printf("%s\n", line_of(ring_[ring_.size() < kKept ? ring_.size() - 1 : next_]).c_str());
  next_ = (next_ + 1) % kKept;
}

std::vector<std::string> Journal::last() const {
  std::vector<std::string> lines;
  const auto first = ring_.size() < kKept ? 0 : next_;
  for (std::size_t i = 0; i < ring_.size(); ++i) lines.push_back(line_of(ring_[(first + i) % ring_.size()]));
  return lines;
}

std::string_view to_string(Calamity calamity) {
  switch (calamity) {
    case Calamity::gear_dies: return "gear_dies";
    case Calamity::gear_hangs: return "gear_hangs";
    case Calamity::gear_freezes: return "gear_freezes";
    case Calamity::boots_break: return "boots_break";
    case Calamity::boots_slow: return "boots_slow";
    case Calamity::template_gone: return "template_gone";
    case Calamity::proxy_restarts: return "proxy_restarts";
    case Calamity::proxy_reloads: return "proxy_reloads";
    case Calamity::proxy_away: return "proxy_away";
    case Calamity::server_lost: return "server_lost";
    case Calamity::server_stray: return "server_stray";
    case Calamity::file_edited: return "file_edited";
    case Calamity::lock_held: return "lock_held";
    case Calamity::disk_full: return "disk_full";
    case Calamity::registry_lost: return "registry_lost";
    case Calamity::registry_corrupt: return "registry_corrupt";
    case Calamity::stranger: return "stranger";
    case Calamity::leap: return "leap";
    case Calamity::reboot: return "reboot";
    case Calamity::process_killed: return "process_killed";
    case Calamity::tool_drives: return "tool_drives";
    case Calamity::command: return "command";
    case Calamity::limits: return "limits";
    case Calamity::marker: return "marker";
    case Calamity::replacement: return "replacement";
  }
  return "?";
}

}  // namespace gearscale::sim
