// SPDX-License-Identifier: Apache-2.0
// Looks each setting up in its sources, strongest first.
#include "gearscale/cli/resolve.hpp"

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "gearscale/base/check.hpp"
#include "gearscale/base/text.hpp"
#include "gearscale/cli/conf_file.hpp"
#include "gearscale/system/files.hpp"

namespace gearscale::cli {

namespace {

constexpr std::size_t kMaxEnvFile = 4'096;

bool is_absent(const Error& error) { return error.sys_errno == ENOENT || error.sys_errno == ENOTDIR; }

// The content of ~/.env/NAME: the value and one line end, or OpenShift's older form `export NAME='value'`.
std::string env_file_value(std::string_view content, std::string_view name) {
  if (content.ends_with('\n')) content.remove_suffix(1);
  if (content.ends_with('\r')) content.remove_suffix(1);
  const auto prefix = "export " + std::string(name) + "=";
  if (!content.starts_with(prefix)) return std::string(content);
  content.remove_prefix(prefix.size());
  const bool quoted = content.size() >= 2 && (content.front() == '\'' || content.front() == '"') && content.back() == content.front();
  return std::string(quoted ? content.substr(1, content.size() - 2) : content);
}

// app-ns.example.com -> ns: the second dash field of the first label, as the cartridge has it; empty when there is none.
std::string namespace_of(std::string_view gear_dns) {
  const auto fields = split(split(gear_dns, '.').front(), '-');
  return fields.size() < 2 ? "" : std::string(fields[1]);
}

std::vector<std::string> variables_of(const Setting& setting) {
  std::vector<std::string> names;
  if (!setting.env.empty()) names.emplace_back(setting.env);
  names.push_back(variable_name(setting));
  return names;
}

std::size_t index_of(std::string_view key) {
  const auto* setting = find_setting(key);
  GEARSCALE_CHECK(setting != nullptr);
  return static_cast<std::size_t>(setting - settings().data());
}

}  // namespace

std::string path_in(std::string_view directory, std::string_view name) {
  while (directory.ends_with('/')) directory.remove_suffix(1);
  return std::string(directory) + "/" + std::string(name);
}

Unexpected value_error(std::string_view key, const Value& value, const std::string& why) {
  const auto code = value.origin == Origin::command_line ? Errc::usage : Errc::config;
  return fail(code, std::string(key) + " = '" + printable(value.text) + "' (" + printable(value.source, 300) + "): " + why);
}

Unexpected no_application() {
  return fail(Errc::config,
              "app: no application is named: use --app NAME, OPENSHIFT_APP_NAME, or 'app = NAME' in a file given with --config");
}

const Value& Values::at(std::string_view key) const { return values_.at(index_of(key)); }
Value& Values::slot(std::string_view key) { return values_.at(index_of(key)); }

void Values::apply_scale_limits(const core::Limits& limits) {
  for (const auto& [key, number] : {std::pair("scale_min", limits.min), std::pair("scale_max", limits.max)}) {
    auto& value = slot(key);
    if (value.origin > Origin::scale_limits) continue;
    value = {.text = std::to_string(number), .origin = Origin::scale_limits, .source = "scale_limits.txt"};
  }
}

class Resolver {
 public:
  explicit Resolver(const Sources& sources) : sources_(sources) {}

  Result<Values> run() {
    if (sources_.config_file) {
      if (auto read = read_conf(*sources_.config_file, *sources_.config_file); !read) return fail(read.error());
      return resolve_all();
    }
    // The conf file is found through settings; it cannot move itself.
    const auto directory = locate();
    if (!directory) return fail(directory.error());
    if (directory->empty()) return resolve_all();
    if (auto read = read_conf(path_in(*directory, kConfFile), kConfFile); !read && !is_absent(read.error())) return fail(read.error());
    auto values = resolve_all();
    if (values && values->text("haproxy_dir") != *directory) {
      const std::string_view key = values->at("haproxy_dir").origin == Origin::conf_file ? "haproxy_dir" : "home_dir";
      return value_error(key, values->at(key), "this file was found in " + *directory +
                                                   " and cannot say otherwise; use --config, --haproxy-dir or the environment");
    }
    return values;
  }

  Result<std::string> haproxy_dir() {
    if (sources_.config_file) {
      if (auto read = read_conf(*sources_.config_file, *sources_.config_file); !read) return fail(read.error());
    }
    auto directory = locate();
    if (directory && directory->empty()) return no_application();
    return directory;
  }

  Result<std::vector<std::string>> some(const std::vector<std::string>& keys) {
    const auto directory = sources_.config_file ? Result<std::string>(std::string()) : locate();
    if (!directory) return fail(directory.error());
    const auto path = sources_.config_file.value_or(path_in(*directory, kConfFile));
    const auto text = sources_.read_file(path, kMaxConfFile);
    if (text) conf_ = readable_conf(*text);
    conf_name_ = path;
    if (!text && (sources_.config_file || !is_absent(text.error()))) {
      return fail(Error{Errc::config, "configuration file: " + text.error().message, text.error().sys_errno});
    }
    // What a default is made from comes before it in the table.
    std::vector<std::string_view> wanted(keys.begin(), keys.end());
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      const auto base = default_base(*find_setting(wanted[i])).key;
      if (!base.empty() && std::ranges::find(wanted, base) == wanted.end()) wanted.push_back(base);
    }
    Values values;
    values.values_.resize(settings().size());
    for (const auto& setting : settings()) {
      if (std::ranges::find(wanted, setting.key) == wanted.end()) continue;
      if (auto added = add(setting, values); !added) return fail(added.error());
    }
    std::vector<std::string> texts;
    for (const auto& key : keys) texts.push_back(values.text(key));
    return texts;
  }

