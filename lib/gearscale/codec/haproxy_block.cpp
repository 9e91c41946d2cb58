// SPDX-License-Identifier: Apache-2.0
// Finds, reads, replaces and inserts the managed block. Only the bytes between the markers' lines ever change. Pure.
#include "gearscale/codec/haproxy_block.hpp"

#include <algorithm>
#include <optional>

#include "gearscale/base/text.hpp"
#include "gearscale/codec/config_text.hpp"

namespace gearscale::codec {

namespace {

constexpr std::string_view kBlanks = " \t";

std::string quoted(std::string_view text) { return std::string("'").append(printable(text, 200)).append("'"); }

Unexpected in_file(std::string_view why, std::string_view what_to_do) {
  return fail(Errc::config, "haproxy.cfg: " + std::string(why) + "; " + std::string(what_to_do));
}

// The lines that are exactly this marker.
std::vector<std::size_t> marker_lines(const ConfigText& config, const std::string& marker) {
  std::vector<std::size_t> found;
  for (std::size_t at = 0; at < config.lines.size(); ++at) {
    if (trim(config.lines[at].text) == marker) found.push_back(at);
  }
  return found;
}

std::string line_numbers(const std::vector<std::size_t>& lines) {
  std::string text;
  for (const auto line : lines) text += (text.empty() ? "" : ", ") + std::to_string(line + 1);
  return text;
}

struct MarkerLines {
  std::size_t begin = 0;
  std::size_t end = 0;
};

// Nothing when neither marker is there.
Result<std::optional<MarkerLines>> find_markers(const ConfigText& config, std::string_view backend) {
  const auto begin = begin_marker(backend);
  const auto end = end_marker(backend);
  const auto begins = marker_lines(config, begin);
  const auto ends = marker_lines(config, end);
  if (begins.empty() && ends.empty()) return std::optional<MarkerLines>();
  for (const auto& [marker, lines] : {std::pair(&begin, &begins), std::pair(&end, &ends)}) {
    if (lines->empty()) return in_file("the line " + quoted(*marker) + " is missing while its partner is there", "put it back");
    if (lines->size() > 1) {
      return in_file(
          "the line " + quoted(*marker) + " is there " + std::to_string(lines->size()) + " times (lines " + line_numbers(*lines) + ")",
          "leave one block");
    }
  }
  const MarkerLines found{.begin = begins.front(), .end = ends.front()};
  const auto where = "lines " + std::to_string(found.begin + 1) + " and " + std::to_string(found.end + 1);
  if (found.end < found.begin) return in_file("the end marker stands before the begin marker (" + where + ")", "put them in order");
  const auto sections = server_sections(config, backend);
  const auto holds = [&config, &sections](std::size_t line) {
    return std::any_of(sections.begin(), sections.end(),
                       [&](std::size_t section) { return config.lines[line].section == static_cast<int>(section); });
  };
  if (!holds(found.begin) || config.lines[found.end].section != config.lines[found.begin].section) {
    return in_file("the markers (" + where + ") are not both inside the section " + quoted("backend " + std::string(backend)),
                   "move them there, or correct the setting 'backend'");
  }
  return std::optional(found);
}

bool ends_with_crlf(std::string_view file, const ConfigLine& line) { return file.substr(0, line.end).ends_with("\r\n"); }

std::string indent_of(std::string_view text) { return std::string(text.substr(0, std::min(text.find_first_not_of(kBlanks), text.size()))); }

// A line of the file must stay one line.
bool has_control_character(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f; });
}

}  // namespace

std::string begin_marker(std::string_view backend) {
  return "# BEGIN gearscale gears of " + std::string(backend) + " - managed, do not edit";
}

std::string end_marker(std::string_view backend) { return "# END gearscale gears of " + std::string(backend); }

