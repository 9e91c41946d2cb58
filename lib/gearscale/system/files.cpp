// SPDX-License-Identifier: Apache-2.0
// Reading and replacing whole files.
#include "gearscale/system/files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <optional>

#include "gearscale/base/crash_point.hpp"
#include "gearscale/base/text.hpp"
#include "gearscale/system/errors.hpp"
#include "gearscale/system/trust.hpp"

namespace gearscale::system {

namespace {

constexpr std::string_view kTempPrefix = ".gearscale-";
constexpr std::size_t kTempRandom = 6;
constexpr std::time_t kStaleSeconds = 60;  // a replacement takes well under a second, its validation a few
constexpr std::time_t kOrphanSeconds = 1;  // of a process that has ended

// The temp file of one replacement; it is unlinked unless it was renamed.
class TempFile {
 public:
  TempFile() = default;
  TempFile(const TempFile&) = delete;
  TempFile& operator=(const TempFile&) = delete;
  ~TempFile() {
    if (!path_.empty()) ::unlink(path_.c_str());
  }

  // 0, or the errno. mkostemp uses O_EXCL, which follows no link whatever stands there.
  int create(const std::string& directory) {
    std::string name = directory + "/" + std::string(kTempPrefix) + std::to_string(::getpid()) + "-" + std::string(kTempRandom, 'X');
    fd_ = Fd(::mkostemp(name.data(), O_CLOEXEC | O_NOFOLLOW));
    if (!fd_.is_open()) return errno;
    path_ = name;
    return 0;
  }
  int rename_to(const std::string& target) {
    if (std::rename(path_.c_str(), target.c_str()) != 0) return errno;
    path_.clear();
    return 0;
  }
  int fd() const { return fd_.get(); }
  const std::string& path() const { return path_; }

 private:
  Fd fd_;
  std::string path_;
};

// Where the file really is: the end of all symbolic links.
Result<std::string> real_target(const std::string& path) {
  if (auto links = check_links(path); !links) {
    return fail(links.error().code, "cannot write " + path + ": " + links.error().message, links.error().sys_errno);
  }
  char* resolved = ::realpath(path.c_str(), nullptr);
  if (resolved != nullptr) {
    std::string target = resolved;
    std::free(resolved);
    return target;
  }
  const int why = errno;
  if (why != ENOENT) return fail_errno(Errc::failed, "cannot write " + path, why);
  struct stat link {};
  if (::lstat(path.c_str(), &link) == 0) {
    return fail(Errc::failed, "cannot write " + path + ": a symbolic link to a file that does not exist; make that file or remove the link",
                ENOENT);
  }
  return path;
}

// Owner and mode: of the file that is replaced, else mode_if_new. 0, or the errno.
int dress(int fd, const std::string& target, mode_t mode_if_new) {
  struct stat old {};
  if (::stat(target.c_str(), &old) != 0) {
    if (errno != ENOENT) return errno;
    return ::fchmod(fd, mode_if_new) == 0 ? 0 : errno;
  }
  if (!S_ISREG(old.st_mode)) return S_ISDIR(old.st_mode) ? EISDIR : EINVAL;
  struct stat mine {};
  if (::fstat(fd, &mine) != 0) return errno;
  const bool same_owner = mine.st_uid == old.st_uid && mine.st_gid == old.st_gid;
  if (!same_owner && ::fchown(fd, old.st_uid, old.st_gid) != 0) return errno;
  return ::fchmod(fd, old.st_mode & 07777) == 0 ? 0 : errno;  // after fchown, which takes set-id bits away
}

// Every step before the rename. 0, or the errno.
int fill(const TempFile& temp, const std::string& target, std::string_view content, mode_t mode_if_new) {
  if (const int why = dress(temp.fd(), target, mode_if_new); why != 0) return why;
  return write_all(temp.fd(), content);
}

}  // namespace

Result<Fd> open_regular(const std::string& path, OpenOptions options) {
  const bool makes = (options.flags & O_CREAT) != 0;
  int fd = -1;
  int why = ENOENT;
  // A file that we make has its mode whatever the umask says, and O_EXCL follows no link, not even one to nothing. Another process may make
  // or remove the file between the two attempts, but not for ever.
  for (int turn = 0; fd < 0 && (why == ENOENT || why == EINTR) && turn < 100; ++turn) {
    constexpr int kAlways = O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
    if (makes) {
      fd = ::open(path.c_str(), options.flags | O_EXCL | kAlways, options.mode);
      why = errno;
      if (fd >= 0 && ::fchmod(fd, options.mode) != 0) {
        const Fd useless(fd);
        return fail_errno(Errc::failed, "cannot set the mode of " + path, errno);
      }
      if (fd >= 0 || (why != EEXIST && why != EINTR)) break;
    }
    fd = ::open(path.c_str(), (options.flags & ~O_CREAT) | kAlways);
    why = errno;
    if (!makes && why == ENOENT) break;
  }
  Fd file(fd);
  if (!file.is_open()) {
    if (why == ELOOP && (options.flags & O_NOFOLLOW) != 0) {
      return fail(Errc::failed, "cannot open " + path + ": it is a symbolic link, which is refused here", why);
    }
    return fail_errno(Errc::failed, "cannot open " + path, why);
  }
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) return fail_errno(Errc::failed, "cannot open " + path, errno);
  if (S_ISDIR(info.st_mode)) return fail_errno(Errc::failed, "cannot open " + path, EISDIR);
  if (!S_ISREG(info.st_mode)) return fail(Errc::failed, "cannot open " + path + ": not a regular file", EINVAL);
  return file;
}

