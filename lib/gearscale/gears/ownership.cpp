// SPDX-License-Identifier: Apache-2.0
// Plain files and flock(2). No liblxc.
#include "gearscale/gears/ownership.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "gearscale/base/text.hpp"
#include "gearscale/gears/trusted_place.hpp"
#include "gearscale/system/errors.hpp"
#include "gearscale/system/files.hpp"

namespace gearscale::gears {

namespace {

constexpr std::size_t kMaxConfig = 1024 * 1024;
constexpr std::size_t kMaxNote = 4096;

// The note's text; empty when there is none.
Result<std::string> read_note(const std::string& path) {
  const auto file = system::open_regular(path, {.flags = O_RDONLY | O_NOFOLLOW});
  if (file) return system::read_all(*file, kMaxNote, path);
  if (file.error().sys_errno == ENOENT) return std::string();
  return fail(file.error());
}

enum class Directory { missing, empty, filled };

Result<Directory> look_at_directory(const std::string& path) {
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0) {
    if (errno == ENOENT) return Directory::missing;
    return system::fail_errno(Errc::failed, "cannot look at " + path, errno);
  }
  if (!S_ISDIR(info.st_mode)) return Directory::filled;  // somebody's file of that name: not ours to use
  const auto names = system::list_directory(path);
  if (!names) return fail(names.error());
  return names->empty() ? Directory::empty : Directory::filled;
}

}  // namespace

Place place_of(const core::Application& application, const std::string& lxc_path, std::string_view id) {
  return Place{.lxc_path = lxc_path,
               .name = core::container_name(application, id),
               .mark = core::container_group(application),
               .former_mark = core::former_group(application)};
}

std::vector<std::string_view> config_values(std::string_view config, std::string_view key) {
  std::vector<std::string_view> values;
  for (const auto raw : split(config, '\n')) {
    const auto line = trim(raw);
    const auto equals = line.find('=');
    if (line.empty() || line.front() == '#' || equals == std::string_view::npos || trim(line.substr(0, equals)) != key) continue;
    auto value = trim(line.substr(equals + 1));
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"') value = value.substr(1, value.size() - 2);
    if (value.empty()) {
      values.clear();  // as liblxc does: an empty value forgets what was there
    } else {
      values.push_back(value);
    }
  }
  return values;
}

bool config_has_mark(std::string_view config, std::string_view mark) {
  const auto groups = config_values(config, "lxc.group");
  return std::find(groups.begin(), groups.end(), mark) != groups.end();
}

std::string config_with_mark(std::string_view config, std::string_view former, std::string_view mark) {
  std::string text;
  const auto lines = split(config, '\n');
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const bool is_former = config_has_mark(lines[i], former);
    text.append(i == 0 ? "" : "\n").append(is_former ? "lxc.group = " + std::string(mark) : std::string(lines[i]));
  }
  return text;
}

std::uint32_t config_address(std::string_view config) {
  const auto addresses = config_values(config, "lxc.net.0.ipv4.address");
  if (addresses.size() != 1) return 0;
  return parse_ipv4(addresses.front().substr(0, addresses.front().find('/'))).value_or(0);
}

Result<std::string> read_config(const Place& place) {
  auto text = read_in_place(place.directory(), "config", kMaxConfig);
  if (!text) return fail(text.error());
  return std::move(*text).value_or("");
}

Result<Presence> look(const Place& place) {
  const auto note = read_note(place.note());
  if (!note) return fail(note.error());
  const std::string announced(trim(*note));  // an empty note only holds a lock
  const auto directory = look_at_directory(place.directory());
  if (!directory) return fail(directory.error());
  if (!announced.empty() && announced != place.mark) return Presence::foreign;
  if (*directory == Directory::missing || *directory == Directory::empty) {
    return announced.empty() ? Presence::nothing : Presence::half_made;
  }
  const auto config = read_config(place);
  if (!config) return fail(config.error());
  const bool marked = config_has_mark(*config, place.mark);
  // A config of ours that was cut short while it was written has neither the mark nor, further down, a rootfs; a container of anybody else
  // has one.
  const bool complete = !config_values(*config, "lxc.rootfs.path").empty();
  const bool ours = marked || (!announced.empty() && !complete);
  if (!ours) return Presence::foreign;
  if (auto trusted = check_place(place.directory()); !trusted) return fail(trusted.error());
  return announced.empty() ? Presence::whole : Presence::half_made;
}

Result<std::vector<std::string>> ids_under(const core::Application& application, const std::string& lxc_path) {
  const auto names = system::list_directory(lxc_path);
  if (!names) return fail(Errc::config, "lxc_path: " + names.error().message, names.error().sys_errno);
  constexpr std::string_view kTail = ".gearscale";
  std::vector<std::string> ids;
  for (std::string_view name : *names) {
    if (name.starts_with('.') && name.ends_with(kTail)) {
      name.remove_prefix(1);
      name.remove_suffix(kTail.size());
    }
    if (const auto id = core::id_of_container(application, name)) ids.emplace_back(*id);
  }
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

Result<WorkNote> WorkNote::take(const Place& place, const system::Deadline& deadline) {
  const auto path = place.note();
  for (;;) {
    auto file = system::open_regular(path, {.flags = O_RDWR | O_CREAT | O_NOFOLLOW, .mode = 0600});
    if (!file) {
      const auto code = file.error().sys_errno == ENOENT ? Errc::config : Errc::failed;
      return fail(code, "cannot work in lxc_path: " + file.error().message, file.error().sys_errno);
    }
    if (::flock(file->get(), LOCK_EX | LOCK_NB) == 0) {
      // The one before us removes the note while it holds the lock: then this is a lock on a file without a name.
      struct stat ours {
      }, named{};
      const bool same = ::fstat(file->get(), &ours) == 0 && ::stat(path.c_str(), &named) == 0 && ours.st_ino == named.st_ino &&
                        ours.st_dev == named.st_dev;
      if (same) return WorkNote(std::move(*file), place);
      continue;
    }
    if (errno != EWOULDBLOCK && errno != EINTR) return system::fail_errno(Errc::failed, "cannot lock " + path, errno);
    if (deadline.is_over()) {
      return fail(Errc::unavailable, "another process works on container " + place.name + " (" + path + " is locked)", EWOULDBLOCK);
    }
    ::poll(nullptr, 0, 2);
  }
}

WorkNote::~WorkNote() {
  struct stat info {};
  if (file_.is_open() && ::fstat(file_.get(), &info) == 0 && info.st_size == 0) ::unlink(place_.note().c_str());
}

Result<void> WorkNote::announce() {
  const auto text = place_.mark + "\n";
  const auto count = ::pwrite(file_.get(), text.data(), text.size(), 0);
  if (count != static_cast<ssize_t>(text.size())) {
    const int number = count < 0 ? errno : ENOSPC;
    static_cast<void>(::ftruncate(file_.get(), 0));
    return system::fail_errno(Errc::failed, "cannot write " + place_.note(), number);
  }
  return {};
}

Result<std::string> WorkNote::announced() const {
  const auto text = read_note(place_.note());
  if (!text) return fail(text.error());
  return std::string(trim(*text));
}

Result<void> WorkNote::withdraw() {
  if (::ftruncate(file_.get(), 0) != 0) return system::fail_errno(Errc::failed, "cannot empty " + place_.note(), errno);
  return {};
}

void WorkNote::share_with_programs(bool shared) const { ::fcntl(file_.get(), F_SETFD, shared ? 0 : FD_CLOEXEC); }

}  // namespace gearscale::gears
