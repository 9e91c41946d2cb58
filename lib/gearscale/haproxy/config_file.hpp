// SPDX-License-Identifier: Apache-2.0
// haproxy.cfg on disk: our block in it is replaced, everything else is the user's. HAProxy itself judges the result before it counts.
#pragma once

#include <string>
#include <vector>

#include "gearscale/base/result.hpp"
#include "gearscale/codec/haproxy_block.hpp"
#include "gearscale/haproxy/options.hpp"
#include "gearscale/ports.hpp"

namespace gearscale::haproxy {

// A gear as a server, for the running HAProxy and for the file alike.
codec::ServerCommand server_command(const Options& options, const ServerSpec& server);

class ConfigFile {
 public:
  explicit ConfigFile(const Options& options) : options_(options) {}

  // Makes the block hold exactly these servers. When it does already nothing is written. Else: temp file beside it, `haproxy -c`, fsync,
  // rename; blocks for the time of `haproxy -c` (30 ms for a small file, at most 10 s). What a person changes meanwhile is not lost: then
  // it begins anew. The file is unchanged on any error: Errc::config (no file, markers missing or twice, HAProxy refuses the result),
  // Errc::failed (disk full, ...).
  Result<void> write_block(const std::vector<ServerSpec>& servers);

  // Does the block hold exactly these servers? Errc::config as above.
  Result<bool> holds(const std::vector<ServerSpec>& servers) const;

  // Errc::config when the file cannot be read, has no block of ours, or is one that HAProxy refuses: found out before a gear is made for
  // it. Blocks as write_block does.
  Result<void> check() const;

 private:
  Result<std::string> read() const;
  Result<std::string> with_block(const std::string& text, const std::vector<ServerSpec>& servers) const;
  Options options_;
};

}  // namespace gearscale::haproxy
