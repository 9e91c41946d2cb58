// SPDX-License-Identifier: Apache-2.0
// Implementation of appending and rotating.
#include "gearscale/system/append_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <thread>

#include "gearscale/system/errors.hpp"
#include "gearscale/system/file_lock.hpp"
#include "gearscale/system/files.hpp"

namespace gearscale::system {

Result<std::int64_t> AppendFile::refresh() {
  struct stat mine {}, there {};
  if (file_.is_open() && ::fstat(file_.get(), &mine) == 0 && ::lstat(path_.c_str(), &there) == 0 && mine.st_dev == there.st_dev &&
      mine.st_ino == there.st_ino) {
    return mine.st_size;
  }
  file_.reset();
  auto opened = open_regular(path_, {.flags = O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW, .mode = 0640});
  if (!opened) return fail(opened.error());
  if (::fstat(opened->get(), &mine) != 0) return fail_errno(Errc::failed, "cannot open " + path_, errno);
  file_ = std::move(*opened);
  return mine.st_size;
}

// Does the file end in something else than a line end? Another process's write may be half done when we look, because the kernel shows the
// size page by page: only an end that stays for some milliseconds is a torn line. At worst an empty line is written.
bool AppendFile::ends_torn() const {
  struct stat info {};
  off_t first_size = 0;
  for (int look = 0; look < 5; ++look) {
    char last = '\n';
    if (::fstat(file_.get(), &info) != 0 || info.st_size == 0) return false;
    if (::pread(file_.get(), &last, 1, info.st_size - 1) != 1 || last == '\n') return false;
    if (look == 0) first_size = info.st_size;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return info.st_size == first_size;
}

Result<void> AppendFile::append(std::string_view line) {
  if (const auto size = refresh(); !size) return fail(size.error());
  std::string mended;
  if (ends_torn()) {
    mended.push_back('\n');
    mended.append(line);
    line = mended;
  }
  ssize_t wrote = -1;
  do {
    wrote = ::write(file_.get(), line.data(), line.size());
  } while (wrote < 0 && errno == EINTR);
  if (wrote < 0) return fail_errno(Errc::failed, "cannot write " + path_, errno);
  // The rest is not written after it: it could land behind a line of another process.
  if (static_cast<std::size_t>(wrote) == line.size()) return {};
  take_back(wrote);
  return fail_errno(Errc::failed, "cannot write " + path_, ENOSPC);
}

// Readers of whole lines, as jq is one, stumble over a piece of one. It is cut off as long as it is the file's end: nobody else could write.
void AppendFile::take_back(std::int64_t count) const {
  struct stat info {};
  const auto end = ::lseek(file_.get(), 0, SEEK_CUR);  // with O_APPEND: behind what this process wrote last
  if (end < count || ::fstat(file_.get(), &info) != 0 || info.st_size != end) return;
  if (::ftruncate(file_.get(), end - count) != 0) return;  // the next line begins with a line end
}

Result<void> rotate_if_longer(const std::string& path, std::int64_t more, const Rotation& rotation) {
  const auto lock = FileLock::acquire(path + ".rotate.lock", core::Millis(0));
  if (!lock && lock.error().code == Errc::unavailable) return {};  // somebody does it just now
  if (!lock) return fail(lock.error());
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0 || info.st_size == 0 || info.st_size + more <= rotation.limit) return {};  // somebody has done it
  const auto numbered = [&](int number) { return number == 0 ? path : path + "." + std::to_string(number); };
  // Only up to the first number that is free: after a crash between two renames nothing is pushed out before its time.
  int free = 1;
  while (free < rotation.kept && ::lstat(numbered(free).c_str(), &info) == 0) ++free;
  for (int number = free; number > 0; --number) {
    if (std::rename(numbered(number - 1).c_str(), numbered(number).c_str()) != 0) {
      return fail_errno(Errc::failed, "cannot rotate " + numbered(number - 1) + " to " + numbered(number), errno);
    }
  }
  return {};
}

}  // namespace gearscale::system
