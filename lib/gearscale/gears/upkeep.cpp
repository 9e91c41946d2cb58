// SPDX-License-Identifier: Apache-2.0
// The child answers with lines.
#include "gearscale/gears/upkeep.hpp"

#include <net/if.h>
#include <poll.h>

#include <cstdint>
#include <utility>

#include "gearscale/base/text.hpp"
#include "gearscale/gears/gear_config.hpp"
#include "gearscale/gears/ties.hpp"

namespace gearscale::gears {

namespace {

constexpr core::Millis kLastPatience{500};

Tie tie_of(const Options& options, const TiedGear& gear) {
  return {.device = veth_of(gear.id), .bridge = options.bridge, .address = gear.address, .isolated = options.isolate_gears};
}

std::string missing_of(const Tie& wanted, const TiedGear& gear, const BridgeState& seen) {
  if (!gear.settled) return "";
  return is_loose(wanted.device) ? "its cable is not on the bridge" : missing(wanted, seen);
}

std::vector<std::uint32_t> strays_of(const Options& options, const BridgeState& seen, const std::vector<TiedGear>& gears) {
  std::vector<std::uint32_t> used;
  for (const auto& gear : gears) used.push_back(gear.address);
  return strays(seen, options.pool.first, options.pool.last, used);
}

}  // namespace

Result<std::vector<std::string>> untied(const Options& options, const std::vector<TiedGear>& gears) {
  const auto seen = look_at_bridge(options.bridge);
  if (!seen) return fail(seen.error());
  std::vector<std::string> sentences;
  for (const auto& gear : gears) {
    const auto what = missing_of(tie_of(options, gear), gear, *seen);
    if (!what.empty()) sentences.push_back("gear " + gear.id + " is not tied to its address and MAC: " + what);
  }
  for (const auto address : strays_of(options, *seen, gears)) {
    sentences.push_back("left over: the neighbour entry of " + format_ipv4(address) + " on bridge " + options.bridge);
  }
  return sentences;
}

Result<std::vector<std::string>> mend_ties(const Options& options, const std::vector<TiedGear>& gears) {
  std::vector<std::string> sentences;
  // Twice: a port that gets the MAC that it has to have may change the bridge's, and then the kernel forgets the neighbours made before.
  for (const bool again : {false, true}) {
    const auto seen = look_at_bridge(options.bridge);
    if (!seen) return fail(seen.error());
    for (const auto& gear : gears) {
      const auto wanted = tie_of(options, gear);
      const auto what = missing_of(wanted, gear, *seen);
      if (what.empty()) continue;
      const auto tied = tie(wanted);
      if (::if_nametoindex(wanted.device.c_str()) == 0) {  // torn down meanwhile: so is what we made of it
        if (auto untied = untie_address(options.bridge, gear.address); !untied) return fail(untied.error());
      } else if (!again) {
        sentences.push_back("Gear " + gear.id + " was not tied to its address and MAC (" + what + "): " +
                            (tied ? std::string("it is again") : tied.error().message));
      }
    }
    if (sentences.empty()) break;
  }
  const auto seen = look_at_bridge(options.bridge);
  if (!seen) return fail(seen.error());
  for (const auto address : strays_of(options, *seen, gears)) {
    const auto gone = untie_address(options.bridge, address);
    sentences.push_back("The neighbour entry of " + format_ipv4(address) + " on bridge " + options.bridge + " was left of a gear that is gone: " +
                        (gone ? std::string("removed") : gone.error().message));
  }
  return sentences;
}

Upkeep::~Upkeep() {
  if (!child_) return;
  pollfd ended{child_->exit_fd(), POLLIN, 0};
  ::poll(&ended, 1, static_cast<int>(kLastPatience.count()));
}

void Upkeep::begin(const Options& options, const std::vector<TiedGear>& gears) {
  if (child_) return;
  const auto work = [&]() -> Result<std::string> {
    const auto sentences = mend_ties(options, gears);
    if (!sentences) return fail(sentences.error());
    std::string lines;
    for (const auto& sentence : *sentences) lines += sentence + "\n";
    return lines;
  };
  if (auto child = system::Child::start(work)) child_.emplace(std::move(*child));  // without one, the next time
  deadline_ = system::Deadline(kDeadline);
}

std::vector<std::string> Upkeep::done() {
  std::vector<std::string> sentences;
  if (!child_) return sentences;
  child_->read_answer();
  if (!child_->reap()) {
    if (deadline_.is_over()) child_->kill();
    return sentences;
  }
  const auto answer = child_->result();
  child_.reset();
  if (!answer) return {"Whether all gears are tied to their addresses and MACs could not be looked at: " + answer.error().message};
  for (const auto line : split(*answer, '\n')) {
    if (!line.empty()) sentences.emplace_back(line);
  }
  return sentences;
}

}  // namespace gearscale::gears
