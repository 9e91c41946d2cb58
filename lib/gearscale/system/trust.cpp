// SPDX-License-Identifier: Apache-2.0
// The way from / to a path, component by component, as the kernel goes it (path_resolution(7)).
#include "gearscale/system/trust.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <boost/filesystem.hpp>
#include <cerrno>
#include <deque>

#include "gearscale/system/errors.hpp"

namespace gearscale::system {

namespace {

namespace fs = boost::filesystem;

constexpr int kMaxLinks = 40;  // as the kernel

Result<void> check_owner(const fs::path& path, const struct stat& info, const char* what) {
  if (info.st_uid == 0 || info.st_uid == ::geteuid()) return {};
  return fail(Errc::config, path.string() + ": " + what + " of user " + std::to_string(info.st_uid) +
                                ", who could change what is done here: it must be root's. Run: chown -h root " + path.string());
}

Result<void> check_mode(const fs::path& path, const struct stat& info) {
  const bool is_sticky_directory = S_ISDIR(info.st_mode) && (info.st_mode & S_ISVTX) != 0;
  if ((info.st_mode & S_IWOTH) == 0 || is_sticky_directory) return {};
  return fail(Errc::config, path.string() + ": everybody may write it and so change what is done here. Run: chmod o-w " + path.string());
}

enum class Judge { links, everything };

Result<void> walk(const std::string& start, Judge judge) {
  boost::system::error_code trouble;
  const auto whole = fs::absolute(start, fs::current_path(trouble));
  std::deque<fs::path> to_go(whole.begin(), whole.end());
  fs::path at = "/";
  int links = 0;
  while (!to_go.empty()) {
    const auto name = to_go.front();
    to_go.pop_front();
    if (name.empty() || name == ".") continue;
    if (name == "..") {
      at = at == "/" ? at : at.parent_path();
      continue;
    }
    const auto next = name == "/" ? name : at / name;
    struct stat info {};
    if (::lstat(next.c_str(), &info) != 0) {
      if (errno == ENOENT || errno == ENOTDIR || errno == EACCES) return {};
      return fail_errno(Errc::config, "cannot look at " + next.string(), errno);
    }
    const bool is_link = S_ISLNK(info.st_mode);
    if (is_link || judge == Judge::everything) {
      if (auto owned = check_owner(next, info, is_link ? "a link" : S_ISDIR(info.st_mode) ? "a directory" : "a file"); !owned) return owned;
    }
    if (!is_link) {
      if (auto mode = judge == Judge::everything ? check_mode(next, info) : Result<void>(); !mode) return mode;
      at = next;
      continue;
    }
    const auto target = fs::read_symlink(next, trouble);
    if (trouble || ++links > kMaxLinks) return fail_errno(Errc::config, "cannot follow " + start, trouble ? trouble.value() : ELOOP);
    to_go.insert(to_go.begin(), target.begin(), target.end());  // an absolute one begins with "/"
  }
  return {};
}

}  // namespace

Result<void> check_trusted(const std::string& path) { return walk(path, Judge::everything); }
Result<void> check_links(const std::string& path) { return walk(path, Judge::links); }

}  // namespace gearscale::system
