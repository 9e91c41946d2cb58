// SPDX-License-Identifier: Apache-2.0
// The managed block of gears in haproxy.cfg. Everything outside our markers survives byte for byte. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "gearscale/base/result.hpp"
#include "gearscale/codec/runtime_api.hpp"

namespace gearscale::codec {

// The markers, each on a line of its own (blanks before and after are allowed), inside `backend NAME`:
//     # BEGIN gearscale gears of NAME - managed, do not edit
//     # END gearscale gears of NAME
std::string begin_marker(std::string_view backend);
std::string end_marker(std::string_view backend);

// Where the block's lines are: the text after the begin marker's line up to the start of the end marker's line.
struct BlockSpan {
  std::size_t begin = 0;
  std::size_t end = 0;
  std::string indent;     // blanks before the begin marker; used for the lines in between
  std::string line_end;   // "\n" or "\r\n", as the begin marker's line has it
};

// Errc::config, saying what to do: a marker missing, there twice, in the wrong order, or not inside the section `backend NAME` (or `listen
// NAME`).
Result<BlockSpan> find_block(std::string_view file, std::string_view backend);

// The file with the block's lines replaced by one `server` line for each command (indent + "server NAME ARGUMENTS"). Errc::config also for
// a command with control characters, whose line would not stay one line.
Result<std::string> replace_block(std::string_view file, std::string_view backend, const std::vector<ServerCommand>& servers);

// The `server` lines now in the block, for rebuilding a lost registry. A line in the block that is
// neither blank nor a server line is an error (Errc::config).
struct BlockServer {
  std::string name;
  std::string address;  // "10.0.3.11:8080" as written
  friend bool operator==(const BlockServer&, const BlockServer&) = default;
};
Result<std::vector<BlockServer>> block_servers(std::string_view file, std::string_view backend);

// Puts an empty block at the end of the section `backend NAME` (or `listen NAME`) of a user's own file. Unchanged text when the block is
// there already. Errc::config: no such section, more than one, or find_block's errors when markers are there but wrong.
Result<std::string> insert_block(std::string_view file, std::string_view backend);

// Is dynamic-cookie stickiness set in the section itself (a `cookie ... dynamic` line and a `dynamic-cookie-key` line, not in comments)?
// For a warning of setup.
bool has_dynamic_cookie(std::string_view file, std::string_view backend);

}  // namespace gearscale::codec
