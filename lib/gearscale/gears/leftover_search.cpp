// SPDX-License-Identifier: Apache-2.0
// The searching half of leftovers.hpp: names that only our gears have, in the places where LXC and we leave things.
#include <algorithm>
#include <optional>

#include "gearscale/base/text.hpp"
#include "gearscale/gears/cgroups.hpp"
#include "gearscale/gears/gear_config.hpp"
#include "gearscale/gears/leftovers.hpp"
#include "gearscale/system/files.hpp"

namespace gearscale::gears {

namespace {

constexpr std::size_t kLongestMountinfo = 64u * 1024 * 1024;

class Search {
 public:
  Search(const core::Application& application, std::string lxc_path, const std::vector<std::string>& known)
      : application_(application), lxc_path_(std::move(lxc_path)), known_(known) {
    names_ = system::list_directory(lxc_path_).value_or({});
  }

  void cgroups() {
    for (const auto& place : cgroup_places()) {
      const auto names = system::list_directory(place);
      if (!names) continue;  // a hierarchy that went away
      for (const auto& name : *names) cgroup(place, name);
    }
  }

  Result<void> directories() {
    const auto ids = ids_under(application_, lxc_path_);
    if (!ids) return fail(ids.error());
    for (const auto& id : *ids) {
      const auto place = place_of(application_, lxc_path_, id);
      const auto presence = look(place);
      if (!presence) continue;  // the list of containers says so
      if (*presence == Presence::foreign) known_.push_back(id);  // another application's of our name, with all that belongs to it
      if (*presence == Presence::nothing && !is_known(id)) found_.push_back("an empty directory or a note of container " + place.name);
    }
    return {};
  }

  Result<void> mounts() {
    const auto mountinfo = system::read_file("/proc/self/mountinfo", kLongestMountinfo);
    if (!mountinfo) return fail(mountinfo.error());
    for (const auto& mount : mounts_below(*mountinfo, lxc_path_)) {
      const auto id = core::id_of_container(application_, name_below(mount, lxc_path_));
      if (id && !is_known(std::string(*id))) found_.push_back("the mount " + mount);
    }
    return {};
  }

  void cables(const std::string& bridge) {
    const auto names = system::list_directory("/sys/class/net/" + bridge + "/brif");
    if (!names) return;  // no bridge, no cable on it
    for (const auto& name : *names) {
      const auto id = name.substr(std::min<std::size_t>(2, name.size()));
      if (core::is_gear_id(id) && name == veth_of(id) && !is_known(id) && !is_others(id)) found_.push_back("the network device " + name);
    }
  }

  std::vector<std::string> take() { return std::move(found_); }

 private:
  bool is_known(const std::string& id) const { return std::find(known_.begin(), known_.end(), id) != known_.end(); }

  // A gear of an application of another name on the same bridge.
  bool is_others(const std::string& id) const {
    return std::any_of(names_.begin(), names_.end(), [&](const std::string& name) {
      return !name.starts_with('.') && name.find("-" + id) != std::string::npos && !core::id_of_container(application_, name);
    });
  }

  void cgroup(const std::string& place, const std::string& directory) {
    for (const std::string_view prefix : {"lxc.monitor.", "lxc.payload."}) {
      if (directory.compare(0, prefix.size(), prefix) != 0) continue;
      // With and without the number that liblxc appends when the plain name is taken; a namespace may end in a number, too.
      auto name = std::string_view(directory).substr(prefix.size());
      auto id = core::id_of_container(application_, name);
      if (!id) id = core::id_of_container(application_, name.substr(0, std::min(name.rfind('-'), name.size())));
      if (id && !is_known(std::string(*id))) found_.push_back("the cgroup directory " + place + "/" + directory);
    }
  }

  const core::Application& application_;
  std::string lxc_path_;
  std::vector<std::string> known_;
  std::vector<std::string> names_;  // in lxc_path
  std::vector<std::string> found_;
};

}  // namespace

Result<std::vector<std::string>> find_leftovers(const core::Application& application, const std::string& lxc_path, const std::string& bridge,
                                                const std::vector<std::string>& known) {
  Search search(application, lxc_path, known);
  if (auto done = search.directories(); !done) return fail(done.error());
  if (auto done = search.mounts(); !done) return fail(done.error());
  search.cgroups();
  search.cables(bridge);
  return search.take();
}

}  // namespace gearscale::gears
