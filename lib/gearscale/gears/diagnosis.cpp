// SPDX-License-Identifier: Apache-2.0
// rtnetlink(7) and /proc tell of the inside of a gear's network namespace; no program of the gear is asked.
#include "gearscale/gears/diagnosis.hpp"

#include <arpa/inet.h>
#include <linux/if.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "gearscale/base/text.hpp"
#include "gearscale/codec/listeners.hpp"
#include "gearscale/gears/freezer.hpp"
#include "gearscale/gears/inventory.hpp"
#include "gearscale/gears/netlink.hpp"
#include "gearscale/system/files.hpp"
#include "gearscale/system/probe.hpp"

namespace gearscale::gears {

namespace {

constexpr core::Millis kPatience{3'000};
constexpr core::Millis kProbing{2'000};  // of them, for all gears
constexpr core::Millis kLongestProbe{1'000};
constexpr std::size_t kMaxTable = 4 * 1024 * 1024;
constexpr std::size_t kMaxText = 300;
constexpr unsigned kUp = IFF_UP | IFF_RUNNING;

// Nothing of what the gear has is kept, however much it is.
int look_at_devices(std::uint32_t address, GearNetwork& network) {
  constexpr std::uint16_t kDump = NLM_F_REQUEST | NLM_F_DUMP;
  std::optional<int> holder;
  ifaddrmsg all_addresses{};
  all_addresses.ifa_family = AF_INET;
  Netlink kernel;
  const int failed = kernel.dump(NetlinkMessage(RTM_GETADDR, kDump, all_addresses), [&](std::string_view entry) {
    ifaddrmsg body{};
    std::string_view attributes;
    if (!take_body(entry, body, attributes)) return;
    const auto found = NetlinkAttributes(attributes).number<std::uint32_t>(IFA_LOCAL, 0);
    if (ntohl(found) == address) holder = static_cast<int>(body.ifa_index);
  });
  if (failed != 0 && failed != EAGAIN) return failed;
  bool holder_is_up = true;
  ifinfomsg all_devices{};
  const int failed_too = kernel.dump(NetlinkMessage(RTM_GETLINK, kDump, all_devices), [&](std::string_view entry) {
    ifinfomsg body{};
    std::string_view attributes;
    if (!take_body(entry, body, attributes)) return;
    const bool up = (body.ifi_flags & kUp) == kUp;
    if (body.ifi_index == holder) holder_is_up = up;
    if ((body.ifi_flags & IFF_LOOPBACK) != 0) return;
    network.has_device = true;
    network.is_up = network.is_up || up;
  });
  network.has_address = holder.has_value();
  network.is_up = network.is_up && holder_is_up;
  return failed_too == EAGAIN ? 0 : failed_too;
}

std::optional<bool> look_for_listener(std::uint32_t address, int port) {
  const auto v4 = system::read_file("/proc/self/net/tcp", kMaxTable);
  if (!v4) return std::nullopt;
  if (codec::has_listener(*v4, address, port)) return true;
  if (::access("/proc/self/net/tcp6", F_OK) != 0) return false;  // a kernel without IPv6
  const auto v6 = system::read_file("/proc/self/net/tcp6", kMaxTable);
  return v6 ? std::optional(codec::has_listener(*v6, address, port)) : std::nullopt;
}

// A gear, and what is known of it.
struct Look {
  std::uint32_t address = 0;
  std::string text;
  Fd init;  // open: a look from within may say more
};

Look look_from_here(const Options& options, const DownGear& gear, const std::vector<CgroupMount>& freezers, core::Millis patience) {
  Look look{.address = gear.address, .text = "it is frozen", .init = Fd()};
  const auto place = place_of(options.application, options.lxc_path, gear.id);
  const auto found = inspect_place(place, gear.id, freezers);
  const auto state = found.fact.state;
  if (!found.fact.trouble.empty()) {
    look.text = "it could not be looked at: " + found.fact.trouble;
  } else if (state == core::ContainerState::stopped || state == core::ContainerState::absent) {
    look.text = "no process: its container is " + std::string(core::to_string(state));
  } else if (state != core::ContainerState::frozen) {
    const auto answer = options.probe == ProbeKind::http ? system::probe_http(gear.address, options.gear_port, options.probe_path, patience)
                                                         : system::probe_tcp(gear.address, options.gear_port, patience);
    look.text = answer ? "it answers its probe: look at what HAProxy checks (option httpchk)" : "no answer: " + answer.error().message;
    if (answer || found.init == 0) return look;
    // First a hand on the process, then the question whether it is this container's: so it cannot become another one in between.
    Fd init(static_cast<int>(::syscall(SYS_pidfd_open, found.init, 0)));
    if (init.is_open() && Freezer::of(freezers, found.init, place.name)) look.init = std::move(init);
  }
  return look;
}

// Enters its network and stays there. When that cannot be looked at, what was seen from outside has to do.
void look_from_within(Look& look, int port) {
  GearNetwork network;
  if (::setns(look.init.get(), CLONE_NEWNET) != 0 || look_at_devices(look.address, network) != 0) return;
  network.listens = look_for_listener(look.address, port);
  if (auto missing = missing_in(network, look.address, port); !missing.empty()) look.text = std::move(missing);
}

// A line for each gear, in their order. All of them are asked from here before the first one's network is entered.
system::Child::Work work_for(const Options& options, const std::vector<DownGear>& gears) {
  return [&options, &gears]() -> Result<std::string> {
    const system::Deadline deadline(kProbing);
    const auto freezers = freezer_mounts();
    std::vector<Look> looks;
    auto left = static_cast<int>(gears.size());
    for (const auto& gear : gears)
      looks.push_back(look_from_here(options, gear, freezers, std::min(deadline.left() / left--, kLongestProbe)));
    std::string lines;
    for (auto& look : looks) {
      if (look.init.is_open()) look_from_within(look, options.gear_port);
      lines += one_line(look.text, kMaxText) + "\n";
    }
    return lines;
  };
}

std::vector<Diagnosis> diagnoses(const std::vector<DownGear>& gears, const Result<std::string>& answer) {
  const auto lines = split(answer ? std::string_view(*answer) : std::string_view(), '\n');
  const bool whole = lines.size() == gears.size() + 1;
  const auto why = "it could not be looked at: " + (answer ? std::string("no whole answer") : answer.error().message);
  std::vector<Diagnosis> found;
  for (std::size_t i = 0; i < gears.size(); ++i) found.push_back({.id = gears[i].id, .text = whole ? std::string(lines[i]) : why});
  return found;
}

}  // namespace

std::string missing_in(const GearNetwork& network, std::uint32_t address, int port) {
  if (!network.has_device) return "no link: it has no network device";
  if (!network.is_up) return "no link: its network device is down";
  if (!network.has_address) return "no address: none of its network devices has " + format_ipv4(address);
  if (network.listens == false) return "no port: nothing listens on " + format_ipv4(address) + ":" + std::to_string(port);
  return "";
}

std::vector<Diagnosis> diagnose(const Options& options, const std::vector<DownGear>& gears) {
  if (gears.empty()) return {};
  return diagnoses(gears, system::call_in_child(work_for(options, gears), kPatience));
}

bool Diagnoser::begin(const Options& options, std::vector<DownGear> gears) {
  if (child_) return false;
  auto child = system::Child::start(work_for(options, gears));
  if (!child) return false;
  child_.emplace(std::move(*child));
  gears_ = std::move(gears);
  deadline_ = system::Deadline(kPatience);
  return true;
}

std::vector<Diagnosis> Diagnoser::done() {
  if (!child_) return {};
  child_->read_answer();
  if (!child_->reap()) {
    if (deadline_.is_over()) child_->kill();
    return {};
  }
  const auto answer = child_->result();
  child_.reset();
  return diagnoses(gears_, answer);
}

}  // namespace gearscale::gears
