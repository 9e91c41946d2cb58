// SPDX-License-Identifier: Apache-2.0
// Ownership tells what is ours, liblxc what state it is in, the directory how old it is.
#include "gearscale/gears/inventory.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <optional>

#include "gearscale/base/text.hpp"
#include "gearscale/gears/container.hpp"

namespace gearscale::gears {

namespace {

// When the directory was made, where the file system keeps that; else when it was last changed. 0 when it is not there.
std::int64_t made_ms(const std::string& directory) {
  struct statx info {};
  if (::statx(AT_FDCWD, directory.c_str(), AT_SYMLINK_NOFOLLOW, STATX_BTIME | STATX_MTIME, &info) != 0) return 0;
  const auto& stamp = (info.stx_mask & STATX_BTIME) != 0 ? info.stx_btime : info.stx_mtime;
  return stamp.tv_sec * 1'000 + stamp.tv_nsec / 1'000'000;
}

std::optional<core::ContainerState> parse_state(std::string_view text) {
  using core::ContainerState;
  for (const auto state :
       {ContainerState::unknown, ContainerState::absent, ContainerState::stopped, ContainerState::running, ContainerState::frozen}) {
    if (text == core::to_string(state)) return state;
  }
  return std::nullopt;
}

}  // namespace

Result<core::ContainerFact> inspect_place(const Place& place, std::string_view id) {
  core::ContainerFact fact{.id = std::string(id), .state = core::ContainerState::absent};
  const auto presence = look(place);
  if (!presence) return fail(presence.error());
  if (*presence == Presence::nothing || *presence == Presence::foreign) return fact;
  fact.state = core::ContainerState::stopped;
  fact.created_ms = made_ms(place.directory());
  const auto config = read_config(place);
  if (!config) return fail(config.error());
  fact.address = config_address(*config);
  if (*presence == Presence::half_made) return fact;
  const auto container = Container::open(place.name, place.lxc_path);
  // A config that liblxc cannot read hides one container's state; it must not hide the others.
  fact.state = container ? container->state() : core::ContainerState::unknown;
  return fact;
}

Result<std::string> list_containers(const core::Application& application, const std::string& lxc_path) {
  const auto ids = ids_under(application, lxc_path);
  if (!ids) return fail(ids.error());
  std::string lines;
  for (const auto& id : *ids) {
    auto fact = inspect_place(place_of(application, lxc_path, id), id);
    if (!fact) return fail(fact.error());
    if (fact->state != core::ContainerState::absent) lines += format_fact(*fact);
  }
  return lines;
}

std::string format_fact(const core::ContainerFact& fact) {
  return fact.id + " " + format_ipv4(fact.address) + " " + std::string(core::to_string(fact.state)) + " " +
         std::to_string(fact.created_ms) + "\n";
}

Result<std::vector<core::ContainerFact>> parse_facts(std::string_view text) {
  std::vector<core::ContainerFact> facts;
  for (const auto line : split(text, '\n')) {
    if (line.empty()) continue;
    const auto fields = split(line, ' ');
    const auto address = fields.size() == 4 ? parse_ipv4(fields[1]) : std::nullopt;
    const auto state = fields.size() == 4 ? parse_state(fields[2]) : std::nullopt;
    const auto created = fields.size() == 4 ? parse_integer(fields[3]) : std::nullopt;
    if (!address || !state || !created || !core::is_gear_id(fields[0])) {
      return fail(Errc::failed, "the list of containers has an unreadable line: '" + printable(line) + "'");
    }
    facts.push_back({.id = std::string(fields[0]), .address = *address, .state = *state, .created_ms = *created});
  }
  return facts;
}

}  // namespace gearscale::gears
