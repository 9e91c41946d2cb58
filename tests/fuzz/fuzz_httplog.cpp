// SPDX-License-Identifier: Apache-2.0
// Any text as a line of HAProxy's log: nothing, or a request that makes sense; what a client writes behind the status cannot change it.
#include "fuzz.hpp"
#include "gearscale/codec/httplog.hpp"
#include "gearscale/core/response_window.hpp"

namespace gearscale::fuzz {

namespace {

constexpr std::size_t kCutUpTo = 300;  // a cut at every byte takes the square of the length

bool is_same(const std::optional<codec::LoggedRequest>& one, const codec::LoggedRequest& other) {
  return one && one->backend == other.backend && one->server == other.server && one->status == other.status &&
         one->total_ms == other.total_ms;
}

std::string written(const codec::LoggedRequest& request) {
  // A server that is none counts only after a time in the queue.
  const std::string timers = request.server.starts_with('<') ? "0/1/-1/-1/" : "0/0/0/0/";
  return "[22/Nov/2026:10:53:16.123] in " + std::string(request.backend) + "/" + std::string(request.server) + " " + timers +
         std::to_string(request.total_ms) + " " + std::to_string(request.status) + " ";
}

void check_percentiles(std::uint32_t total_ms) {
  core::ResponseWindow window{core::Millis{10'000}};
  const core::Time now{core::Millis{1'000'000}};
  window.add(now, total_ms);
  const auto summary = window.summary(now);
  GEARSCALE_CHECK(summary.count == 1 && summary.p50 == summary.p90 && summary.p90 == summary.p99);
  const auto most = std::min<std::uint32_t>(total_ms, 3'600'000);
  GEARSCALE_CHECK(summary.p50 <= most && summary.p50 + most / 31 + 1 >= most);
}

}  // namespace

void fuzz_httplog(std::string_view input) {
  const Exact copy(input);
  const auto line = copy.view();
  const auto request = codec::parse_httplog(line);
  for (std::size_t length = 0; length < std::min(line.size(), kCutUpTo); ++length) {
    const Exact cut(line.substr(0, length));
    const auto part = codec::parse_httplog(cut.view());
    GEARSCALE_CHECK(!part || (request && is_same(part, *request)));
  }
  if (!request) return;
  GEARSCALE_CHECK(is_inside(request->backend, line) && is_inside(request->server, line));
  GEARSCALE_CHECK(request->backend.find('/') == std::string_view::npos && request->server.find(' ') == std::string_view::npos);
  GEARSCALE_CHECK(request->status >= -1 && request->total_ms <= 0x7fffffffU);
  const Exact more(std::string(line) + " [22/Nov/2026:10:53:16.123] in express/forged 0/0/0/0/99999 200 \"");
  GEARSCALE_CHECK(is_same(codec::parse_httplog(more.view()), *request));
  const Exact again(written(*request));
  GEARSCALE_CHECK(is_same(codec::parse_httplog(again.view()), *request));
  check_percentiles(request->total_ms);
}

}  // namespace gearscale::fuzz
