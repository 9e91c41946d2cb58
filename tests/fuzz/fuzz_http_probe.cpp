// SPDX-License-Identifier: Apache-2.0
// Any text as a gear's answer to the probe, and as the path and host that are asked for: no text adds a line to the request.
#include "fuzz.hpp"
#include "gearscale/codec/http_probe.hpp"

namespace gearscale::fuzz {

void fuzz_http_probe(std::string_view input) {
  const Exact copy(input);
  const auto reply = copy.view();
  const auto status = codec::probe_status(reply);
  if (status) {
    GEARSCALE_CHECK(*status >= 100 && *status <= 599 && reply.starts_with("HTTP/1."));
    GEARSCALE_CHECK(codec::probe_status(Exact("HTTP/1.0 " + std::to_string(*status) + "\r\n").view()) == status);
    // Where the first line ends is all that counts: the rest may come or not.
    GEARSCALE_CHECK(codec::probe_status(Exact(reply.substr(0, reply.find('\n') + 1)).view()) == status);
    GEARSCALE_CHECK(!codec::probe_status(Exact(reply.substr(0, reply.find('\n'))).view()));
  }
  const auto request = codec::probe_request(reply, reply);
  GEARSCALE_CHECK(request.starts_with("GET /") && request.ends_with("\r\n\r\n"));
  GEARSCALE_CHECK(std::ranges::count(request, '\n') == 5 && std::ranges::count(request, '\r') == 5);
  GEARSCALE_CHECK(std::ranges::count(request, ' ') == 5);
  GEARSCALE_CHECK(std::ranges::all_of(request, [](char c) { return static_cast<unsigned char>(c) < 0x7f; }));
}

}  // namespace gearscale::fuzz
