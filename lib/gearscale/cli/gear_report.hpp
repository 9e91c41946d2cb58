// SPDX-License-Identifier: Apache-2.0
// What add-gear and remove-gear print: lines or JSON on stdout, a progress line on stderr when that is a terminal.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "gearscale/app/control_loop.hpp"
#include "gearscale/app/manual.hpp"
#include "gearscale/core/names.hpp"

namespace gearscale::cli {

struct GearLine {
  std::string id;
  std::string address;  // empty when it has none any more
  std::string outcome;  // serving, removed, failed, pending, pinned, unpinned, planned
};

struct GearReport {
  core::Application application;
  std::string action;  // add, remove, pin, unpin
  core::Decision decision;
  std::vector<GearLine> gears;
};

void print_report(const GearReport& report, bool json);

using SessionCounts = std::map<std::string, int, std::less<>>;  // gear id -> current sessions

// One line that is written over while gears boot or drain; nothing unless stderr is a terminal.
class ProgressLine {
 public:
  ProgressLine(core::Application application, app::ManualRequest::Kind kind, std::size_t total);
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;
  void show(const core::Registry& registry, const std::vector<std::string>& ids, const app::Followed& followed,
            const SessionCounts& sessions);

 private:
  core::Application application_;
  bool adding_;
  std::size_t total_;
  bool terminal_;
  bool written_ = false;
  core::Time start_;
};

}  // namespace gearscale::cli
