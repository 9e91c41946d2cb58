// SPDX-License-Identifier: Apache-2.0
#include "gearscale/gears/dnsmasq.hpp"

#include <unistd.h>

#include "gearscale/base/text.hpp"
#include "support/catch.hpp"
#include "temp_directory.hpp"

namespace gearscale::gears {

using test::TempDirectory;

namespace {

DhcpRange range(const char* first, const char* last, int pid = 0) {
  return {.first = *parse_ipv4(first), .last = *parse_ipv4(last), .pid = pid};
}

// A process of a made-up /proc.
void add_process(const TempDirectory& proc, int pid, const std::string& name, const std::vector<std::string>& arguments) {
  std::string command_line;
  for (const auto& argument : arguments) command_line += argument + '\0';
  proc.write(std::to_string(pid) + "/comm", name + "\n");
  proc.write(std::to_string(pid) + "/cmdline", command_line);
}

}  // namespace

TEST_CASE("a dhcp-range is found behind tags and interfaces and before everything else") {
  for (const auto* text :
       {"10.0.3.2,10.0.3.254", "10.0.3.2,10.0.3.254,1h", "10.0.3.2,10.0.3.254,255.255.255.0,1h",
        "10.0.3.2,10.0.3.254,255.255.255.0,10.0.3.255,infinite", "lxcbr0,10.0.3.2,10.0.3.254", "set:red,10.0.3.2,10.0.3.254,12h",
        "tag:green,tag:blue,set:red,10.0.3.2,10.0.3.254", "interface:lxcbr0,10.0.3.2,10.0.3.254", " 10.0.3.2 , 10.0.3.254 "}) {
    INFO(text);
    CHECK(parse_dhcp_range(text) == range("10.0.3.2", "10.0.3.254"));
  }
}

TEST_CASE("a dhcp-range that hands out nothing of its own is none") {
  for (const auto* text : {"", "10.0.3.0,static", "192.168.0.0,proxy", "10.0.3.2", "::1,::400", "1234::2,1234::500,64,12h",
                           "constructor:eth0", "10.0.3,10.0.4", "tag:x,10.0.3.2,static"}) {
    INFO(text);
    CHECK_FALSE(parse_dhcp_range(text).has_value());
  }
}

TEST_CASE("ranges are found on the command line in each of its forms") {
  const TempDirectory proc;
  add_process(proc, 10, "dnsmasq", {"dnsmasq", "--conf-file=", "--dhcp-range", "10.0.3.2,10.0.3.254", "--dhcp-range=10.0.4.2,10.0.4.9,1h"});
  add_process(proc, 11, "dnsmasq", {"/usr/sbin/dnsmasq", "-C", "/dev/null", "-F", "10.0.5.2,10.0.5.9", "-F10.0.6.2,10.0.6.9", "-k"});
  add_process(proc, 12, "sshd", {"sshd", "--dhcp-range=10.0.7.2,10.0.7.9"});
  add_process(proc, 13, "dnsmasq", {"dnsmasq", "--dhcp-range"});  // cut short
  proc.write("self/comm", "dnsmasq\n");
  proc.write("version", "Linux\n");
  auto found = dnsmasq_ranges(proc.path());
  std::sort(found.begin(), found.end(), [](const DhcpRange& a, const DhcpRange& b) { return a.first < b.first; });
  CHECK(found == std::vector<DhcpRange>{range("10.0.3.2", "10.0.3.254", 10), range("10.0.4.2", "10.0.4.9", 10),
                                        range("10.0.5.2", "10.0.5.9", 11), range("10.0.6.2", "10.0.6.9", 11)});
}

TEST_CASE("ranges are found in configuration files, under the root of the process") {
  const TempDirectory proc;

  SECTION("the default file, when no other is named") {
    add_process(proc, 10, "dnsmasq", {"dnsmasq", "-k"});
    proc.write("10/root/etc/dnsmasq.conf", "# dhcp-range=10.9.9.2,10.9.9.9\n  dhcp-range = 10.0.3.2,10.0.3.254 # gears\nport=0\n");
    CHECK(dnsmasq_ranges(proc.path()) == std::vector<DhcpRange>{range("10.0.3.2", "10.0.3.254", 10)});
  }
  SECTION("not the default one, when another or none is named") {
    add_process(proc, 10, "dnsmasq", {"dnsmasq", "--conf-file=/etc/other.conf"});
    add_process(proc, 11, "dnsmasq", {"dnsmasq", "--conf-file="});
    for (const auto* pid : {"10", "11"}) proc.write(std::string(pid) + "/root/etc/dnsmasq.conf", "dhcp-range=10.9.9.2,10.9.9.9\n");
    proc.write("10/root/etc/other.conf", "dhcp-range=10.0.3.2,10.0.3.254");
    CHECK(dnsmasq_ranges(proc.path()) == std::vector<DhcpRange>{range("10.0.3.2", "10.0.3.254", 10)});
  }
  SECTION("a directory, of which some files are left out") {
    add_process(proc, 10, "dnsmasq", {"dnsmasq", "-C", "/none", "-7", "/etc/dnsmasq.d,.bak"});
    proc.write("10/root/etc/dnsmasq.d/b.conf", "dhcp-range=10.0.3.2,10.0.3.9\n");
    proc.write("10/root/etc/dnsmasq.d/a.conf", "conf-dir=/etc/more,*.conf\n");
    for (const auto* name : {"c.bak", "d~", ".e", "#f#"}) {
      proc.write(std::string("10/root/etc/dnsmasq.d/") + name, "dhcp-range=10.9.9.2,10.9.9.9\n");
    }
    proc.write("10/root/etc/more/x.conf", "dhcp-range=10.0.4.2,10.0.4.9\n");
    proc.write("10/root/etc/more/x.txt", "dhcp-range=10.9.9.2,10.9.9.9\n");
    CHECK(dnsmasq_ranges(proc.path()) == std::vector<DhcpRange>{range("10.0.4.2", "10.0.4.9", 10), range("10.0.3.2", "10.0.3.9", 10)});
  }
  SECTION("files that name each other for ever end") {
    add_process(proc, 10, "dnsmasq", {"dnsmasq", "-k"});
    proc.write("10/root/etc/dnsmasq.conf", "conf-file=/etc/dnsmasq.conf\ndhcp-range=10.0.3.2,10.0.3.9\n");
    CHECK(dnsmasq_ranges(proc.path()).size() < 10);
    CHECK_FALSE(dnsmasq_ranges(proc.path()).empty());
  }
}

TEST_CASE("a dnsmasq in another network namespace does not count, one whose namespace is unknown does") {
  const TempDirectory proc;
  proc.write("self/comm", "test\n");
  for (const auto& [pid, network] : {std::pair(10, "net:[1]"), std::pair(11, "net:[2]"), std::pair(12, "")}) {
    add_process(proc, pid, "dnsmasq", {"dnsmasq", "-C", "", "-F", "10.0.3.2,10.0.3.9"});
    const auto directory = proc / (std::to_string(pid) + "/ns");
    std::filesystem::create_directories(directory);
    if (*network != '\0') std::filesystem::create_symlink(network, directory + "/net");
  }
  std::filesystem::create_directories(proc / "self/ns");
  std::filesystem::create_symlink("net:[1]", proc / "self/ns/net");
  auto found = dnsmasq_ranges(proc.path());
  std::sort(found.begin(), found.end(), [](const DhcpRange& a, const DhcpRange& b) { return a.pid < b.pid; });
  CHECK(found == std::vector<DhcpRange>{range("10.0.3.2", "10.0.3.9", 10), range("10.0.3.2", "10.0.3.9", 12)});
  CHECK(dnsmasq_ranges(proc / "nowhere").empty());
}

}  // namespace gearscale::gears
