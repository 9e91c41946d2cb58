// SPDX-License-Identifier: Apache-2.0
// The directory half of files.hpp. Boost.Filesystem is asked through its error_code overloads, so that it throws nothing.
#include <sys/stat.h>

#include <boost/filesystem.hpp>
#include <cerrno>

#include "gearscale/system/errors.hpp"
#include "gearscale/system/files.hpp"

namespace gearscale::system {

namespace fs = boost::filesystem;

std::string directory_of(const std::string& path) {
  const auto parent = fs::path(path).parent_path();
  return parent.empty() ? "." : parent.string();
}

std::string name_of(const std::string& path) { return fs::path(path).filename().string(); }

Result<std::vector<std::string>> list_directory(const std::string& path) {
  boost::system::error_code trouble;
  std::vector<std::string> names;
  for (fs::directory_iterator entry(path, trouble), end; !trouble && entry != end; entry.increment(trouble)) {
    names.push_back(entry->path().filename().string());
  }
  if (trouble) return fail_errno(Errc::failed, "cannot read the directory " + path, trouble.value());
  return names;
}

Result<void> make_directory(const std::string& path, mode_t mode) {
  if (path.empty()) return fail_errno(Errc::failed, "cannot make a directory without a name", ENOENT);
  const fs::path whole = fs::path(path).filename() == "." ? fs::path(path).parent_path() : fs::path(path);  // "a/b/" ends in "."
  fs::path so_far;
  for (const auto& part : whole) {
    so_far /= part;
    const bool is_last = so_far == whole;
    if (::mkdir(so_far.c_str(), is_last ? mode & 0700 : 0755) == 0) {
      if (is_last && ::chmod(so_far.c_str(), mode) != 0) {  // exactly, whatever the umask says
        return fail_errno(Errc::failed, "cannot set the mode of " + path, errno);
      }
      continue;
    }
    const int why = errno;
    struct stat info {};
    if (::stat(so_far.c_str(), &info) != 0) return fail_errno(Errc::failed, "cannot make the directory " + so_far.string(), why);
    if (!S_ISDIR(info.st_mode)) {
      return fail(Errc::failed, "cannot make the directory " + path + ": " + so_far.string() + " is not a directory", ENOTDIR);
    }
  }
  return {};
}

}  // namespace gearscale::system
