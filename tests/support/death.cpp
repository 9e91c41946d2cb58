// SPDX-License-Identifier: Apache-2.0
// gearscale-death: how long HAProxy goes on sending requests to a gear that died. Watches the gear's init by its pidfd and the server by the
// Runtime API, a sample each millisecond; connects to nothing else.
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "gearscale/base/fd.hpp"
#include "gearscale/base/text.hpp"

namespace {

using namespace gearscale;
using Clock = std::chrono::steady_clock;

constexpr const char* kUsage =
    "Usage: gearscale-death SOCKET BACKEND SERVER PID [COMMAND [ARGUMENT]...]\n"
    "Ends the gear whose init is PID, by COMMAND or else by SIGKILL, and waits until HAProxy (SOCKET is its Runtime API) sends nothing new to\n"
    "BACKEND/SERVER: until that is in maintenance or gone. Prints two lines, each at once:\n"
    "  SERVER died EPOCH_MILLISECONDS       when init had ended\n"
    "  SERVER maint|gone MILLISECONDS       out of rotation, so long after that\n"
    "Exit codes: 0 done, 1 it did not die, or was not taken out of rotation in 20 s, 2 wrong usage.\n";
constexpr auto kPatience = std::chrono::seconds(20);
constexpr std::size_t kMaxReply = 4 * 1024 * 1024;
constexpr int kAdminMaint = 0x3f & ~0x18;  // SRV_ADMF_*MAINT of HAProxy: forced, inherited, by configuration, by resolution; 8 and 16 mean drain

enum class Rotation { unknown, in, maint, gone };

std::string ask(const std::string& socket_path, const std::string& command) {
  const Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, socket_path.c_str(), socket_path.size());
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return "";
  if (::send(fd.get(), command.data(), command.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(command.size())) return "";
  std::string reply;
  char buffer[65536];
  for (;;) {
    const auto count = ::recv(fd.get(), buffer, sizeof buffer, 0);
    if (count < 0) return "";
    if (count == 0 || reply.size() > kMaxReply) return reply;
    reply.append(buffer, static_cast<std::size_t>(count));
  }
}

// From the reply to `show servers state` (management guide, section 9.3): a version, a line of column names, a line for each server.
Rotation rotation_of(std::string_view reply, std::string_view server) {
  std::size_t name = 0, admin = 0;
  bool whole = false;
  for (const auto line : split(reply, '\n')) {
    auto words = split(line, ' ');
    if (line.starts_with("# ")) {
      words.erase(words.begin());
      for (std::size_t i = 0; i < words.size(); ++i) {
        if (words[i] == "srv_name") name = i;
        if (words[i] == "srv_admin_state") admin = i;
      }
      whole = admin > 0;
    } else if (whole && words.size() > admin && words[name] == server) {
      return (parse_integer(words[admin]).value_or(0) & kAdminMaint) != 0 ? Rotation::maint : Rotation::in;
    }
  }
  return whole && reply.ends_with("\n\n") ? Rotation::gone : Rotation::unknown;
}

int failed(const char* what) {
  std::fprintf(stderr, "gearscale-death: %s\n", what);
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  const auto number = argc > 4 ? parse_integer(argv[4]) : std::nullopt;
  if (argc == 2 && std::string_view(argv[1]) == "--help") return std::fputs(kUsage, stdout) < 0 ? 1 : 0;
  if (!number || *number < 2 || std::strlen(argv[1]) >= sizeof(sockaddr_un::sun_path)) {
    std::fputs(kUsage, stderr);
    return 2;
  }
  const std::string socket_path = argv[1], server = argv[3];
  const auto command = "show servers state " + std::string(argv[2]) + "\n";
  const Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, static_cast<pid_t>(*number), 0)));
  if (!pidfd.is_open()) return failed("there is no such process");
  // The command may outlast the death by far: it runs beside us.
  const auto ender = argc > 5 ? ::fork() : -1;
  if (ender == 0) {
    ::execvp(argv[5], argv + 5);
    ::_exit(127);
  }
  if (argc <= 5) ::syscall(SYS_pidfd_send_signal, pidfd.get(), SIGKILL, nullptr, 0);
  pollfd ended{pidfd.get(), POLLIN, 0};
  const bool dead = ::poll(&ended, 1, static_cast<int>(std::chrono::milliseconds(kPatience).count())) == 1;
  const auto died = Clock::now();
  const auto epoch = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  if (!dead) return failed("it did not die");
  std::printf("%s died %lld\n", server.c_str(), static_cast<long long>(epoch));
  std::fflush(stdout);
  auto rotation = Rotation::unknown;
  auto sampled = died;
  while (rotation != Rotation::maint && rotation != Rotation::gone && sampled - died < kPatience) {
    rotation = rotation_of(ask(socket_path, command), server);
    sampled = Clock::now();
    ::usleep(1'000);
  }
  if (ender > 0) ::waitpid(ender, nullptr, 0);
  if (rotation != Rotation::maint && rotation != Rotation::gone) return failed("it is in rotation still");
  std::printf("%s %s %.1f\n", server.c_str(), rotation == Rotation::maint ? "maint" : "gone",
              std::chrono::duration<double, std::milli>(sampled - died).count());
  return 0;
}
