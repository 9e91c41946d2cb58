// SPDX-License-Identifier: Apache-2.0
// Implementation of the pid file.
#include "gearscale/system/pid_file.hpp"

#include <unistd.h>

#include <cerrno>
#include <utility>

#include "gearscale/base/crash_point.hpp"
#include "gearscale/system/errors.hpp"
#include "gearscale/system/files.hpp"

namespace gearscale::system {

PidFile::PidFile(FileLock lock, std::string path) : lock_(std::move(lock)), path_(std::move(path)), owner_(::getpid()) {}

PidFile::~PidFile() {
  if (!lock_.is_held() || ::getpid() != owner_) return;
  if (lock_.is_at(path_)) ::unlink(path_.c_str());  // still locked, so that nobody took it over; who waits for it sees that it is gone
}

Result<PidFile> PidFile::acquire(const std::string& path, core::Millis patience) {
  auto lock = FileLock::acquire(path, patience);
  if (!lock) return fail(lock.error());
  PidFile file(std::move(*lock), path);
  if (::ftruncate(file.lock_.fd(), 0) != 0) return fail_errno(Errc::failed, "cannot write " + path, errno);
  crash_in_write(name_of(path), "empty");
  const int why = write_all(file.lock_.fd(), std::to_string(::getpid()) + "\n");
  if (why != 0) return fail_errno(Errc::failed, "cannot write " + path, why);
  crash_in_write(name_of(path), "fill");
  return file;
}

Result<PidStatus> PidFile::status(const std::string& path) {
  const auto seen = FileLock::look(path);
  if (!seen) return fail(seen.error());
  if (seen->holder) return PidStatus{.state = PidStatus::State::running, .pid = *seen->holder};
  if (seen->file_exists) return PidStatus{.state = PidStatus::State::dead_with_file};
  return PidStatus{};
}

}  // namespace gearscale::system
