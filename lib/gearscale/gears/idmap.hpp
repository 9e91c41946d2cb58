// SPDX-License-Identifier: Apache-2.0
// The range of user and group ids that root may give to gears: /etc/subuid and /etc/subgid (subuid(5)).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "gearscale/base/result.hpp"
#include "gearscale/gears/options.hpp"

namespace gearscale::gears {

// Where the two files are.
struct SubidFiles {
  std::string uids = "/etc/subuid";
  std::string gids = "/etc/subgid";
};

// The ranges of root (named "root" or "0") in such a file, in order. Lines of others and comments are passed over; a line of root's that is
// not NAME:FIRST:COUNT with ids below 2^32, or that starts at 0 or has none, is an error: Errc::config naming the line.
Result<std::vector<IdMap>> parse_subids(std::string_view text, const std::string& path);

// The first range of root's in /etc/subuid, as far as one of /etc/subgid covers it too, at most 65,536 ids of it. Errc::config when there
// is none, with the command that makes one.
Result<IdMap> subuid_range(const SubidFiles& files = {});

// May root use this range? Only newuidmap asks, and liblxc uses it wherever it is installed. Errc::config, with the command to run.
Result<void> check_reserved(const IdMap& map, const SubidFiles& files = {});

}  // namespace gearscale::gears
