// SPDX-License-Identifier: Apache-2.0
// The cable is known by /sys/class/net, the mounts by /proc/self/mountinfo.
#include "gearscale/gears/leftovers.hpp"

#include <net/if.h>
#include <poll.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <optional>

#include "gearscale/base/text.hpp"
#include "gearscale/gears/links.hpp"
#include "gearscale/system/files.hpp"

namespace gearscale::gears {

namespace {

std::optional<std::int64_t> net_number(const std::string& device, const char* what) {
  const auto text = system::read_file("/sys/class/net/" + device + "/" + what, 4096);
  return text ? parse_integer(trim(*text)) : std::nullopt;
}

// Is the other end of this cable in our own network namespace? Indices are per namespace, so the peer has to point back.
bool has_peer_here(const std::string& device) {
  const auto own = net_number(device, "ifindex");
  const auto peer = net_number(device, "iflink");
  char name[IF_NAMESIZE];
  if (!own || !peer || *own == *peer || ::if_indextoname(static_cast<unsigned>(*peer), name) == nullptr) return false;
  return net_number(name, "iflink") == own;
}

// mountinfo writes blank, tab, newline and backslash as \040 and the like.
std::string unescape(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto digit = [&](std::size_t at) { return at < text.size() && text[at] >= '0' && text[at] <= '7'; };
    if (text[i] == '\\' && digit(i + 1) && digit(i + 2) && digit(i + 3)) {
      out += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

}  // namespace

Result<void> clear_veth(const std::string& device, const system::Deadline& deadline) {
  for (;;) {
    if (::if_nametoindex(device.c_str()) == 0) return {};
    if (has_peer_here(device)) {
      if (auto deleted = delete_link(device); !deleted) return deleted;
      continue;
    }
    if (deadline.is_over()) {
      return fail(Errc::failed, "the network device " + device +
                                    " is there already, and its other end is in use: a process of an earlier gear may hold it");
    }
    ::poll(nullptr, 0, 2);
  }
}

std::vector<std::string> mounts_below(std::string_view mountinfo, const std::string& directory) {
  std::vector<std::string> mounts;
  for (const auto line : split(mountinfo, '\n')) {
    const auto fields = split(line, ' ');
    if (fields.size() < 5) continue;
    auto point = unescape(fields[4]);
    if (point == directory || point.starts_with(directory + "/")) mounts.push_back(std::move(point));
  }
  std::reverse(mounts.begin(), mounts.end());
  return mounts;
}

std::string_view name_below(std::string_view path, std::string_view directory) {
  if (!path.starts_with(directory)) return {};
  path.remove_prefix(directory.size());
  if (!path.starts_with('/')) return {};
  path.remove_prefix(1);
  return path.substr(0, path.find('/'));
}

int unmount_below(const std::string& directory) {
  const auto mountinfo = system::read_file("/proc/self/mountinfo", 16 * 1024 * 1024);
  if (!mountinfo) return 0;
  const auto mounts = mounts_below(*mountinfo, directory);
  for (const auto& point : mounts) ::umount2(point.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW);
  return static_cast<int>(mounts.size());
}

void remove_lxc_lock(const Place& place) { ::unlink(("/run/lxc/lock" + place.lxc_path + "/." + place.name).c_str()); }

}  // namespace gearscale::gears
