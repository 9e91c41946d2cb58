// SPDX-License-Identifier: Apache-2.0
// Sources made of maps: no environment, no disk.
#pragma once

#include <cerrno>
#include <map>
#include <string>

#include "gearscale/cli/config.hpp"
#include "gearscale/cli/resolve.hpp"

namespace gearscale::cli {

struct FakeSources {
  std::map<std::string, std::string> command_line = {{"app", "shop"}};
  std::map<std::string, std::string> environment;
  std::map<std::string, std::string> files;
  std::optional<std::string> config_file;
  std::string home = "/root";

  static constexpr const char* kConf = "/var/lib/gearscale/shop/haproxy-1.4/conf/haproxy_ctld.conf";

  Sources sources() const {
    return {.command_line = command_line,
            .config_file = config_file,
            .home = home,
            .environment = [this](const std::string& name) -> std::optional<std::string> {
              const auto found = environment.find(name);
              return found == environment.end() ? std::nullopt : std::optional(found->second);
            },
            .read_file = [this](const std::string& path, std::size_t) -> Result<std::string> {
              const auto found = files.find(path);
              if (found == files.end()) return fail(Errc::failed, "cannot open " + path + ": no such file or directory", ENOENT);
              if (found->second == "EACCES") return fail(Errc::failed, "cannot open " + path + ": permission denied", EACCES);
              return found->second;
            }};
  }
  Result<Values> resolve() const { return cli::resolve(sources()); }
  Result<Config> config() const {
    const auto values = resolve();
    if (!values) return fail(values.error());
    return make_config(*values);
  }
};

}  // namespace gearscale::cli
