// SPDX-License-Identifier: Apache-2.0
// Container: one handle of liblxc for one operation. Only to be used in a Child: these calls may wait, leak or crash.
#pragma once

#include <lxc/lxccontainer.h>
#include <sys/types.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gearscale/base/fd.hpp"
#include "gearscale/base/result.hpp"
#include "gearscale/core/lifecycle.hpp"
#include "gearscale/gears/ownership.hpp"

namespace gearscale::gears {

class Container {
 public:
  // The only way to a handle of liblxc: what is at the place passes check_place (trusted_place.hpp) before liblxc reads it, and who answers for
  // the container is told by has_monitor (monitor_socket.hpp). Errc::config when one of the two objects, Errc::failed when liblxc cannot make
  // sense of the container's config. A container that does not exist can be opened: it is not defined.
  static Result<Container> open(const std::string& name, const std::string& lxc_path);

  bool is_defined() const { return handle_->is_defined(handle_.get()); }

  // As liblxc calls it: STOPPED, STARTING, RUNNING, STOPPING, ABORTING, FREEZING, FROZEN, THAWED.
  std::string state_name() const;
  // The same in our words: what is on its way counts as running, since it uses its address.
  core::ContainerState state() const;

  // A config item with all that is included; several values have a line each. Empty when it is not set.
  std::string item(const std::string& key) const;
  // Both change the handle's copy only, until save.
  Result<void> clear(const std::string& key);
  Result<void> set(const std::string& key, const std::string& value);
  bool start() { return handle_->want_daemonize(handle_.get(), true) && handle_->start(handle_.get(), 0, nullptr); }
  bool freeze() { return handle_->freeze(handle_.get()); }  // waits without a bound, under v1 for a second at a time
  bool unfreeze() { return handle_->unfreeze(handle_.get()); }
  bool ask_to_halt() { return handle_->shutdown(handle_.get(), 0); }  // sends lxc.signal.halt and does not wait
  bool kill() { return handle_->stop(handle_.get()); }
  bool destroy() { return handle_->destroy(handle_.get()); }
  int init_pid() { return std::max(handle_->init_pid(handle_.get()), 0); }  // 0 when it does not run
  // Readable when its init has ended; not open when it does not run.
  Fd init_pidfd() { return Fd(std::max(handle_->init_pidfd(handle_.get()), -1)); }

  // Starts a program in the container, as root there, with this output and no input. Its pid on the host, 0 when it cannot be started; a
  // program that is not there exits with 127. May block for as long as the container is frozen.
  int attach(const std::vector<std::string>& argv, int output);

  enum class Method { overlay, copy };
  // A new container with this handle's copy of the config. False: liblxc could not; it has tried to clean up.
  bool clone_to(const Place& place, Method method);

 private:
  struct Put {
    void operator()(lxc_container* handle) const { ::lxc_container_put(handle); }
  };
  explicit Container(lxc_container* handle) : handle_(handle) {}
  std::unique_ptr<lxc_container, Put> handle_;
};

core::ContainerState state_of(const std::string& lxc_state);

// What liblxc says of its failures goes to LXC_PATH/.NAME.gearscale.log, which the container's monitor goes on writing to. It lies beside
// the container, so that the reason of a failed clone outlives the clone; tear_down removes it.
class LxcLog {
 public:
  // From here on. liblxc opens a log once for each process: a Child works on one container only.
  explicit LxcLog(const Place& place);
  // " (what liblxc said first)" since this object was made, or nothing.
  std::string reason() const;

 private:
  std::string path_;
  off_t start_ = 0;
};

// The message of one line of that log; nothing for other lines.
std::optional<std::string> lxc_log_message(std::string_view line);

}  // namespace gearscale::gears
