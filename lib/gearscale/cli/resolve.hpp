// SPDX-License-Identifier: Apache-2.0
// Where each setting's value comes from. Environment and files are injected, so that the same sources give the same values.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gearscale/base/result.hpp"
#include "gearscale/cli/settings.hpp"
#include "gearscale/core/types.hpp"

namespace gearscale::cli {

// Where settings are looked for without --config, in HAPROXY_DIR.
inline constexpr std::string_view kConfFile = "conf/haproxy_ctld.conf";

// From the weakest to the strongest. The limits of scale_limits.txt are put in between by apply_scale_limits.
enum class Origin { built_in, conf_file, scale_limits, env_file, environment, command_line };

struct Value {
  std::string text;
  Origin origin = Origin::built_in;
  // "command line", "environment OPENSHIFT_APP_NAME", "/root/.env/OPENSHIFT_APP_NAME", "scale_limits.txt", "conf/haproxy_ctld.conf line 4"
  std::string source = "default";
};

// The value of every setting of the table, each allowed by itself (check_text); only resolve() makes them.
class Values {
 public:
  // `key` must be in the table.
  const Value& at(std::string_view key) const;
  const std::vector<Value>& all() const { return values_; }
  const std::string& text(std::string_view key) const { return at(key).text; }

  // Shows the limits of scale_limits.txt where nothing stronger has set them; for printing.
  void apply_scale_limits(const core::Limits& limits);

 private:
  friend class Resolver;
  Value& slot(std::string_view key);
  std::vector<Value> values_;  // as settings()
};

struct Sources {
  std::map<std::string, std::string> command_line;  // key -> text
  std::optional<std::string> config_file;           // --config FILE; else HAPROXY_DIR/conf/haproxy_ctld.conf, where there is one
  std::string home;                                 // whose .env/ is read; empty: none
  std::function<std::optional<std::string>(const std::string& name)> environment;
  // The whole file; sys_errno ENOENT or ENOTDIR when there is none.
  std::function<Result<std::string>(const std::string& path, std::size_t max_bytes)> read_file;
};

// The process's own environment and files; $HOME, or the home of the effective user.
Sources process_sources(std::map<std::string, std::string> command_line, std::optional<std::string> config_file);

// Precedence: command line, environment, ~/.env/NAME, conf file, default. A variable or ~/.env file that is empty counts as not given.
// Errors name setting, value, source and what is allowed: Errc::usage when the value came from the command line, Errc::config otherwise,
// for unreadable files too. Blocks for reading small files only.
Result<Values> resolve(const Sources& sources);

// HAPROXY_DIR alone. Stopping a daemon, or asking whether it runs, must not fail because some other setting has become wrong: without
// --config no conf file is read (one that is found through HAPROXY_DIR cannot move it), and no other value is judged but those the
// directory is made from.
Result<std::string> resolve_haproxy_dir(const Sources& sources);

// The texts of these settings of the table, in this order, and of no others: whoever stops HAProxy or takes an application away needs the few
// that it needs although another line of the conf file has become wrong. Without a conf file they are those of the other sources.
Result<std::vector<std::string>> resolve_some(const Sources& sources, const std::vector<std::string>& keys);

// The error about a setting's value: "up_pct = '0' (command line): WHY".
Unexpected value_error(std::string_view key, const Value& value, const std::string& why);

// The error about an application that nobody has named.
Unexpected no_application();

// "directory/name", whether the directory ends with a slash or not (OpenShift's do).
std::string path_in(std::string_view directory, std::string_view name);

}  // namespace gearscale::cli
