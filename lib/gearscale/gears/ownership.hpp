// SPDX-License-Identifier: Apache-2.0
// Whose is a container, and is it whole? Answered from files alone, without liblxc, so that it holds at any moment of a crash.
//
// The mark is the line `lxc.group = gearscale/APP[/NS]@UUID` in the container's own config. It alone does not tell a whole container from one
// whose clone or destruction was cut short, and between two steps of liblxc there may be no config at all. So each clone and each
// destruction is announced first, in a note beside the container: LXC_PATH/.NAME.gearscale, which holds the mark and goes away as the last
// step. What stands at NAME while such a note exists is ours and not whole: nothing but destroying it is done to it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gearscale/base/fd.hpp"
#include "gearscale/base/result.hpp"
#include "gearscale/core/names.hpp"
#include "gearscale/system/deadline.hpp"

namespace gearscale::gears {

enum class Presence { nothing, foreign, half_made, whole };

// Where a container is, or would be.
struct Place {
  std::string lxc_path;
  std::string name;
  std::string mark;         // core::container_group of the application
  std::string former_mark;  // core::former_group of it

  std::string directory() const { return lxc_path + "/" + name; }
  std::string config() const { return directory() + "/config"; }
  std::string note() const { return lxc_path + "/." + name + ".gearscale"; }
  std::string log() const { return note() + ".log"; }
};

Place place_of(const core::Application& application, const std::string& lxc_path, std::string_view id);

// The values of a key in a config, in order; comments and other keys are passed over.
std::vector<std::string_view> config_values(std::string_view config, std::string_view key);
// What a container's config says. Only its own lines count: our clones carry all of ours, nothing included can make a container ours.
bool config_has_mark(std::string_view config, std::string_view mark);
// The config with `mark` in the place of `former`, in each lxc.group line that has it.
std::string config_with_mark(std::string_view config, std::string_view former, std::string_view mark);
// The one lxc.net.0.ipv4.address; 0 when there is none or more than one.
std::uint32_t config_address(std::string_view config);

// The config's text, read without following a link; empty when there is none. Errc::failed when it cannot be read.
Result<std::string> read_config(const Place& place);

// An empty directory is nothing: a crash may leave one, and we may use it. A container without our mark is foreign whatever a note says,
// unless its config is missing or was cut short. What is ours has also passed check_place (trusted_place.hpp). Errc::failed when the files
// cannot be read, Errc::config when somebody else could have written them: what stands there is to be left alone.
Result<Presence> look(const Place& place);

// The ids of all places under lxc_path that bear a name of ours and have a directory or a note, in order. Errc::config when there is no
// lxc_path.
Result<std::vector<std::string>> ids_under(const core::Application& application, const std::string& lxc_path);

// The note, and with it the exclusive right to work on this container, for as long as it lives. The lock is one of flock(2): held until the
// last process that inherited it has ended, so a copy that a killed job left behind is waited for.
class WorkNote {
 public:
  // Errc::unavailable when somebody else works on it until the deadline, Errc::config when lxc_path is not there.
  static Result<WorkNote> take(const Place& place, const system::Deadline& deadline);

  // From now on what stands there is not whole.
  Result<void> announce();
  // It is whole again, or gone.
  Result<void> withdraw();
  // What it announces, by anybody.
  Result<std::string> announced() const;
  // Whether programs that liblxc starts (rsync) keep the lock too.
  void share_with_programs(bool shared) const;

  WorkNote(WorkNote&&) = default;
  WorkNote& operator=(WorkNote&&) = delete;
  WorkNote(const WorkNote&) = delete;
  WorkNote& operator=(const WorkNote&) = delete;
  // Removes a note that announces nothing.
  ~WorkNote();

 private:
  WorkNote(Fd file, Place place) : file_(std::move(file)), place_(std::move(place)) {}
  Fd file_;
  Place place_;
};

}  // namespace gearscale::gears
