// SPDX-License-Identifier: Apache-2.0
// What gearscale-load counts, how it reads an answer, and its JSON.
#include "load_report.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <optional>

#include "gearscale/base/text.hpp"

namespace gearscale::load {

namespace {

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](char x, char y) { return lower(x) == lower(y); });
}

void read_set_cookie(std::string_view value, Answer& answer) {
  if (!value.starts_with("GEAR=")) return;
  answer.sets_cookie = true;
  answer.cookie = value.substr(5, value.find(';') == std::string_view::npos ? value.npos : value.find(';') - 5);
}

// Goes from chunk to chunk: whether a body of chunks is there to its end, and nothing after it.
bool has_last_chunk(std::string_view body) {
  for (;;) {
    const auto line = body.substr(0, body.find("\r\n"));
    std::size_t size = 0;
    const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), size, 16);
    if (error != std::errc() || body.size() < line.size() + 2 || size > body.size() - line.size() - 2) return false;
    body.remove_prefix(line.size() + 2);
    if (size == 0) return body == "\r\n";
    body.remove_prefix(size);
    if (!body.starts_with("\r\n")) return false;
    body.remove_prefix(2);
  }
}

std::string number(double value) {
  char text[40];
  std::snprintf(text, sizeof text, "%.2f", value);
  return text;
}

// The value that `share` of all latencies do not exceed (nearest rank).
double percentile(const std::vector<float>& sorted, double share) {
  if (sorted.empty()) return 0;
  const auto rank = static_cast<std::size_t>(share * static_cast<double>(sorted.size() - 1) + 0.5);
  return static_cast<double>(sorted[rank]);
}

std::uint64_t count_of(const Tally& tally, Failure failure) {
  const auto found = tally.failures.find(failure);
  return found == tally.failures.end() ? 0 : found->second;
}

}  // namespace

Answer read_answer(std::string_view text) {
  Answer answer;
  const auto end = text.find("\r\n\r\n");
  if (!text.starts_with("HTTP/1.") || end == text.npos || end < 12) return answer;
  answer.status = static_cast<int>(parse_integer(text.substr(9, 3)).value_or(0));
  const auto body = text.substr(end + 4);
  std::optional<std::int64_t> length;
  bool chunked = false, closes = false;
  for (auto line : split(text.substr(0, end), '\n')) {
    const auto colon = line.find(':');
    if (colon == line.npos) continue;
    const auto name = line.substr(0, colon);
    const auto value = trim(line.substr(colon + 1));
    if (equal_ignoring_case(name, "content-length")) length = parse_integer(value).value_or(-1);
    if (equal_ignoring_case(name, "transfer-encoding")) chunked = equal_ignoring_case(value, "chunked");
    if (equal_ignoring_case(name, "connection")) closes = equal_ignoring_case(value, "close");
    if (equal_ignoring_case(name, "set-cookie")) read_set_cookie(value, answer);
    if (equal_ignoring_case(name, "x-server") && is_safe_name(value, 64)) answer.server = value;
    if (equal_ignoring_case(name, "x-gear") && is_safe_name(value, 64)) answer.gear = value;
  }
  if (answer.status == 204 || answer.status == 304) length = 0;
  answer.whole = chunked ? has_last_chunk(body) : !length || *length == static_cast<std::int64_t>(body.size());
  answer.ended = answer.whole && (chunked || length);
  answer.keeps = answer.ended && text.starts_with("HTTP/1.1") && !closes;
  if (answer.gear.empty() && is_safe_name(trim(body), 64)) answer.gear = trim(body);
  return answer;
}

std::uint64_t Tally::failed() const {
  std::uint64_t sum = 0;
  for (const auto& [kind, count] : failures) sum += count;
  return sum;
}

std::string now_json(const Now& now, const Tally& tally) {
  return "{\"seconds\":" + number(now.seconds) + ",\"target\":" + std::to_string(now.target) +
         ",\"in_flight\":" + std::to_string(now.in_flight) + ",\"requests\":" + std::to_string(tally.answered + tally.failed()) +
         ",\"failed\":" + std::to_string(tally.failed()) + "}\n";
}

std::string failed_json(const Failed& failed) {
  constexpr const char* kNames[] = {"connect", "status", "truncated", "timeout", "unanswered"};
  return "{\"begun\":" + std::to_string(failed.begun) + ",\"ended\":" + std::to_string(failed.ended) + ",\"failure\":\"" +
         kNames[static_cast<int>(failed.failure)] + "\",\"status\":" + std::to_string(failed.answer.status) +
         ",\"bytes\":" + std::to_string(failed.bytes) + ",\"server\":\"" + failed.answer.server +
         "\"}\n";  // the name is whitelisted in read_answer
}

std::string report_json(double seconds, Tally& tally) {
  auto& sorted = tally.latencies_ms;
  std::sort(sorted.begin(), sorted.end());
  std::string gears;
  for (const auto& [name, count] : tally.gears) {
    gears += (gears.empty() ? "\"" : ",\"") + name + "\":" + std::to_string(count);  // names are whitelisted in read_answer
  }
  return "{\"seconds\":" + number(seconds) + ",\"requests\":" + std::to_string(tally.answered + tally.failed()) +
         ",\"answered\":" + std::to_string(tally.answered) + ",\"failed\":" + std::to_string(tally.failed()) +
         ",\"released\":" + std::to_string(tally.released) +
         ",\"failures\":{\"connect\":" + std::to_string(count_of(tally, Failure::connect)) +
         ",\"status\":" + std::to_string(count_of(tally, Failure::status)) +
         ",\"truncated\":" + std::to_string(count_of(tally, Failure::truncated)) +
         ",\"timeout\":" + std::to_string(count_of(tally, Failure::timeout)) +
         ",\"unanswered\":" + std::to_string(count_of(tally, Failure::unanswered)) + "}" +
         ",\"connections\":" + std::to_string(tally.connections) + ",\"closed_idle\":" + std::to_string(tally.closed_idle) +
         ",\"sent_again\":" + std::to_string(tally.sent_again) + ",\"latency_ms\":{\"p50\":" + number(percentile(sorted, 0.5)) +
         ",\"p90\":" + number(percentile(sorted, 0.9)) + ",\"p99\":" + number(percentile(sorted, 0.99)) +
         ",\"max\":" + number(percentile(sorted, 1)) + "}" + ",\"gears\":{" + gears + "}" +
         ",\"cookie_clients\":" + std::to_string(tally.cookie_clients) + ",\"sessions\":" + std::to_string(tally.sessions) +
         ",\"clients_that_changed\":" + std::to_string(tally.clients_that_changed) +
         ",\"gear_changes\":" + std::to_string(tally.gear_changes) + "}\n";
}

}  // namespace gearscale::load
