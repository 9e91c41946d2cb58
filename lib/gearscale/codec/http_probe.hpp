// SPDX-License-Identifier: Apache-2.0
// The probe's one request and the line that answers it. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace gearscale::codec {

// "GET PATH HTTP/1.0\r\nHost: HOST\r\nUser-Agent: gearscale-probe\r\nConnection: close\r\n\r\n". HTTP/1.0, so that the answer is never
// chunked or kept open.
std::string probe_request(std::string_view path, std::string_view host);

// The status code of "HTTP/1.x NNN ..."; nothing while the line is incomplete or when it is something else.
std::optional<int> probe_status(std::string_view reply);

}  // namespace gearscale::codec
