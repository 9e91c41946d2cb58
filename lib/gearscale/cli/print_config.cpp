// SPDX-License-Identifier: Apache-2.0
// Printing of resolved settings. Pure.
#include "gearscale/cli/print_config.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "gearscale/base/text.hpp"

namespace gearscale::cli {

std::string config_text(const Values& values) {
  std::size_t key_width = 0;
  std::size_t value_width = 0;
  for (const auto& setting : settings()) {
    key_width = std::max(key_width, setting.key.size());
    // One long value shall not push all comments off the screen.
    value_width = std::max(value_width, std::min<std::size_t>(values.text(setting.key).size(), 40));
  }
  std::string text;
  for (const auto& setting : settings()) {
    const auto& value = values.at(setting.key);
    std::string line(setting.key);
    line.resize(key_width, ' ');
    line += " = " + value.text;
    line.resize(std::max(line.size(), key_width + 3 + value_width), ' ');
    // A source may be a file of any name: nothing in it may begin a new line.
    text += line + "   # " + one_line(value.source, 4'096) + "\n";
  }
  return text;
}

std::string config_json(const Values& values) {
  nlohmann::ordered_json object;
  for (const auto& setting : settings()) {
    const auto& value = values.at(setting.key);
    object[std::string(setting.key)] = {{"value", value.text}, {"source", value.source}};
  }
  // File names need not be UTF-8; what is not is replaced instead of thrown at.
  return object.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace gearscale::cli
