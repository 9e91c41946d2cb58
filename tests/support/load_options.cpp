// SPDX-License-Identifier: Apache-2.0
// The command line of gearscale-load, and the schedule of how many requests are to be in flight.
#include "load_options.hpp"

#include <cmath>
#include <optional>
#include <string_view>

#include "gearscale/base/text.hpp"

namespace gearscale::load {

const char* const kUsage =
    "Usage: gearscale-load --url http://ADDRESS[:PORT]/PATH (--steps STEPS | --hold N) [options]\n"
    "Keeps a number of HTTP requests in flight; each client sends its next request when the last one is answered,\n"
    "on the same connection for as long as the other side keeps it.\n"
    "Prints one JSON object at the end.\n\n"
    "  --steps STEPS      e.g. 5s:0,10s:9,30s:9-27,20s:0   for 5 s none, for 10 s nine, then from 9 to 27 in 30 s, then none\n"
    "  --hold N           N requests until SIGUSR1 (or, with --stdin, the end of stdin)\n"
    "  --stdin            with --hold: each line of stdin is a new N\n"
    "  --grace SECONDS    with --hold: when N gets smaller, how long requests beyond it may still take before they are given up (default "
    "2)\n"
    "  --close            a connection for each request, with `Connection: close`\n"
    "  --cookies          each client keeps its GEAR cookie\n"
    "  --session SECONDS  with --cookies: after this long a client forgets its cookie, as a new visitor (default 0: never)\n"
    "  --think SECONDS    pause of a client between an answer and its next request (default 0)\n"
    "  --timeout SECONDS  of one request (default 60)\n"
    "  --stats-file FILE  one JSON object about the state now, twice a second\n"
    "  --failures FILE    one JSON object for each request that failed: when it began and ended, why, on which server (X-Server), and how "
    "many\n"
    "                     bytes of an answer had come\n"
    "  -h, --help         this text\n\n"
    "A kept connection that the other side closed while no request was on it is no failure: the request goes over a new one (closed_idle), "
    "also when\n"
    "the two crossed on their way (sent_again). One that was closed after it had taken a request, without an answer, is (unanswered).\n\n"
    "Exit codes: 0 every request was answered with 2xx or 3xx, whole; 1 some were not; 2 wrong usage.\n";

namespace {

std::optional<int> parse_count(std::string_view text) {
  const auto number = parse_integer(text);
  if (!number || *number < 0 || *number > kMaxInFlight) return std::nullopt;
  return static_cast<int>(*number);
}

std::optional<double> parse_seconds(std::string_view text) {
  if (text.ends_with('s')) text.remove_suffix(1);
  const auto number = parse_decimal(text);
  if (!number || *number < 0 || *number > 86'400) return std::nullopt;
  return number;
}

Result<std::vector<Step>> parse_steps(std::string_view text) {
  std::vector<Step> steps;
  for (const auto piece : split(text, ',')) {
    const auto colon = piece.find(':');
    if (colon == std::string_view::npos) return fail(Errc::usage, "--steps: '" + printable(piece) + "' is not DURATION:N or DURATION:A-B");
    const auto seconds = parse_seconds(piece.substr(0, colon));
    const auto counts = split(piece.substr(colon + 1), '-');
    const auto from = parse_count(counts.front());
    const auto to = parse_count(counts.back());
    if (!seconds || !from || !to || counts.size() > 2)
      return fail(Errc::usage, "--steps: '" + printable(piece) + "' is not DURATION:N or DURATION:A-B");
    steps.push_back({*seconds, *from, *to});
  }
  return steps;
}

Result<void> parse_url(std::string_view url, Options& options) {
  const auto wrong = [&] {
    return fail(Errc::usage, "--url '" + printable(url) + "' is not http://ADDRESS[:PORT]/PATH with an IPv4 address");
  };
  auto rest = url;
  if (!rest.starts_with("http://")) return wrong();
  rest.remove_prefix(7);
  const auto slash = rest.find('/');
  const auto authority = rest.substr(0, slash);
  if (slash != std::string_view::npos) options.path = rest.substr(slash);
  for (const char c : options.path) {
    if (c <= ' ' || c == 0x7f) return wrong();
  }
  const auto pieces = split(authority, ':');
  const auto address = parse_ipv4(pieces.front() == "localhost" ? std::string_view("127.0.0.1") : pieces.front());
  const auto port = pieces.size() > 1 ? parse_integer(pieces.back()) : std::optional<std::int64_t>(80);
  if (!address || !port || *port < 1 || *port > 65'535 || pieces.size() > 2) return wrong();
  options.address = *address;
  options.port = static_cast<std::uint16_t>(*port);
  options.host = authority;
  return {};
}

Result<void> set_option(Options& options, const std::string& name, const std::string& value) {
  if (name == "--url") return parse_url(value, options);
  if (name == "--stats-file" || name == "--failures") {
    (name == "--failures" ? options.failures_file : options.stats_file) = value;
    return {};
  }
  if (name == "--steps") {
    auto steps = parse_steps(value);
    if (!steps) return fail(steps.error());
    options.steps = std::move(*steps);
    return {};
  }
  if (name == "--hold") {
    const auto count = parse_count(value);
    if (!count) return fail(Errc::usage, "--hold '" + printable(value) + "' is not a number from 0 to " + std::to_string(kMaxInFlight));
    options.hold = *count;
    return {};
  }
  const auto seconds = parse_seconds(value);
  if (!seconds) return fail(Errc::usage, name + " '" + printable(value) + "' is not a number of seconds");
  if (name == "--timeout") options.timeout_seconds = *seconds;
  if (name == "--grace") options.grace_seconds = *seconds;
  if (name == "--think") options.think_seconds = *seconds;
  if (name == "--session") options.session_seconds = *seconds;
  return {};
}

}  // namespace

Result<Options> parse_arguments(const std::vector<std::string>& arguments) {
  Options options;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const auto& name = arguments[i];
    if (name == "-h" || name == "--help") {
      options.help = true;
      return options;
    }
    if (name == "--cookies") {
      options.cookies = true;
    } else if (name == "--close") {
      options.close = true;
    } else if (name == "--stdin") {
      options.read_stdin = true;
    } else if (name == "--url" || name == "--steps" || name == "--hold" || name == "--timeout" || name == "--grace" || name == "--think" ||
               name == "--session" || name == "--stats-file" || name == "--failures") {
      if (i + 1 == arguments.size()) return fail(Errc::usage, name + " needs a value");
      if (auto set = set_option(options, name, arguments[++i]); !set) return fail(set.error());
    } else {
      return fail(Errc::usage, "unknown argument '" + printable(name) + "'");
    }
  }
  if (options.host.empty()) return fail(Errc::usage, "--url is missing");
  if (options.steps.empty() == (options.hold < 0)) return fail(Errc::usage, "give either --steps or --hold");
  if (options.read_stdin && options.hold < 0) return fail(Errc::usage, "--stdin belongs to --hold");
  if (options.session_seconds > 0 && !options.cookies) return fail(Errc::usage, "--session belongs to --cookies");
  return options;
}

double total_seconds(const std::vector<Step>& steps) {
  double total = 0;
  for (const auto& step : steps) total += step.seconds;
  return total;
}

int target_at(const std::vector<Step>& steps, double seconds) {
  for (const auto& step : steps) {
    if (seconds < step.seconds) return static_cast<int>(std::lround(step.from + (step.to - step.from) * seconds / step.seconds));
    seconds -= step.seconds;
  }
  return 0;
}

}  // namespace gearscale::load
