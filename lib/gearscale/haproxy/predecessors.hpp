// SPDX-License-Identifier: Apache-2.0
// The processes of HAProxy that reloads left behind: each serves what it has until that ends, on any gear, and nobody else knows of it. They are
// held by pidfd, and written down for who starts after us. Decides nothing.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "gearscale/base/fd.hpp"
#include "gearscale/codec/haproxy_processes.hpp"

namespace gearscale::haproxy {

class Predecessors {
 public:
  // An empty path: known to this object alone.
  explicit Predecessors(std::string file) : file_(std::move(file)) {}

  // HAProxy answered as this process. Another one than before, also the first one: looks for earlier ones in the file, among the children of the
  // master, and at the one that answered before. Costs nothing while it stays the same.
  void see(std::int64_t pid);
  // Has one not ended yet?
  bool any();
  // Writes the file, durably, if there was another process since. One that could not be read is replaced; those that have ended may stand in it until
  // then. Errors as system::replace_file.
  Result<void> remember();

 private:
  struct Held {
    codec::ProcessMark mark;
    Fd process;
  };
  codec::HaproxyProcesses load();
  void hold(const codec::ProcessMark& mark);
  void hold_siblings(std::int64_t master);

  std::string file_;
  codec::HaproxyProcesses stored_;  // as the file has it
  std::string boot_id_;
  codec::ProcessMark current_;
  std::vector<Held> held_;
  bool changed_ = false;  // something may not be in the file
};

}  // namespace gearscale::haproxy