Result<BlockSpan> find_block(std::string_view file, std::string_view backend) {
  const auto config = read_config(file);
  const auto markers = find_markers(config, backend);
  if (!markers) return fail(markers.error());
  if (!*markers) {
    return in_file("the lines " + quoted(begin_marker(backend)) + " and " + quoted(end_marker(backend)) + " are missing",
                   "put them into the section 'backend " + printable(backend) + "', or let the cartridge's setup do it");
  }
  const auto& begin = config.lines[(*markers)->begin];
  const auto& end = config.lines[(*markers)->end];
  return BlockSpan{
      .begin = begin.end, .end = end.begin, .indent = indent_of(begin.text), .line_end = ends_with_crlf(file, begin) ? "\r\n" : "\n"};
}

Result<std::string> replace_block(std::string_view file, std::string_view backend, const std::vector<ServerCommand>& servers) {
  const auto span = find_block(file, backend);
  if (!span) return fail(span.error());
  std::string out(file.substr(0, span->begin));
  for (const auto& server : servers) {
    const auto line = "server " + server.server + " " + server_arguments(server);
    if (has_control_character(line)) {
      return fail(Errc::config, "a server line for haproxy.cfg would hold control characters: " + quoted(line));
    }
    out += span->indent + line + span->line_end;
  }
  out += file.substr(span->end);
  return out;
}

Result<std::vector<BlockServer>> block_servers(std::string_view file, std::string_view backend) {
  const auto span = find_block(file, backend);
  if (!span) return fail(span.error());
  std::vector<BlockServer> servers;
  for (const auto line : split(file.substr(span->begin, span->end - span->begin), '\n')) {
    if (trim(line).empty()) continue;
    auto words = config_words(line, 3);
    if (words.size() < 3 || words[0] != "server") {
      return in_file("the block of gears of backend " + quoted(backend) + " holds " + quoted(trim(line)) + ", which is not a server line",
                     "move it out of the block");
    }
    servers.push_back({.name = std::move(words[1]), .address = std::move(words[2])});
  }
  return servers;
}

Result<std::string> insert_block(std::string_view file, std::string_view backend) {
  const auto config = read_config(file);
  const auto markers = find_markers(config, backend);
  if (!markers) return fail(markers.error());
  if (*markers) return std::string(file);
  const auto sections = server_sections(config, backend);
  const auto wanted = quoted("backend " + std::string(backend));
  if (sections.empty()) return in_file("there is no section " + wanted, "correct the name");
  if (sections.size() > 1) return in_file("there are " + std::to_string(sections.size()) + " sections " + wanted, "leave one");

  // After the last line that says something: blank lines and comments before the next section belong to that one.
  const auto& section = config.sections[sections.front()];
  auto last = section.past - 1;
  while (last > section.first && config_words(config.lines[last].text, 1).empty()) --last;
  const auto& after = config.lines[last];
  const auto indent = last == section.first ? std::string("    ") : indent_of(after.text);
  const std::string line_end = ends_with_crlf(file, config.lines[section.first]) ? "\r\n" : "\n";

  std::string out(file.substr(0, after.end));
  if (!out.ends_with('\n')) out += line_end;
  out += indent + begin_marker(backend) + line_end + indent + end_marker(backend) + line_end;
  out += file.substr(after.end);
  // A name that does not survive on a line of its own would give a file that we cannot find our way in.
  if (const auto found = find_block(out, backend); !found) return fail(found.error());
  return out;
}

bool has_dynamic_cookie(std::string_view file, std::string_view backend) {
  constexpr std::size_t kEveryWord = 1000;
  const auto config = read_config(file);
  const auto sections = server_sections(config, backend);
  bool cookie = false;
  bool key = false;
  for (const auto at : sections) {
    for (auto line = config.sections[at].first + 1; line < config.sections[at].past; ++line) {
      const auto words = config_words(config.lines[line].text, kEveryWord);
      if (words.size() < 2) continue;
      if (words[0] == "cookie" && std::find(words.begin() + 2, words.end(), "dynamic") != words.end()) cookie = true;
      if (words[0] == "dynamic-cookie-key") key = true;
    }
  }
  return cookie && key;
}

}  // namespace gearscale::codec
