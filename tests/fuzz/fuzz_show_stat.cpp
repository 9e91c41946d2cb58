// SPDX-License-Identifier: Apache-2.0
// Any text as the reply to `show stat`: refused as a whole, or rows that make sense, and that are the same when another HAProxy with other
// columns would say the same.
#include <optional>

#include "fuzz.hpp"
#include "gearscale/base/text.hpp"
#include "gearscale/codec/show_stat.hpp"

namespace gearscale::fuzz {

namespace {

constexpr std::string_view kBackend = "express";

std::string_view word_of(core::ServerState state) {
  switch (state) {
    case core::ServerState::up: return "UP";
    case core::ServerState::down: return "DOWN";
    case core::ServerState::drain: return "DRAIN";
    case core::ServerState::maint: return "MAINT";
    case core::ServerState::absent: break;
  }
  GEARSCALE_CHECK(false);
  return "";
}

// The columns in another order, with one more and a row of another proxy.
std::string written(const codec::BackendStat& stat) {
  const std::string name(kBackend);
  std::string text = "# addr,stot,pxname,more,status,scur,qcur,svname\n,-,other,,strange,x,x,BACKEND\n";
  for (const auto& server : stat.servers) {
    text += std::string(server.address) + "," + std::to_string(server.stot) + "," + name + ",," + std::string(word_of(server.state)) + "," +
            std::to_string(server.scur) + ",0," + std::string(server.name) + "\n";
  }
  return text + ",0," + name + ",,UP," + std::to_string(stat.scur) + "," + std::to_string(stat.qcur) + ",BACKEND\n\n";
}

bool is_same(const codec::BackendStat& one, const codec::BackendStat& other) {
  return one.scur == other.scur && one.qcur == other.qcur &&
         std::ranges::equal(one.servers, other.servers, [](const codec::StatServer& a, const codec::StatServer& b) {
           return a.name == b.name && a.state == b.state && a.scur == b.scur && a.stot == b.stot && a.address == b.address;
         });
}

bool is_plain(std::string_view field) { return field.find_first_of(",\"\n") == std::string_view::npos; }

// Without quotes, counting is easy: no row has fewer fields than the header, up to as many as are looked at.
void check_fields(std::string_view text) {
  constexpr std::ptrdiff_t kMost = 1'023;
  std::optional<std::ptrdiff_t> header;
  for (const auto line : split(text.substr(0, text.size() - 2), '\n')) {
    const auto commas = std::min(std::ranges::count(line, ','), kMost);
    GEARSCALE_CHECK(commas >= header.value_or(0));
    if (!header) header = commas;
  }
}

}  // namespace

void fuzz_show_stat(std::string_view input) {
  const Exact copy(input);
  const auto text = copy.view();
  codec::BackendStat stat;
  const auto parsed = codec::parse_show_stat(text, kBackend, stat);
  if (!parsed) return check_error(parsed.error(), {Errc::unavailable, Errc::config});
  GEARSCALE_CHECK(text.starts_with("# ") && text.ends_with("\n\n"));
  GEARSCALE_CHECK(stat.scur >= 0 && stat.qcur >= 0);
  if (text.find('"') == std::string_view::npos) check_fields(text);
  bool plain = true;
  for (const auto& server : stat.servers) {
    GEARSCALE_CHECK(is_inside(server.name, text) && is_inside(server.address, text));
    GEARSCALE_CHECK(server.name != "BACKEND" && server.name != "FRONTEND");
    GEARSCALE_CHECK(server.scur >= 0 && server.state != core::ServerState::absent);
    plain = plain && is_plain(server.name) && is_plain(server.address);
  }
  // The row that ends the reply is what says that it is whole.
  codec::BackendStat cut;
  GEARSCALE_CHECK(!codec::parse_show_stat(Exact(text.substr(0, text.size() - 1)).view(), kBackend, cut) || text.ends_with("\n\n\n"));
  if (!plain) return;  // a field that needed quotes does not tell how it was quoted
  const Exact again(written(stat));
  codec::BackendStat read = stat;  // what an earlier reply left behind must not matter
  GEARSCALE_CHECK(codec::parse_show_stat(again.view(), kBackend, read).has_value());
  GEARSCALE_CHECK(is_same(stat, read));
}

}  // namespace gearscale::fuzz
