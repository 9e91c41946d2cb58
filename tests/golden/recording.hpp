// SPDX-License-Identifier: Apache-2.0
// Reading of the recordings in tests/data/golden.
#pragma once

#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "gearscale/base/text.hpp"
#include "support/catch.hpp"

namespace gearscale::test {

// The lines of one recording, cut into fields at `separator`; without the first line when it names the columns.
inline std::vector<std::vector<std::string>> read_recording(const std::string& name, char separator, bool has_header) {
  std::ifstream file(GEARSCALE_TEST_DATA "/golden/" + name, std::ios::binary);
  INFO(name);
  REQUIRE(file.good());
  std::vector<std::vector<std::string>> rows;
  std::string line;
  if (has_header) std::getline(file, line);
  while (std::getline(file, line)) {
    const auto fields = split(line, separator);
    rows.emplace_back(fields.begin(), fields.end());
  }
  REQUIRE_FALSE(rows.empty());
  return rows;
}

// "\n", "\r" and "\xNN" back to bytes.
inline std::string unescaped(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '\\' || at + 1 == text.size()) {
      out += text[at];
    } else if (text[at + 1] == 'x') {
      out += static_cast<char>(std::stoi(std::string(text.substr(at + 2, 2)), nullptr, 16));
      at += 3;
    } else {
      out += text[++at] == 'n' ? '\n' : '\r';
    }
  }
  return out;
}

}  // namespace gearscale::test
