// SPDX-License-Identifier: Apache-2.0
// pidfd_open(2) for a program under a valgrind that does not know it (3.19 answers ENOSYS). Preloaded, it asks the kernel by way of a process
// outside valgrind, this same source as a program, which sends the descriptor back. All else goes on to the C library.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <cstdlib>
#include <cstring>
#include <string>

namespace {

// One byte over a socket, and a descriptor with it.
struct Parcel {
  char byte = 'x';
  iovec text{&byte, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  Parcel() {
    message.msg_iov = &text;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
  }
};

int send_descriptor(int socket, int descriptor) {
  Parcel parcel;
  auto* head = CMSG_FIRSTHDR(&parcel.message);
  head->cmsg_level = SOL_SOCKET;
  head->cmsg_type = SCM_RIGHTS;
  head->cmsg_len = CMSG_LEN(sizeof descriptor);
  std::memcpy(CMSG_DATA(head), &descriptor, sizeof descriptor);
  return ::sendmsg(socket, &parcel.message, MSG_NOSIGNAL) == 1 ? 0 : 1;
}

int receive_descriptor(int socket) {
  Parcel parcel;
  if (::recvmsg(socket, &parcel.message, MSG_CMSG_CLOEXEC) != 1) return -1;
  const auto* head = CMSG_FIRSTHDR(&parcel.message);
  int descriptor = -1;
  if (head != nullptr && head->cmsg_type == SCM_RIGHTS) std::memcpy(&descriptor, CMSG_DATA(head), sizeof descriptor);
  return descriptor;
}

long ask_outside(const char* program, long pid) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return -1;
  const auto of_whom = std::to_string(pid);
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(ends[1], STDIN_FILENO);
    ::unsetenv("LD_PRELOAD");
    ::execl(program, program, of_whom.c_str(), static_cast<char*>(nullptr));
    ::_exit(127);
  }
  ::close(ends[1]);
  const int descriptor = child < 0 ? -1 : receive_descriptor(ends[0]);
  ::close(ends[0]);
  while (child > 0 && ::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
  if (descriptor < 0) errno = ESRCH;
  return descriptor;
}

}  // namespace

extern "C" long syscall(long number, ...) noexcept {
  std::va_list list;
  va_start(list, number);
  long words[6];
  for (long& word : words) word = va_arg(list, long);
  va_end(list);
  static const auto real = reinterpret_cast<long (*)(long, ...)>(::dlsym(RTLD_NEXT, "syscall"));
  const long result = real(number, words[0], words[1], words[2], words[3], words[4], words[5]);
  const char* program = ::getenv("GEARSCALE_PIDFD_SENDER");
  if (result != -1 || errno != ENOSYS || number != SYS_pidfd_open || program == nullptr) return result;
  return ask_outside(program, words[0]);
}

int main(int count, char** words) {
  if (count != 2) return 2;
  const auto descriptor = static_cast<int>(::syscall(SYS_pidfd_open, std::atoi(words[1]), 0));
  return descriptor < 0 ? 1 : send_descriptor(STDIN_FILENO, descriptor);
}
