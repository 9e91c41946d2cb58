// SPDX-License-Identifier: Apache-2.0
// dnsmasq(8): --dhcp-range (-F), --conf-file (-C), --conf-dir (-7), and /etc/dnsmasq.conf where no --conf-file is given.
#include "gearscale/gears/dnsmasq.hpp"

#include <unistd.h>

#include <algorithm>

#include "gearscale/base/text.hpp"
#include "gearscale/system/files.hpp"

namespace gearscale::gears {

namespace {

constexpr std::size_t kMaxFile = 1024 * 1024;
constexpr int kMaxNesting = 4;
constexpr std::size_t kMaxFilesInDirectory = 1'000;

struct Option {
  std::string_view name;  // long name, without dashes
  std::string_view value;
};

// The long option of a short one that matters here.
std::string_view long_name(char letter) {
  switch (letter) {
    case 'F': return "dhcp-range";
    case 'C': return "conf-file";
    case '7': return "conf-dir";
    default: return "";
  }
}

// --name=value, --name value, -Xvalue, -X value. Others come out with names nobody asks for.
std::vector<Option> parse_command_line(const std::vector<std::string_view>& arguments) {
  std::vector<Option> options;
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    auto argument = arguments[i];
    const auto next = i + 1 < arguments.size() ? arguments[i + 1] : std::string_view();
    if (argument.starts_with("--")) {
      argument.remove_prefix(2);
      const auto equals = argument.find('=');
      const auto name = argument.substr(0, equals);
      const bool detached = equals == std::string_view::npos && (name == "dhcp-range" || name == "conf-file" || name == "conf-dir");
      options.push_back({name, equals == std::string_view::npos ? (detached ? next : std::string_view()) : argument.substr(equals + 1)});
      if (detached) ++i;
    } else if (argument.size() >= 2 && argument[0] == '-' && !long_name(argument[1]).empty()) {
      const bool detached = argument.size() == 2;
      options.push_back({long_name(argument[1]), detached ? next : argument.substr(2)});
      if (detached) ++i;
    }
  }
  return options;
}

std::vector<Option> parse_file(std::string_view text) {
  std::vector<Option> options;
  for (const auto raw : split(text, '\n')) {
    const auto line = trim(raw.substr(0, raw.find('#')));
    const auto equals = line.find('=');
    if (equals != std::string_view::npos) options.push_back({trim(line.substr(0, equals)), trim(line.substr(equals + 1))});
  }
  return options;
}

// One process: its files are looked up under its own root.
class Process {
 public:
  Process(const std::string& proc, int pid) : root_(proc + "/" + std::to_string(pid) + "/root"), pid_(pid) {}

  void take(const std::vector<Option>& options, int nesting) {
    for (const auto& option : options) {
      if (option.name == "dhcp-range") {
        if (auto range = parse_dhcp_range(option.value)) {
          range->pid = pid_;
          ranges.push_back(*range);
        }
      } else if (option.name == "conf-file" && !option.value.empty()) {
        take_file(std::string(option.value), nesting);
      } else if (option.name == "conf-dir") {
        take_directory(option.value, nesting);
      }
    }
  }

  void take_file(const std::string& path, int nesting) {
    if (nesting >= kMaxNesting) return;
    const auto text = system::read_file(root_ + path, kMaxFile);
    if (text) take(parse_file(*text), nesting + 1);
  }

  std::vector<DhcpRange> ranges;

 private:
  // "DIR[,.ext|*.ext]...": an extension is one to leave out, with a star one to take only.
  void take_directory(std::string_view value, int nesting) {
    const auto parts = split(value, ',');
    auto names = system::list_directory(root_ + std::string(parts[0]));
    if (!names) return;
    std::sort(names->begin(), names->end());
    if (names->size() > kMaxFilesInDirectory) names->resize(kMaxFilesInDirectory);
    for (const auto& name : *names) {
      if (name.ends_with('~') || name.starts_with('.') || (name.starts_with('#') && name.ends_with('#'))) continue;
      bool wanted = std::none_of(parts.begin() + 1, parts.end(), [](std::string_view part) { return part.starts_with('*'); });
      for (auto part = parts.begin() + 1; part != parts.end(); ++part) {
        const bool only = part->starts_with('*');
        const auto tail = part->substr(only ? 1 : 0);
        if (!tail.empty() && name.ends_with(tail)) wanted = only;
      }
      if (wanted) take_file(std::string(parts[0]) + "/" + name, nesting);
    }
  }

  std::string root_;
  int pid_;
};

std::string link_target(const std::string& path) {
  char target[256];
  const auto length = ::readlink(path.c_str(), target, sizeof target);
  return length > 0 ? std::string(target, static_cast<std::size_t>(length)) : std::string();
}

}  // namespace

std::optional<DhcpRange> parse_dhcp_range(std::string_view value) {
  const auto parts = split(value, ',');
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto first = parse_ipv4(trim(parts[i]));
    if (!first) continue;  // tags, an interface
    const auto last = i + 1 < parts.size() ? parse_ipv4(trim(parts[i + 1])) : std::nullopt;
    if (!last) return std::nullopt;
    return DhcpRange{.first = std::min(*first, *last), .last = std::max(*first, *last)};
  }
  return std::nullopt;
}

std::vector<DhcpRange> dnsmasq_ranges(const std::string& proc) {
  std::vector<DhcpRange> ranges;
  const auto names = system::list_directory(proc);
  if (!names) return ranges;
  const auto own_network = link_target(proc + "/self/ns/net");
  for (const auto& name : *names) {
    const auto pid = parse_integer(name);
    if (!pid || *pid <= 0 || *pid > 0x7fffffff) continue;
    const auto directory = proc + "/" + name;
    const auto comm = system::read_file(directory + "/comm", 4096);
    if (!comm || trim(*comm) != "dnsmasq") continue;
    const auto network = link_target(directory + "/ns/net");
    if (!network.empty() && !own_network.empty() && network != own_network) continue;  // a container's own
    auto command_line = system::read_file(directory + "/cmdline", kMaxFile);
    if (!command_line) continue;
    while (command_line->ends_with('\0')) command_line->pop_back();
    const auto options = parse_command_line(split(*command_line, '\0'));
    Process process(proc, static_cast<int>(*pid));
    process.take(options, 0);
    const bool has_file = std::any_of(options.begin(), options.end(), [](const Option& option) { return option.name == "conf-file"; });
    if (!has_file) process.take_file("/etc/dnsmasq.conf", 0);
    ranges.insert(ranges.end(), process.ranges.begin(), process.ranges.end());
  }
  return ranges;
}

}  // namespace gearscale::gears
