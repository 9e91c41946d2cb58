// SPDX-License-Identifier: Apache-2.0
// haproxy.cfg as lines, words and sections, as far as the managed block needs it. Used inside this room only. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace gearscale::codec {

struct ConfigLine {
  std::size_t begin = 0;   // offset in the file
  std::size_t end = 0;     // past its line end
  std::string_view text;   // without its line end
  int section = -1;        // index into ConfigText::sections; -1 before the first
};

struct ConfigSection {
  std::string keyword;     // "backend", "listen", "global", ...
  std::string name;        // empty where there is none
  std::size_t first = 0;   // its lines, the one with the keyword included
  std::size_t past = 0;
};

struct ConfigText {
  std::vector<ConfigLine> lines;
  std::vector<ConfigSection> sections;
};

// Views point into `file`. A file without a final line end has its last line, too.
ConfigText read_config(std::string_view file);

// The first `most` words of a line as HAProxy sees them (manual, section 2.2): quotes and backslashes taken away, comments ignored.
std::vector<std::string> config_words(std::string_view line, std::size_t most);

// `backend NAME` and `listen NAME`, which both may hold servers: indices of the sections with that name.
std::vector<std::size_t> server_sections(const ConfigText& config, std::string_view name);

}  // namespace gearscale::codec
