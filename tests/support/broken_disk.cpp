// SPDX-License-Identifier: Apache-2.0
// A disk that fails, to be preloaded: write, fsync, rename and the making of temp files do for some files what the file says that
// GEARSCALE_DISK_FAULT names, for as long as it is there. For tests only.
//
// It holds one line, CALL FAULT PATTERN [N]. CALL: write, fsync, rename or create. PATTERN is matched (fnmatch(3)) against "PROCESS:PATH", the
// process by its name in /proc/PID/comm. FAULT:
//   EIO, ENOSPC ...  the call fails with it and does nothing
//   short            (write) half of it is written and said to be; the next call fails with ENOSPC, as on a disk that is full now
//   lost             (rename) nothing is done and success said, as if the power was cut before it came to the disk
// N: only the Nth call that fits, counted in each process; without it all.
#include <dlfcn.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>

namespace {

template <class Function>
Function* real(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

struct Fault {
  char call[16] = "", kind[16] = "", pattern[256] = "";
  int number = 0;  // 0: each call
};

std::optional<Fault> ordered() {
  const char* path = std::getenv("GEARSCALE_DISK_FAULT");
  const int file = path == nullptr ? -1 : ::open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return std::nullopt;
  char text[512] = "";
  const auto length = ::read(file, text, sizeof text - 1);
  ::close(file);
  Fault fault;
  if (length <= 0 || ::sscanf(text, "%15s %15s %255s %d", fault.call, fault.kind, fault.pattern, &fault.number) < 3) return std::nullopt;
  return fault;
}

std::string path_of(int fd) {
  char link[64], path[4096];
  ::snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const auto length = ::readlink(link, path, sizeof path);
  return length < 0 ? "" : std::string(path, static_cast<std::size_t>(length));
}

int number_of(const char* kind) {
  struct Known {
    const char* name;
    int number;
  };
  for (const auto& known : {Known{"EIO", EIO}, {"ENOSPC", ENOSPC}, {"EROFS", EROFS}, {"EDQUOT", EDQUOT}}) {
    if (std::strcmp(known.name, kind) == 0) return known.number;
  }
  return 0;
}

// The fault that this call is to have, if any.
template <class Path>
std::optional<Fault> fault_of(const char* call, Path path) {
  const int before = errno;
  auto fault = ordered();
  static thread_local int calls = 0;
  char process[16] = "";
  ::prctl(PR_GET_NAME, process);
  const bool fits = fault && std::strcmp(fault->call, call) == 0 &&
                    ::fnmatch(fault->pattern, (process + (":" + std::string(path()))).c_str(), 0) == 0;
  errno = before;
  if (!fits) return std::nullopt;
  if (fault->number != 0 && ++calls != fault->number) return std::nullopt;
  return fault;
}

int fail_with(const Fault& fault) {
  errno = number_of(fault.kind);
  return -1;
}

std::optional<int> break_rename(const char* target) {
  const auto fault = fault_of("rename", [&] { return target; });
  if (!fault) return std::nullopt;
  return std::strcmp(fault->kind, "lost") == 0 ? 0 : fail_with(*fault);
}

}  // namespace

extern "C" {

ssize_t write(int fd, const void* data, size_t size) {
  static const auto next = real<ssize_t(int, const void*, size_t)>("write");
  static thread_local int full = -1;  // the descriptor of the file that did not fit
  const auto fault = fault_of("write", [&] { return path_of(fd); });
  if (!fault) return next(fd, data, size);
  if (std::strcmp(fault->kind, "short") != 0) return fail_with(*fault);
  if (full == fd || size < 2) {
    full = -1;
    errno = ENOSPC;
    return -1;
  }
  full = fd;
  return next(fd, data, size / 2);
}

int fsync(int fd) {
  static const auto next = real<int(int)>("fsync");
  const auto fault = fault_of("fsync", [&] { return path_of(fd); });
  return fault ? fail_with(*fault) : next(fd);
}

int mkostemp(char* name, int flags) {
  static const auto next = real<int(char*, int)>("mkostemp");
  const auto fault = fault_of("create", [&] { return name; });
  return fault ? fail_with(*fault) : next(name, flags);
}

int rename(const char* from, const char* to) noexcept {
  static const auto next = real<int(const char*, const char*)>("rename");
  const auto broken = break_rename(to);
  return broken ? *broken : next(from, to);
}

int renameat(int from_directory, const char* from, int to_directory, const char* to) noexcept {
  static const auto next = real<int(int, const char*, int, const char*)>("renameat");
  const auto broken = break_rename(to);
  return broken ? *broken : next(from_directory, from, to_directory, to);
}

int renameat2(int from_directory, const char* from, int to_directory, const char* to, unsigned flags) noexcept {
  static const auto next = real<int(int, const char*, int, const char*, unsigned)>("renameat2");
  const auto broken = break_rename(to);
  return broken ? *broken : next(from_directory, from, to_directory, to, flags);
}

}  // extern "C"
