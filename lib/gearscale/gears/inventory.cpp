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

constexpr std::int64_t kMaxPid = 0x7fffffff;
constexpr std::size_t kMaxTrouble = 1'000;

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

Finding inspect_place(const Place& place, std::string_view id, const std::vector<CgroupMount>& freezers) {
  Finding found{.fact = {.id = std::string(id), .state = core::ContainerState::absent}};
  auto& fact = found.fact;
  const auto leave_alone = [&](const Error& why) {
    fact.state = core::ContainerState::unknown;
    fact.trouble = why.message;
    return found;
  };
  const auto presence = look(place);
  if (!presence) return leave_alone(presence.error());
  if (*presence == Presence::nothing || *presence == Presence::foreign) return found;
  fact.state = core::ContainerState::stopped;
  fact.created_ms = made_ms(place.directory());
  const auto config = read_config(place);
  if (!config) return leave_alone(config.error());
  fact.address = config_address(*config);
  if (*presence == Presence::half_made) return found;
  auto container = Container::open(place.name, place.lxc_path);
  if (!container && container.error().code == Errc::config) return leave_alone(container.error());
  // A config that liblxc cannot read hides one container's state; it must not hide the others.
  fact.state = container ? container->state() : core::ContainerState::unknown;
  if (!container || fact.state == core::ContainerState::stopped) return found;
  found.init = container->init_pid();
  if (const auto freezer = Freezer::of(freezers, found.init, place.name)) {
    fact.state = freezer->is_frozen() ? core::ContainerState::frozen : core::ContainerState::running;
  }
  return found;
}

Result<std::string> list_containers(const core::Application& application, const std::string& lxc_path) {
  const auto ids = ids_under(application, lxc_path);
  if (!ids) return fail(ids.error());
  const auto freezers = freezer_mounts();
  std::string lines;
  for (const auto& id : *ids) {
    const auto found = inspect_place(place_of(application, lxc_path, id), id, freezers);
    if (found.fact.state != core::ContainerState::absent) lines += format_finding(found);
  }
  return lines;
}

std::string format_finding(const Finding& finding) {
  const auto& fact = finding.fact;
  return fact.id + " " + format_ipv4(fact.address) + " " + std::string(core::to_string(fact.state)) + " " +
         std::to_string(fact.created_ms) + " " + std::to_string(finding.init) +
         (fact.trouble.empty() ? "" : " " + printable(fact.trouble, kMaxTrouble)) + "\n";
}

Result<std::vector<Finding>> parse_findings(std::string_view text) {
  std::vector<Finding> findings;
  for (const auto line : split(text, '\n')) {
    if (line.empty()) continue;
    const auto fields = split(line, ' ');
    const bool all = fields.size() >= 5;
    const auto address = all ? parse_ipv4(fields[1]) : std::nullopt;
    const auto state = all ? parse_state(fields[2]) : std::nullopt;
    const auto created = all ? parse_integer(fields[3]) : std::nullopt;
    const auto init = all ? parse_integer(fields[4]) : std::nullopt;
    const bool may_go_on = state == core::ContainerState::unknown || fields.size() == 5;
    if (!address || !state || !created || !init || *init < 0 || *init > kMaxPid || !core::is_gear_id(fields[0]) || !may_go_on) {
      return fail(Errc::failed, "the list of containers has an unreadable line: '" + printable(line) + "'");
    }
    const auto trouble = fields.size() > 5 ? line.substr(static_cast<std::size_t>(fields[5].data() - line.data())) : std::string_view();
    findings.push_back(
        {.fact =
             {.id = std::string(fields[0]), .address = *address, .state = *state, .created_ms = *created, .trouble = std::string(trouble)},
         .init = static_cast<int>(*init)});
  }
  return findings;
}

}  // namespace gearscale::gears
