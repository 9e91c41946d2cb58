// SPDX-License-Identifier: Apache-2.0
// Any text as haproxy.cfg: we find our way in it or say why not, and change nothing but what stands between our markers.
#include "fuzz.hpp"
#include "gearscale/codec/config_text.hpp"
#include "gearscale/codec/haproxy_block.hpp"

namespace gearscale::fuzz {

namespace {

constexpr std::string_view kBackend = "express";

std::vector<codec::ServerCommand> servers() {
  return {{.backend = "express", .server = "gear-1f3a9c02-prod", .address = "10.0.3.11", .port = 8080, .check = "check inter 500 fall 2"},
          {.backend = "express", .server = "gear-00000002-prod", .address = "10.0.3.12", .port = 65535, .maxconn = 8}};
}

// Lines and sections cover the file without holes, in order.
void check_lines(std::string_view file) {
  const auto config = codec::read_config(file);
  std::size_t at = 0;
  for (const auto& line : config.lines) {
    GEARSCALE_CHECK(line.begin == at && line.end > line.begin && is_inside(line.text, file));
    GEARSCALE_CHECK(file.substr(line.begin).starts_with(line.text) && line.text.find('\n') == std::string_view::npos);
    GEARSCALE_CHECK(line.section >= -1 && line.section < static_cast<int>(config.sections.size()));
    at = line.end;
    const auto few = codec::config_words(line.text, 2);
    const auto all = codec::config_words(line.text, line.text.size() + 1);
    GEARSCALE_CHECK(few.size() == std::min<std::size_t>(2, all.size()) && std::equal(few.begin(), few.end(), all.begin()));
  }
  GEARSCALE_CHECK(at == file.size());
  for (std::size_t index = 0; index < config.sections.size(); ++index) {
    const auto& section = config.sections[index];
    const auto next = index + 1 < config.sections.size() ? config.sections[index + 1].first : config.lines.size();
    GEARSCALE_CHECK(section.first < section.past && section.past == next && !section.keyword.empty());
  }
}

void check_replace(std::string_view file) {
  const auto span = codec::find_block(file, kBackend);
  const auto replaced = codec::replace_block(file, kBackend, servers());
  GEARSCALE_CHECK(span.has_value() == replaced.has_value());
  if (!span) return check_error(span.error(), {Errc::config});
  GEARSCALE_CHECK(span->begin <= span->end && span->end <= file.size());
  GEARSCALE_CHECK(span->indent.find_first_not_of(" \t") == std::string::npos);
  const auto before = file.substr(0, span->begin);
  const auto after = file.substr(span->end);
  GEARSCALE_CHECK(replaced->starts_with(before) && replaced->ends_with(after));
  const auto block = replaced->substr(before.size(), replaced->size() - before.size() - after.size());
  GEARSCALE_CHECK(replaced->size() == before.size() + block.size() + after.size() && std::ranges::count(block, '\n') == 2);

  const Exact copy(*replaced);
  const auto again = codec::replace_block(copy.view(), kBackend, servers());
  GEARSCALE_CHECK(again && *again == *replaced);
  const auto found = codec::block_servers(copy.view(), kBackend);
  GEARSCALE_CHECK(found && *found == (std::vector<codec::BlockServer>{{"gear-1f3a9c02-prod", "10.0.3.11:8080"},
                                                                      {"gear-00000002-prod", "10.0.3.12:65535"}}));
  const auto emptied = codec::replace_block(file, kBackend, {});
  GEARSCALE_CHECK(emptied && *emptied == std::string(before).append(after));
  GEARSCALE_CHECK(*codec::replace_block(copy.view(), kBackend, {}) == *emptied);
  GEARSCALE_CHECK(codec::has_dynamic_cookie(*emptied, kBackend) == codec::has_dynamic_cookie(copy.view(), kBackend));
}

void check_insert(std::string_view file) {
  const auto inserted = codec::insert_block(file, kBackend);
  if (!inserted) return check_error(inserted.error(), {Errc::config});
  const Exact copy(*inserted);
  const auto span = codec::find_block(copy.view(), kBackend);
  GEARSCALE_CHECK(span.has_value());
  GEARSCALE_CHECK(*codec::insert_block(copy.view(), kBackend) == *inserted);
  if (*inserted == file) return;  // it was there
  GEARSCALE_CHECK(span->begin == span->end && !codec::find_block(file, kBackend));
  const auto begin = span->begin - span->indent.size() - codec::begin_marker(kBackend).size() - span->line_end.size();
  const auto end = span->end + span->indent.size() + codec::end_marker(kBackend).size() + span->line_end.size();
  const auto before = inserted->substr(0, begin);
  const auto after = inserted->substr(end);
  // A last line without its line end gets one.
  GEARSCALE_CHECK(before + after == file || (after.empty() && before == std::string(file) + span->line_end));
  GEARSCALE_CHECK(codec::has_dynamic_cookie(file, kBackend) == codec::has_dynamic_cookie(copy.view(), kBackend));
}

}  // namespace

void fuzz_haproxy_block(std::string_view input) {
  const Exact copy(input);
  const auto file = copy.view();
  check_lines(file);
  check_replace(file);
  check_insert(file);
  if (const auto found = codec::block_servers(file, kBackend); !found) check_error(found.error(), {Errc::config});
}

}  // namespace gearscale::fuzz
