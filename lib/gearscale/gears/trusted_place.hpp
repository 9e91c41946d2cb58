// SPDX-License-Identifier: Apache-2.0
// May root believe what stands at a container's place? liblxc does what the config there says, programs included (lxc.hook.*), and follows
// lxc_rdepends to a second container. So the directory and these files have to be root's alone, and that is verified before liblxc is pointed
// at them. Nothing here follows a link or waits for a FIFO; the directories above are judged by system::check_trusted, when a tool starts.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <string>

#include "gearscale/base/result.hpp"

namespace gearscale::gears {

// The text of a file directly in `directory`; nothing when one of the two is not there, or `directory` is none. Errc::failed when it is a
// link, a directory, a FIFO or the like, is longer than `max_bytes`, or cannot be read.
Result<std::optional<std::string>> read_in_place(const std::string& directory, const char* name, std::size_t max_bytes);

// Errc::config, saying whose it is and what to do, unless `directory` is a directory and it, its config and its lxc_rdepends belong to root (or
// to the effective user) and can be written by nobody else, under no other name either. What is missing is nobody's fault.
Result<void> check_place(const std::string& directory);

// Errc::config, with the two commands that mend it, unless only root and this group, the one of the gears' root, can pass `directory`, and the
// group does. Group 0: privileged gears, nobody but root passes.
Result<void> check_closed(const std::string& directory, gid_t group);

// check_place, and the same for the containers that destroying this one makes liblxc open: those that its lxc_rdepends names.
Result<void> check_place_and_its_sources(const std::string& directory);

}  // namespace gearscale::gears
