// SPDX-License-Identifier: Apache-2.0
// unix(7): SO_PEERCRED of a connected socket tells who called listen(2).
#include "gearscale/gears/monitor_socket.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>

#include "gearscale/base/fd.hpp"
#include "gearscale/system/errors.hpp"

namespace gearscale::gears {

namespace {

constexpr std::size_t kLongestName = sizeof(sockaddr_un{}.sun_path) - 3;  // liblxc counts a zero byte at each end

// FNV-1a, 64 bits.
std::uint64_t hash_of(const std::string& text) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  return hash;
}

}  // namespace

std::string monitor_socket_name(const std::string& lxc_path, const std::string& name) {
  const auto container = lxc_path + "/" + name;
  if (container.size() + sizeof "/command" - 1 <= kLongestName) return container + "/command";
  char hashed[32];
  std::snprintf(hashed, sizeof hashed, "lxc/%016llx/command", static_cast<unsigned long long>(hash_of(container)));
  return hashed;
}

Result<bool> has_monitor(const std::string& lxc_path, const std::string& name) {
  const auto socket_name = monitor_socket_name(lxc_path, name);
  const auto what = "cannot tell who listens at the socket of container " + name;
  const Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.is_open()) return system::fail_errno(Errc::failed, what, errno);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::copy(socket_name.begin(), socket_name.end(), address.sun_path + 1);
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + socket_name.size());
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0) {
    return errno == ECONNREFUSED ? Result<bool>(false) : system::fail_errno(Errc::failed, what, errno);
  }
  ucred peer{};
  socklen_t length = sizeof peer;
  if (::getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) return system::fail_errno(Errc::failed, what, errno);
  if (peer.uid == 0 || peer.uid == ::geteuid()) return true;
  return fail(Errc::config, "process " + std::to_string(peer.pid) + " of user " + std::to_string(peer.uid) + " pretends to be container " +
                                name + " (it listens at @" + socket_name + "): the container is not touched. End that process");
}

}  // namespace gearscale::gears
