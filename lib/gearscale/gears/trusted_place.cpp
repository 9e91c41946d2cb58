// SPDX-License-Identifier: Apache-2.0
// The directory is opened once and everything in it looked at from there: what was verified is what stands at the place, since nobody but root
// can change a directory that is root's.
#include "gearscale/gears/trusted_place.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "gearscale/base/fd.hpp"
#include "gearscale/base/text.hpp"
#include "gearscale/system/errors.hpp"
#include "gearscale/system/files.hpp"

namespace gearscale::gears {

namespace {

constexpr std::size_t kMaxRdepends = 64 * 1024;

Fd open_directory(const std::string& path) { return Fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)); }

// What the first error of an open says of a place that has nothing to read.
bool is_nothing(int number) { return number == ENOENT || number == ENOTDIR || number == ELOOP; }

Result<void> check_owner(const std::string& path, const struct stat& info) {
  const std::string end = ", who could tell root what to do: it is not touched. Make sure of what is there, then run: ";
  const std::string close = S_ISDIR(info.st_mode) ? "chmod 0710 " + path : "chmod 0640 " + path;
  if (info.st_uid != 0 && info.st_uid != ::geteuid()) {
    return fail(Errc::config, path + " belongs to user " + std::to_string(info.st_uid) + end + "chown root " + path + "; " + close);
  }
  if ((info.st_mode & (S_IWGRP | S_IWOTH)) == 0) return {};
  return fail(Errc::config, path + " may be written by others than its owner" + end + close);
}

Result<void> check_file(const Fd& directory, const std::string& directory_path, const char* name) {
  const auto path = directory_path + "/" + name;
  struct stat info {};
  if (::fstatat(directory.get(), name, &info, AT_SYMLINK_NOFOLLOW) != 0) {
    return errno == ENOENT ? Result<void>() : system::fail_errno(Errc::config, "cannot look at " + path, errno);
  }
  if (!S_ISREG(info.st_mode)) return fail(Errc::config, path + " is not a regular file: it is not touched");
  if (info.st_nlink > 1) return fail(Errc::config, path + " has a second name (a hard link): it is not touched");
  return check_owner(path, info);
}

}  // namespace

Result<std::optional<std::string>> read_in_place(const std::string& directory, const char* name, std::size_t max_bytes) {
  using Text = std::optional<std::string>;
  const auto path = directory + "/" + name;
  const auto folder = open_directory(directory);
  if (!folder.is_open()) {
    return is_nothing(errno) ? Result<Text>(Text()) : system::fail_errno(Errc::failed, "cannot open " + directory, errno);
  }
  const Fd file(::openat(folder.get(), name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  struct stat info {};
  if (!file.is_open() && errno == ENOENT) return Text();
  if (!file.is_open() && errno != ELOOP && errno != ENXIO) return system::fail_errno(Errc::failed, "cannot open " + path, errno);
  if (!file.is_open() || ::fstat(file.get(), &info) != 0 || !S_ISREG(info.st_mode)) {
    return fail(Errc::failed, path + " is not a regular file: it is not touched");
  }
  auto text = system::read_all(file, max_bytes, path);
  if (!text) return fail(text.error());
  return Text(std::move(*text));
}

Result<void> check_place(const std::string& directory) {
  const auto folder = open_directory(directory);
  if (!folder.is_open()) {
    if (errno == ENOENT) return {};
    return is_nothing(errno) ? fail(Errc::config, directory + " is not a directory: it is not touched")
                             : system::fail_errno(Errc::config, "cannot open " + directory, errno);
  }
  struct stat info {};
  if (::fstat(folder.get(), &info) != 0) return system::fail_errno(Errc::config, "cannot look at " + directory, errno);
  if (auto owned = check_owner(directory, info); !owned) return owned;
  for (const auto* name : {"config", "lxc_rdepends"}) {
    if (auto good = check_file(folder, directory, name); !good) return good;
  }
  return {};
}

Result<void> check_closed(const std::string& directory, gid_t group) {
  struct stat info {};
  if (::lstat(directory.c_str(), &info) != 0) return system::fail_errno(Errc::config, "cannot look at " + directory, errno);
  const bool passes = group == 0 || (info.st_gid == group && (info.st_mode & S_IXGRP) != 0);
  if (passes && (info.st_mode & S_IRWXO) == 0) return {};
  return fail(Errc::config, directory +
                                " is to be passed by root and the gears' root alone: what is in it may be setuid. Run: chown root:" +
                                std::to_string(group) + " " + directory + "; chmod 0710 " + directory);
}

Result<void> check_place_and_its_sources(const std::string& directory) {
  if (auto good = check_place(directory); !good) return good;
  const auto rdepends = read_in_place(directory, "lxc_rdepends", kMaxRdepends);
  if (!rdepends) return fail(rdepends.error());
  if (!*rdepends) return {};
  // Two lines for each: lxc_path and name.
  const auto lines = split(**rdepends, '\n');
  for (std::size_t i = 0; i + 1 < lines.size(); i += 2) {
    if (auto good = check_place(std::string(lines[i]) + "/" + std::string(lines[i + 1])); !good) return good;
  }
  return {};
}

}  // namespace gearscale::gears