 private:
  // HAPROXY_DIR by what is known so far, without a look at other settings; empty when there is nothing to make it from.
  Result<std::string> locate() {
    Values values;
    values.values_.resize(settings().size());
    for (const auto* key : {"app", "home_dir", "haproxy_dir"}) {
      if (auto added = add(*find_setting(key), values); !added) return fail(added.error());
    }
    return values.text("haproxy_dir");
  }

  Result<void> read_conf(const std::string& path, std::string_view name) {
    auto text = sources_.read_file(path, kMaxConfFile);
    if (!text) return fail(Error{Errc::config, "configuration file: " + text.error().message, text.error().sys_errno});
    auto lines = parse_conf(*text, printable(name, 300));
    if (!lines) return fail(lines.error());
    conf_ = std::move(*lines);
    conf_name_ = name;
    return {};
  }

  Result<Values> resolve_all() {
    Values values;
    values.values_.resize(settings().size());
    for (const auto& setting : settings()) {
      if (auto added = add(setting, values); !added) return fail(added.error());
    }
    return values;
  }

  Result<void> add(const Setting& setting, Values& values) {
    auto value = find(setting, values);
    if (!value) return fail(value.error());
    if (auto checked = check_text(setting, value->text); !checked) {
      // An empty default means "not given"; whether it may stay so is not a question of this one setting.
      if (value->origin != Origin::built_in || !value->text.empty()) return value_error(setting.key, *value, checked.error().message);
    }
    values.slot(setting.key) = std::move(*value);
    return {};
  }

  Result<Value> find(const Setting& setting, const Values& earlier) {
    if (const auto given = sources_.command_line.find(std::string(setting.key)); given != sources_.command_line.end()) {
      return Value{.text = given->second, .origin = Origin::command_line, .source = "command line"};
    }
    if (auto value = from_environment(setting)) return *value;
    auto value = from_env_files(setting);
    if (!value) return fail(value.error());
    if (*value) return **value;
    if (const auto line = std::ranges::find(conf_, setting.key, &ConfLine::key); line != conf_.end()) {
      return Value{.text = line->value, .origin = Origin::conf_file, .source = conf_name_ + " line " + std::to_string(line->line)};
    }
    const auto base = default_base(setting);
    if (base.key.empty()) return Value{.text = std::string(setting.default_value)};
    std::string_view other = earlier.text(base.key);
    if (other.empty()) return Value{};
    while (other.size() > 1 && other.ends_with('/')) other.remove_suffix(1);  // OpenShift's directories end with a slash
    return Value{.text = std::string(base.before) + std::string(other) + std::string(base.after)};
  }

  std::optional<Value> from_environment(const Setting& setting) const {
    const auto get = [this](const std::string& name) { return sources_.environment(name).value_or(""); };
    const auto made = [](std::string text, const std::string& name) {
      return Value{.text = std::move(text), .origin = Origin::environment, .source = "environment " + name};
    };
    for (const auto& name : variables_of(setting)) {
      if (auto text = get(name); !text.empty()) return made(std::move(text), name);
    }
    if (setting.key == "namespace") {
      if (auto text = namespace_of(get("OPENSHIFT_GEAR_DNS")); !text.empty()) return made(std::move(text), "OPENSHIFT_GEAR_DNS");
    }
    return std::nullopt;
  }

  Result<std::optional<Value>> from_env_files(const Setting& setting) const {
    std::optional<Value> found;
    if (!sources_.home.starts_with('/')) return found;
    auto names = variables_of(setting);
    if (setting.key == "namespace") names.emplace_back("OPENSHIFT_GEAR_DNS");
    for (const auto& name : names) {
      const auto path = sources_.home + "/.env/" + name;
      const auto content = sources_.read_file(path, kMaxEnvFile);
      if (!content && is_absent(content.error())) continue;
      if (!content) return fail(Error{Errc::config, std::string(setting.key) + ": " + content.error().message, content.error().sys_errno});
      auto text = env_file_value(*content, name);
      if (name == "OPENSHIFT_GEAR_DNS") text = namespace_of(text);
      if (text.empty()) continue;
      found = Value{.text = std::move(text), .origin = Origin::env_file, .source = path};
      return found;
    }
    return found;
  }

  const Sources& sources_;
  std::vector<ConfLine> conf_;
  std::string conf_name_;
};

Result<Values> resolve(const Sources& sources) { return Resolver(sources).run(); }
Result<std::string> resolve_haproxy_dir(const Sources& sources) { return Resolver(sources).haproxy_dir(); }
Result<std::vector<std::string>> resolve_some(const Sources& sources, const std::vector<std::string>& keys) {
  return Resolver(sources).some(keys);
}

Sources process_sources(std::map<std::string, std::string> command_line, std::optional<std::string> config_file) {
  const char* home = std::getenv("HOME");
  if (home == nullptr || *home == '\0') {
    const auto* user = ::getpwuid(::geteuid());
    home = user == nullptr ? "" : user->pw_dir;
  }
  return {.command_line = std::move(command_line),
          .config_file = std::move(config_file),
          .home = home,
          .environment = [](const std::string& name) -> std::optional<std::string> {
            const char* value = std::getenv(name.c_str());
            return value == nullptr ? std::nullopt : std::optional<std::string>(value);
          },
          .read_file = [](const std::string& path, std::size_t max_bytes) { return system::read_file(path, max_bytes); }};
}

}  // namespace gearscale::cli
