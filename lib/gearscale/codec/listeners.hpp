// SPDX-License-Identifier: Apache-2.0
// The kernel's tables of TCP sockets, /proc/PID/net/tcp and tcp6 (proc_pid_net(5)): who listens where. Pure.
#pragma once

#include <cstdint>
#include <string_view>

namespace gearscale::codec {

// Does a socket of this table take connections to that address (host byte order) and port? One that listens on any address does, and one of
// tcp6 on ::, which takes IPv4 as well unless told otherwise. What is no line of such a table is passed over.
bool has_listener(std::string_view table, std::uint32_t address, int port);

}  // namespace gearscale::codec
