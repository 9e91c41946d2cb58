// SPDX-License-Identifier: Apache-2.0
// Lines, words and sections of haproxy.cfg. HAProxy knows a section by the first word of a line alone, so indentation means nothing here.
// Pure.
#include "gearscale/codec/config_text.hpp"

#include <algorithm>
#include <array>

namespace gearscale::codec {

namespace {

constexpr std::array<std::string_view, 21> kSections{"global",      "defaults", "frontend",  "backend",     "listen",      "peers",
                                                     "resolvers",   "mailers",  "userlist",  "program",     "http-errors", "ring",
                                                     "cache",       "fcgi-app", "crt-store", "log-forward", "log-profile", "namespace_list",
                                                     "healthcheck", "traces",   "acme"};

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\v' || c == '\f'; }

}  // namespace

std::vector<std::string> config_words(std::string_view line, std::size_t most) {
  std::vector<std::string> words;
  std::string word;
  bool in_word = false;
  char quote = '\0';
  const auto finish = [&] {
    if (in_word) words.push_back(std::move(word));
    word.clear();
    in_word = false;
  };
  for (std::size_t at = 0; at < line.size() && words.size() < most; ++at) {
    const char c = line[at];
    if (quote == '\0' && is_blank(c)) {
      finish();
      continue;
    }
    if (quote == '\0' && c == '#') break;
    in_word = true;
    if (c == '\\' && quote != '\'') {
      if (at + 1 < line.size()) word += line[++at];
    } else if (quote != '\0' ? c == quote : (c == '"' || c == '\'')) {
      quote = quote == '\0' ? c : '\0';
    } else {
      word += c;
    }
  }
  if (words.size() < most) finish();
  return words;
}

ConfigText read_config(std::string_view file) {
  ConfigText config;
  for (std::size_t begin = 0; begin < file.size();) {
    const auto stop = file.find('\n', begin);
    ConfigLine line{.begin = begin, .end = stop == std::string_view::npos ? file.size() : stop + 1};
    line.text = file.substr(begin, (stop == std::string_view::npos ? file.size() : stop) - begin);
    if (line.text.ends_with('\r')) line.text.remove_suffix(1);
    auto words = config_words(line.text, 2);
    if (!words.empty() && std::find(kSections.begin(), kSections.end(), words[0]) != kSections.end()) {
      config.sections.push_back({.keyword = std::move(words[0]), .first = config.lines.size()});
      if (words.size() > 1) config.sections.back().name = std::move(words[1]);
    }
    line.section = static_cast<int>(config.sections.size()) - 1;
    config.lines.push_back(line);
    if (!config.sections.empty()) config.sections.back().past = config.lines.size();
    begin = line.end;
  }
  return config;
}

std::vector<std::size_t> server_sections(const ConfigText& config, std::string_view name) {
  std::vector<std::size_t> found;
  for (std::size_t at = 0; at < config.sections.size(); ++at) {
    const auto& section = config.sections[at];
    if ((section.keyword == "backend" || section.keyword == "listen") && section.name == name) found.push_back(at);
  }
  return found;
}

}  // namespace gearscale::codec
