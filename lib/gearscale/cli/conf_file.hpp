// SPDX-License-Identifier: Apache-2.0
// haproxy_ctld.conf as text: lines `key = value`, comments after '#'. Pure; knows the keys from the table, judges no value.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "gearscale/base/result.hpp"

namespace gearscale::cli {

struct ConfLine {
  std::string key;
  std::string value;  // may be empty
  int line = 0;       // from 1
};

inline constexpr std::size_t kMaxConfFile = 64 * 1024;

// Blank lines and CR before the line end are allowed; a '#' at the start of a line or after a blank begins a comment. Errc::config, naming
// file and line, for: a line without '=', an unknown key, a key twice, control characters, more than 64 KiB. `name` is the file as messages
// shall call it.
Result<std::vector<ConfLine>> parse_conf(std::string_view text, std::string_view name);

// For who must go on although some other line has become wrong: the lines that can be read. Of a key that is there twice the first one counts.
std::vector<ConfLine> readable_conf(std::string_view text);

}  // namespace gearscale::cli
