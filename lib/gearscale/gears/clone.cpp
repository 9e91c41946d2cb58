// SPDX-License-Identifier: Apache-2.0
// liblxc writes the clone's config from the template handle's copy in memory. That copy is made ours first, so the mark, the address and
// the limits stand in the clone's config from its first byte on, and nothing of the template's network can be left in it.
// Of a map of ids liblxc hears nothing while it clones: it would give the directory to the gear's root, config and all. The directory is
// root's from mkdir on; what the gear's root needs it is given at the end, and the map is written into the config then.
#include "gearscale/gears/clone.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "gearscale/base/crash_point.hpp"
#include "gearscale/base/text.hpp"
#include "gearscale/gears/cgroups.hpp"
#include "gearscale/gears/container.hpp"
#include "gearscale/gears/idmap.hpp"
#include "gearscale/gears/leftovers.hpp"
#include "gearscale/gears/trusted_place.hpp"
#include "gearscale/system/deadline.hpp"
#include "gearscale/system/errors.hpp"
#include "gearscale/system/files.hpp"

namespace gearscale::gears {

namespace {

constexpr core::Millis kKillPatience{5'000};

bool is_on_path(const char* program) {
  const char* path = std::getenv("PATH");
  for (const auto directory : split(path == nullptr ? "/bin:/usr/bin" : path, ':')) {
    if (::access((std::string(directory) + "/" + program).c_str(), X_OK) == 0) return true;
  }
  return false;
}

Result<void> check_rsync() {
  if (is_on_path("rsync")) return {};
  return fail(Errc::config,
              "a full copy of the template needs rsync, which is not in PATH: apt-get install rsync, or clone_mode = overlay");
}

// The mapped root of a gear is nobody in particular on the host: it has to be let through every directory above its files.
Result<void> check_passable(const std::string& lxc_path) {
  for (auto end = lxc_path.find('/', 1);; end = lxc_path.find('/', end + 1)) {
    const auto part = lxc_path.substr(0, end);
    struct stat info {};
    if (::stat(part.c_str(), &info) != 0) return system::fail_errno(Errc::config, "lxc_path: cannot look at " + part, errno);
    if ((info.st_mode & S_IXOTH) == 0) {
      return fail(Errc::config,
                  "unprivileged gears cannot pass the directory " + part + ". Run: chmod o+x " + part + " (or set idmap = none)");
    }
    if (end == std::string::npos) return {};
  }
}

Result<Container> open_template(const Options& options) {
  auto source = Container::open(options.template_name, options.lxc_path);
  if (!source) return fail(Errc::config, "template " + options.template_name + ": " + source.error().message);
  if (!source->is_defined()) {
    return fail(Errc::config, "there is no template " + options.template_name + " under " + options.lxc_path +
                                  ": make one (scripts/make-template " + options.template_name + "), or set template to one that is there");
  }
  if (const auto state = source->state_name(); state != "STOPPED") {
    return fail(Errc::config, "template " + options.template_name + " is " + state +
                                  ", but only a stopped container can be cloned. Run: lxc-stop -n " + options.template_name + " -P " +
                                  options.lxc_path);
  }
  return source;
}

// A map of ids that comes from an included file cannot be kept from liblxc while it clones.
Result<void> check_own_idmap(const Options& options) {
  if (!options.idmap) return {};
  const auto place = Place{.lxc_path = options.lxc_path, .name = options.template_name, .mark = ""};
  const auto config = read_config(place);
  if (!config) return fail(config.error());
  if (config_values(*config, "lxc.idmap").size() == 2) return {};
  return fail(Errc::config, "template " + options.template_name +
                                " gets lxc.idmap from a file that it includes: write the two lines into " + place.config() + " itself");
}

Result<void> configure(Container& clone, const Options& options, const CloneConfig& what) {
  for (const auto& key : keys_not_inherited()) {
    if (auto cleared = clone.clear(key); !cleared) return cleared;
  }
  const auto items = clone_config(options, what);
  for (const auto& item : items) {
    if (auto cleared = item.key.starts_with("lxc.net.") ? Result<void>() : clone.clear(item.key); !cleared) return cleared;
  }
  for (const auto& item : items) {
    if (auto set = clone.set(item.key, item.value); !set) return set;
  }
  return {};
}

// Root's alone: until the clone is complete nobody passes.
Result<void> make_directory(const Place& place) {
  if (::mkdir(place.directory().c_str(), 0700) == 0) return {};
  const int number = errno;
  if (number == EEXIST && ::rmdir(place.directory().c_str()) == 0 && ::mkdir(place.directory().c_str(), 0700) == 0) return {};
  return system::fail_errno(Errc::failed, "cannot make the directory " + place.directory(), number);
}

struct Handover {
  const char* what;  // below the gear's directory
  uid_t owner;
  mode_t mode;
};

// Gives a directory to a user, the group always to the gear's root.
Result<void> hand_over(const Place& place, const IdMap& map, const Handover& each) {
  const auto path = place.directory() + each.what;
  const Fd directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  const bool done =
      directory.is_open() && ::fchmod(directory.get(), each.mode) == 0 && ::fchown(directory.get(), each.owner, map.base) == 0;
  return done ? Result<void>() : system::fail_errno(Errc::failed, "cannot hand " + path + " over to the gear's root", errno);
}

// The map into the config, then what the gear's root works with; last the way in, for its group alone. The config stays root's.
Result<void> hand_over(const Place& place, const IdMap& map, bool overlay) {
  const auto range = " 0 " + std::to_string(map.base) + " " + std::to_string(map.count) + "\n";
  {
    const auto config = system::open_regular(place.config(), {.flags = O_WRONLY | O_APPEND | O_NOFOLLOW});
    if (!config) return fail(config.error());
    const int why = system::write_all(config->get(), "lxc.idmap = u" + range + "lxc.idmap = g" + range);
    if (why != 0) return system::fail_errno(Errc::failed, "cannot write " + place.config(), why);
  }
  crash_point("clone.idmap", "after");
  if (overlay) {
    // The kernel mounts the overlay with the rights of the gear's root: it works in these two.
    for (const auto& each : {Handover{"/overlay/delta", map.base, 0755}, {"/overlay/work", map.base, 0755}, {"/overlay", 0, 0710}}) {
      if (auto done = hand_over(place, map, each); !done) return done;
    }
  }
  return hand_over(place, map, {"", 0, 0710});
}

// One attempt, which leaves nothing behind when it fails.
Result<void> try_clone(const Options& options, const GearSpec& gear, const Place& place, Container::Method method) {
  auto source = open_template(options);
  if (!source) return fail(source.error());
  const bool overlay = method == Container::Method::overlay;
  if (!overlay) {
    if (auto rsync = check_rsync(); !rsync) return rsync;
  }
  const CloneConfig what{.id = gear.id,
                         .address = gear.address,
                         .cgroups = cgroup_layout(),
                         .overlay = overlay,
                         .rootfs_options = source->item("lxc.rootfs.options")};
  if (auto configured = configure(*source, options, what); !configured) return configured;
  if (auto cleared = options.idmap ? source->clear("lxc.idmap") : Result<void>(); !cleared) return cleared;
  if (auto made = make_directory(place); !made) return made;
  crash_point("clone.directory", "after");
  const LxcLog log(place);
  const bool cloned = source->clone_to(place, method);
  const auto handed = cloned && options.idmap ? hand_over(place, *options.idmap, overlay) : Result<void>();
  if (cloned && handed) return {};
  const auto reason = handed ? log.reason() : ": " + handed.error().message;
  const std::string manner = overlay ? " by overlay" : " by a full copy";
  if (auto gone = destroy_remains(place); !gone) return fail(gone.error());
  return fail(Errc::failed, "cannot clone template " + options.template_name + manner + " to " + place.name + reason);
}

Result<void> clone_by_mode(const Options& options, const GearSpec& gear, const Place& place) {
  if (options.clone_mode == CloneMode::copy) return try_clone(options, gear, place, Container::Method::copy);
  auto overlay = try_clone(options, gear, place, Container::Method::overlay);
  if (overlay || options.clone_mode == CloneMode::overlay || overlay.error().code == Errc::config) return overlay;
  auto copy = try_clone(options, gear, place, Container::Method::copy);
  if (copy) return copy;
  return fail(copy.error().code, overlay.error().message + "; then: " + copy.error().message, copy.error().sys_errno);
}

// What the clone will really be started with: an lxc.include of the template may bring back what was cleared.
Result<void> verify(const Options& options, const GearSpec& gear, const Place& place) {
  const auto clone = Container::open(place.name, place.lxc_path);
  if (!clone) return fail(clone.error());
  const auto wanted = format_ipv4(gear.address) + "/" + std::to_string(options.pool.prefix);
  const auto address = clone->item("lxc.net.0.ipv4.address");
  const auto networks = clone->item("lxc.net");
  if (auto mapped = check_template_idmap(options, clone->item("lxc.idmap")); !mapped) return mapped;
  if (address == wanted && networks == "veth") return {};
  return fail(Errc::config, "template " + options.template_name +
                                " gets network settings (lxc.net) from a file that it includes: its clones would have the" + " devices '" +
                                printable(networks) + "' and the address '" + printable(address) + "'; take lxc.net out of that file");
}

}  // namespace

Result<void> check_template(const Options& options) {
  const auto source = open_template(options);
  if (!source) return fail(source.error());
  if (auto fits = check_template_idmap(options, source->item("lxc.idmap")); !fits) return fits;
  if (auto own = check_own_idmap(options); !own) return own;
  if (auto closed = check_closed(options.lxc_path + "/" + options.template_name, options.idmap ? options.idmap->base : 0); !closed) {
    return fail(Errc::config, "template " + options.template_name + ": " + closed.error().message);
  }
  if (options.idmap) {
    if (auto passable = check_passable(options.lxc_path); !passable) return passable;
    if (is_on_path("newuidmap") && is_on_path("newgidmap")) {
      if (auto reserved = check_reserved(*options.idmap); !reserved) return reserved;
    }
  }
  if (options.clone_mode == CloneMode::copy) {
    if (auto rsync = check_rsync(); !rsync) return rsync;
  }
  return check_limits(options, cgroup_layout());
}

Result<void> make_clone(const Options& options, const GearSpec& gear, const Place& place, WorkNote& note) {
  if (auto fit = check_template(options); !fit) return fit;
  if (auto announced = note.announce(); !announced) return announced;
  crash_point("clone.announce", "after");
  note.share_with_programs(true);
  auto outcome = clone_by_mode(options, gear, place);
  note.share_with_programs(false);
  if (outcome) outcome = verify(options, gear, place);
  if (!outcome) {
    if (auto gone = destroy_remains(place); !gone) {
      return fail(outcome.error().code, outcome.error().message + "; then: " + gone.error().message);
    }
  }
  crash_point("clone", "after");
  auto withdrawn = note.withdraw();
  crash_point("clone.withdraw", "after");
  return outcome ? withdrawn : outcome;
}

Result<void> destroy_remains(const Place& place) {
  const auto directory = place.directory();
  std::string why;
  for (const bool repair : {false, true}) {
    struct stat info {};
    if (::lstat(directory.c_str(), &info) != 0) return {};
    if (auto trusted = check_place_and_its_sources(directory); !trusted) return trusted;
    crash_point("destroy.unmount", "before");
    unmount_below(directory);
    crash_point("destroy.unmount", "after");
    // Without a config liblxc sees no container, and with a broken one neither; with an empty one it clears the whole directory, and the
    // template's list of its clones.
    const auto config =
        system::open_regular(place.config(), {.flags = O_WRONLY | O_CREAT | O_NOFOLLOW | (repair ? O_TRUNC : 0), .mode = 0640});
    if (!config) return fail(config.error().code, config.error().message + ", to destroy its container", config.error().sys_errno);
    auto container = Container::open(place.name, place.lxc_path);
    if (!container) {
      why = ": " + container.error().message;
      continue;
    }
    why.clear();
    const LxcLog log(place);
    for (const system::Deadline deadline(kKillPatience); container->state_name() != "STOPPED" && !deadline.is_over();
         ::poll(nullptr, 0, 2)) {
      static_cast<void>(container->kill());
    }
    crash_point("destroy", "before");
    if (!container->destroy()) why = log.reason();
    crash_point("destroy", "after");
  }
  struct stat info {};
  if (::lstat(directory.c_str(), &info) != 0) return {};
  return fail(Errc::failed, "cannot destroy container " + place.name + ": " + directory + " stays" + why);
}

}  // namespace gearscale::gears
