// SPDX-License-Identifier: Apache-2.0
// The few interfaces between the application and its effects. Each has two implementations worth having: the real one and the simulated one.
// No port decides anything; every call that may wait has a deadline of its own, and none waits longer than a second.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gearscale/base/result.hpp"
#include "gearscale/base/severity.hpp"
#include "gearscale/core/gear.hpp"
#include "gearscale/core/lifecycle.hpp"
#include "gearscale/core/reconcile.hpp"

namespace gearscale {

// One row of the backend that is a gear of ours.
struct ServerView {
  std::string_view id;  // valid until the next call of the balancer
  core::ServerState state = core::ServerState::absent;
  int scur = 0;
  std::uint64_t stot = 0;
  std::uint32_t address = 0;  // 0 when HAProxy shows none
};

struct BalancerView {
  double sessions = 0;  // BACKEND scur, queued ones included
  std::vector<ServerView> gears;
};

// What HAProxy has to know about a gear.
struct ServerSpec {
  std::string id;
  std::uint32_t address = 0;
};

// HAProxy, running and on disk. Errors: Errc::unavailable (not running, socket, deadline, strange reply), Errc::config (no such backend, too old, markers).
class Balancer {
 public:
  virtual ~Balancer() = default;
  // One sample. The view lives until the next call of any function here.
  virtual Result<const BalancerView*> observe() = 0;
  // The backend's sessions alone: its cost does not grow with the number of servers. Errors as observe().
  virtual Result<double> sessions() = 0;
  // Adds the server, with health check and dynamic cookie, and makes it ready. One that is there already is made ready.
  virtual Result<void> add(const ServerSpec& server) = 0;
  virtual Result<void> drain(std::string_view id) = 0;
  virtual Result<void> maint(std::string_view id) = 0;
  virtual Result<void> cut_sessions(std::string_view id) = 0;
  // True: it is gone (or was not there). False: refused for now, connections are left.
  virtual Result<bool> remove(std::string_view id) = 0;
  // Makes our block of haproxy.cfg hold exactly these servers: checked by HAProxy itself, durable, then renamed. Nothing is written when it
  // is equal already. Errc::config when the file has no markers or HAProxy refuses the result; the file is then unchanged.
  virtual Result<void> write_file(const std::vector<ServerSpec>& servers) = 0;
};

enum class JobKind { bring_up, tear_down };

struct GearSpec {
  std::string id;
  std::uint32_t address = 0;
};

// How a job ended. `detail` is for people: "ready in 31 ms (clone 6, start 17, probe 8)".
struct JobResult {
  std::string id;
  JobKind kind = JobKind::bring_up;
  int pid = 0;  // of the process that did it
  Result<std::string> detail = std::string();
};

// Where gears live. Only containers that carry our mark are ever touched.
class GearHost {
 public:
  virtual ~GearHost() = default;
  // All containers of this application.
  virtual Result<std::vector<core::ContainerFact>> list() = 0;
  // The state of one; `absent` when there is none of ours by that name.
  virtual Result<core::ContainerState> inspect(std::string_view id) = 0;
  // May `count` gears be made now? Template, bridge, privileges (Errc::config); memory_reserve (Errc::limit).
  virtual Result<void> check_room(int count) = 0;
  // Starts a job and returns at once. bring_up: clone unless it is there whole, start, probe until it answers. tear_down: stop, destroy, clean up;
  // success when there was nothing. Both may be started again after a crash at any point. One job a gear at a time.
  virtual Result<void> begin(JobKind kind, const GearSpec& gear, core::Millis deadline) = 0;
  // Ends a running job; it will not be reported.
  virtual void cancel(std::string_view id) = 0;
  // Jobs that ended since the last call; never waits.
  virtual std::vector<JobResult> finished() = 0;
  // A descriptor that becomes readable when finished() has something, or -1.
  virtual int ready_fd() const = 0;
};

// Holds the application's one lock while it lives.
class StoreLock {
 public:
  virtual ~StoreLock() = default;
};

// The registry on disk and the lock around it.
class Store {
 public:
  virtual ~Store() = default;
  // The one lock of the application; Errc::unavailable when it cannot be had within `patience`.
  virtual Result<std::unique_ptr<StoreLock>> lock(core::Millis patience) = 0;
  // The registry as it is on disk now; re-read only when the file changed. An empty registry when there is no file. With the lock
  // held a corrupt one is put aside and `was_corrupt` becomes true: then it has to be rebuilt from what LXC and HAProxy show.
  // Errc::config for the registry of another application, which stays where it is.
  struct Loaded {
    const core::Registry* registry = nullptr;  // valid until the next load or save
    bool was_corrupt = false;
    std::string kept_as;  // where the corrupt file is now
    std::string reason;   // what was wrong with it
  };
  virtual Result<Loaded> load() = 0;
  // Writes it whole: temp file, fsync, rename. On an error the old one is untouched. Call only with the lock held.
  virtual Result<void> save(const core::Registry& registry) = 0;
};

class Clock {
 public:
  virtual ~Clock() = default;
  virtual core::Time now() = 0;              // steady; for durations
  virtual std::int64_t system_micros() = 0;  // since the epoch, for stamps
};

// Where events go: lines for people (scale_events.log), objects for programs (scale_events.jsonl).
class EventSink {
 public:
  virtual ~EventSink() = default;
  virtual void text(Severity severity, std::string_view message) = 0;  // one line without its prefix; debug lines may be dropped
  virtual void json(std::string_view object) = 0;                      // one object, without a line end
  virtual bool wants_debug() const = 0;
};

}  // namespace gearscale