Result<std::string> read_all(const Fd& file, std::size_t max_bytes, const std::string& path) {
  std::string content;
  char buffer[16 * 1024];
  for (;;) {
    const ssize_t got = ::read(file.get(), buffer, sizeof buffer);
    if (got == 0) return content;
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(Errc::failed, "cannot read " + path, errno);
    if (content.size() + static_cast<std::size_t>(got) > max_bytes) {
      return fail(Errc::failed, "cannot read " + path + ": longer than " + std::to_string(max_bytes) + " bytes", EFBIG);
    }
    content.append(buffer, static_cast<std::size_t>(got));
  }
}

Result<std::string> read_file(const std::string& path, std::size_t max_bytes) {
  auto file = open_regular(path, {.flags = O_RDONLY});
  if (!file) return fail(file.error());
  return read_all(*file, max_bytes, path);
}

int write_all(int fd, std::string_view content) {
  while (!content.empty()) {
    const ssize_t wrote = ::write(fd, content.data(), content.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return errno;
    if (wrote == 0) return EIO;  // would spin for ever
    content.remove_prefix(static_cast<std::size_t>(wrote));
  }
  return 0;
}

Result<void> replace_file(const std::string& path, std::string_view content, const ReplaceOptions& options) {
  const auto target = real_target(path);
  if (!target) return fail(target.error());
  const auto failed = [&](int why) { return fail_errno(Errc::failed, "cannot write " + *target, why); };
  const std::string directory = directory_of(*target);
  // Opened first: a directory that cannot be brought to the disk is found out before anything is changed.
  const Fd folder(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.is_open()) return failed(errno);
  TempFile temp;
  if (const int why = temp.create(directory); why != 0) return failed(why);
  const auto name = name_of(*target);
  crash_in_write(name, "temp");
  if (const int why = fill(temp, *target, content, options.mode_if_new); why != 0) return failed(why);
  crash_in_write(name, "fill");
  if (options.validate) {
    if (auto verdict = options.validate(temp.path()); !verdict) return fail(verdict.error());
    crash_in_write(name, "validate");
  }
  if (::fsync(temp.fd()) != 0) return failed(errno);  // after it, close has nothing left to report
  crash_in_write(name, "sync");
  if (const int why = temp.rename_to(*target); why != 0) return failed(why);
  crash_in_write(name, "rename");
  if (::fsync(folder.get()) != 0 && errno != EINVAL && errno != EROFS) {  // EINVAL: this file system has no such thing
    return fail_errno(Errc::failed, *target + " is written, but may be the old one after a power cut: cannot sync " + directory, errno);
  }
  return {};
}

namespace {

// The process that a temp file's name says it is of; 0 when it is not the name of one. Names without a process are of earlier versions.
std::optional<pid_t> temp_owner(std::string_view name) {
  if (name.size() < kTempPrefix.size() + kTempRandom || name.substr(0, kTempPrefix.size()) != kTempPrefix) return std::nullopt;
  const auto middle = name.substr(kTempPrefix.size(), name.size() - kTempPrefix.size() - kTempRandom);
  if (middle.empty()) return 0;
  const auto pid = middle.back() == '-' ? parse_integer(middle.substr(0, middle.size() - 1)) : std::nullopt;
  return pid && *pid > 0 && *pid <= 0x7fffffff ? std::optional(static_cast<pid_t>(*pid)) : std::nullopt;
}

}  // namespace

bool is_temp_name(std::string_view name) { return temp_owner(name).has_value(); }

Result<int> remove_stale_temps(const std::string& directory) {
  const auto names = list_directory(directory);
  if (!names) return fail(names.error());
  int removed = 0;
  for (const auto& name : *names) {
    const auto owner = temp_owner(name);
    if (!owner) continue;
    const bool orphan = *owner != 0 && ::kill(*owner, 0) != 0 && errno == ESRCH;
    const std::string path = directory + "/" + name;
    struct stat info {};
    if (::lstat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode) || info.st_mtime + (orphan ? kOrphanSeconds : kStaleSeconds) >= std::time(nullptr))
      continue;
    if (::unlink(path.c_str()) == 0) ++removed;
  }
  return removed;
}

}  // namespace gearscale::system
