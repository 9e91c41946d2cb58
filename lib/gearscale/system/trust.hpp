// SPDX-License-Identifier: Apache-2.0
// May what is at a path be believed, by a program that acts on it as root? Whoever may change a file, a directory above it or a link that
// leads to it, may tell that program what to do.
#pragma once

#include <string>

#include "gearscale/base/result.hpp"

namespace gearscale::system {

// Errc::config, saying who else can change what and what to do about it: the file or directory, a directory above it or a symbolic link on
// the way belongs to neither root nor ourselves (the effective user), or may be written by everybody. The one exception is a directory with
// the sticky bit, like /tmp: what is in it is judged by itself. Links are followed, each by hand. What does not exist, and what we may not
// look at, is nobody's fault. A relative path is taken from the working directory. Groups are left to those who set them.
Result<void> check_trusted(const std::string& path);

// The links on the way alone: each belongs to root or to us. For files that are written where their owner wants them.
Result<void> check_links(const std::string& path);

}  // namespace gearscale::system
