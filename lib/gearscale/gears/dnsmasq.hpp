// SPDX-License-Identifier: Apache-2.0
// Which IPv4 addresses the running dnsmasq processes hand out by DHCP: their command lines and configuration files, read from /proc.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gearscale::gears {

struct DhcpRange {
  std::uint32_t first = 0;
  std::uint32_t last = 0;
  int pid = 0;  // of the dnsmasq
  friend bool operator==(const DhcpRange&, const DhcpRange&) = default;
};

// The value of a dhcp-range option: "[interface,|set:x,|tag:y,]FIRST,LAST[,mask[,broadcast]][,lease]". Nothing when it hands out no IPv4
// addresses of its own: IPv6, a mode (static, proxy) instead of LAST.
std::optional<DhcpRange> parse_dhcp_range(std::string_view value);

// All of them. Best effort: processes of other network namespaces and files that cannot be read are passed over. `proc` is /proc, or a
// test's.
std::vector<DhcpRange> dnsmasq_ranges(const std::string& proc = "/proc");

}  // namespace gearscale::gears
