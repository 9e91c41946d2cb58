// SPDX-License-Identifier: Apache-2.0
// Any text as /proc/PID/mountinfo and as /proc/PID/cgroup at once (each parser passes over the other's lines): what is found lies where it
// was asked for. Container names come out of it as well, since cgroup directories are called after them.
#include "fuzz.hpp"
#include "gearscale/base/text.hpp"
#include "gearscale/gears/cgroups.hpp"
#include "gearscale/gears/freezer.hpp"
#include "gearscale/gears/leftovers.hpp"

namespace gearscale::fuzz {

namespace {

void look_below(std::string_view mountinfo, const std::string& directory) {
  for (const auto& point : gears::mounts_below(mountinfo, directory)) {
    GEARSCALE_CHECK(point.starts_with(directory));
    const Exact copy(point);
    const auto name = gears::name_below(copy.view(), directory);
    GEARSCALE_CHECK(name.find('/') == std::string_view::npos && name.size() <= point.size());
    GEARSCALE_CHECK(point != directory || name.empty());
  }
}

void look_for(std::string_view text, const std::vector<gears::CgroupMount>& mounts, std::string_view container) {
  const auto freezer = gears::Freezer::find(mounts, text, container);
  if (!freezer) return;
  const auto& file = freezer->file();
  GEARSCALE_CHECK(file.ends_with("/cgroup.freeze") || file.ends_with("/freezer.state"));
  GEARSCALE_CHECK(file.find("/lxc.payload." + std::string(container)) != std::string::npos);
  GEARSCALE_CHECK(std::ranges::any_of(mounts, [&](const auto& mount) { return file.starts_with(mount.path); }));
}

}  // namespace

void fuzz_mountinfo(std::string_view input) {
  const Exact copy(input);
  const auto text = copy.view();
  for (const auto* directory : {"/var/lib/lxc", "/", ""}) look_below(text, directory);
  const auto mounts = gears::cgroup_mounts(text);
  const auto places = gears::cgroup_places(text, {"/", "/a"});
  GEARSCALE_CHECK(places.size() == 2 * mounts.size());
  const auto freezers = gears::freezer_mounts(text);
  GEARSCALE_CHECK(freezers.size() <= mounts.size());
  look_for(text, freezers, "shop-1f3a9c02");
  look_for(text, mounts, text.substr(0, text.find('\n')));
  for (const auto word : split(text, '/')) {
    for (const auto* container : {"shop-1f3a9c02", ""}) {
      const int number = gears::cgroup_number(Exact(word).view(), container);
      GEARSCALE_CHECK(number >= -1 && number <= 99'999);
      GEARSCALE_CHECK(number < 0 || word.find(container) != std::string_view::npos);
    }
  }
}

}  // namespace gearscale::fuzz
