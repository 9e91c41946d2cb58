// SPDX-License-Identifier: Apache-2.0
// Plain files. The config goes first: a note of the former mark beside a config of ours is still found by the next try.
#include "gearscale/gears/take_over.hpp"

#include <sys/stat.h>

#include "gearscale/base/crash_point.hpp"
#include "gearscale/gears/trusted_place.hpp"
#include "gearscale/system/files.hpp"

namespace gearscale::gears {

namespace {

bool is_plain_file(const std::string& path) {
  struct stat info {};
  return ::lstat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode);
}

}  // namespace

Result<void> take_over(const Place& place, const system::Deadline& deadline) {
  const bool has_config = is_plain_file(place.config());
  if (!has_config && !is_plain_file(place.note())) return {};
  // Root writes nothing where somebody else may put a link, or another config, at this moment.
  if (auto trusted = check_place(place.directory()); !trusted) return trusted;
  auto note = WorkNote::take(place, deadline);
  if (!note) return fail(note.error());
  const auto announced = note->announced();
  if (!announced) return fail(announced.error());
  const auto config = has_config ? read_config(place) : Result<std::string>(std::string());
  if (!config) return fail(config.error());
  if (config_has_mark(*config, place.former_mark)) {
    const auto text = config_with_mark(*config, place.former_mark, place.mark);
    if (auto written = system::replace_file(place.config(), text); !written) return written;
    crash_point("take_over.config", "after");
  }
  return *announced == place.former_mark ? note->announce() : Result<void>();
}

}  // namespace gearscale::gears
