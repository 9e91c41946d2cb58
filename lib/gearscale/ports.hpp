// SPDX-License-Identifier: Apache-2.0
// The few interfaces between the application and its effects. Each has two implementations worth having: the real one and the simulated one.
// No port decides anything; every call that may wait has a deadline of its own: three seconds for those of LXC,
// haproxy_deadline for each exchange with HAProxy.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gearscale/base/result.hpp"
#include "gearscale/base/severity.hpp"
#include "gearscale/core/gear.hpp"
#include "gearscale/core/lifecycle.hpp"
#include "gearscale/core/reconcile.hpp"
#include "gearscale/core/response_window.hpp"

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
  bool has_predecessor = false;  // an earlier HAProxy process has not ended yet: it may have sessions on any gear
  double sessions = 0;           // BACKEND scur, queued ones included
  std::int64_t pid = 0;          // of the HAProxy that answered: another one than before means a reload or a restart
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
  // One sample. The view lives until the next call of any function here but remember().
  virtual Result<const BalancerView*> observe() = 0;
  // The backend's sessions alone: its cost does not grow with the number of servers. Errors as observe().
  virtual Result<double> sessions() = 0;
  // Adds the server, with health check and dynamic cookie, and makes it ready. One that is there already is made ready.
  virtual Result<void> add(const ServerSpec& server) = 0;
  virtual Result<void> drain(std::string_view id) = 0;
  // Takes a draining server back into rotation.
  virtual Result<void> recall(std::string_view id) = 0;
  virtual Result<void> maint(std::string_view id) = 0;
  virtual Result<void> cut_sessions(std::string_view id) = 0;
  // True: it is gone (or was not there). False: refused for now, connections are left.
  virtual Result<bool> remove(std::string_view id) = 0;
  // Makes durable which processes of HAProxy were seen, for who observes after us: has_predecessor must not end with this process. Called after an
  // observation and before anything is done; free unless HAProxy is another process. Errc::failed, Errc::config: it could not be written.
  virtual Result<void> remember() = 0;
  // Begins to make our block of haproxy.cfg hold exactly these servers (checked by HAProxy itself, durable, then renamed) in a process of its
  // own, and returns at once. While one is under way the newest wish waits for its end and is then begun; older wishes are forgotten. Errors:
  // only that no process could be had.
  virtual Result<void> begin_file(const std::vector<ServerSpec>& servers) = 0;
  // How the writing that ended since the last call went; nothing when none ended. Never waits. Errc::config when the file has no markers or
  // HAProxy refuses the result: the file is then unchanged.
  virtual std::optional<Result<void>> file_written() = 0;
  // A writing is under way or waits for its turn.
  virtual bool file_busy() const = 0;
  // Readable when file_written() has something; -1: never.
  virtual int file_fd() const = 0;
  // Does our block hold exactly these servers now? Reads the file; Errc::config as file_written.
  virtual Result<bool> file_holds(const std::vector<ServerSpec>& servers) = 0;
};

enum class JobKind {
  bring_up,   // until it answers
  stand_by,   // until it is ready to be woken: it answers, or is stopped, as standby_state says
  settle,     // until its boot has ended and it is frozen
  tear_down,  // until nothing is left
};

struct GearSpec {
  std::string id;
  std::uint32_t address = 0;
  std::string template_name;  // what it is cloned from when it is not there; empty: the configured one
};

// A gear whose address is its own. `settled`: no job makes or unmakes it now, so its ties have to be whole.
struct TiedGear {
  std::string id;
  std::uint32_t address = 0;
  bool settled = false;
};

// A serving gear that HAProxy has DOWN, and the first that it lacks: "no address: none of its network devices has 10.0.3.17".
struct DownGear {
  std::string id;
  std::uint32_t address = 0;
};
struct Diagnosis {
  std::string id;
  std::string text;
};

// How a job ended. `detail` is for people: "ready in 31 ms (clone 6, start 17, probe 8)".
struct JobResult {
  std::string id;
  JobKind kind = JobKind::bring_up;
  int pid = 0;  // of the process that did it
  Result<std::string> detail = std::string();
  std::vector<std::string> log;  // what hooks of the application printed: lines for the event log
  // How a stand_by or settle that succeeded left the container: running, its boot goes on; frozen; stopped.
  core::ContainerState container = core::ContainerState::unknown;
};

// Where gears live. Only containers that carry our mark are ever touched.
class GearHost {
 public:
  virtual ~GearHost() = default;
  // All containers of this application.
  virtual Result<std::vector<core::ContainerFact>> list() = 0;
  // The state of one; `absent` when there is none of ours by that name.
  virtual Result<core::ContainerState> inspect(std::string_view id) = 0;
  // Gives the containers of these gears our mark where theirs is the one of earlier versions, which had no uuid. Nothing else is changed; may be
  // done again after a crash.
  virtual Result<void> take_over(const std::vector<std::string>& ids) = 0;
  // May `count` gears be made now? Template (empty: the configured one), bridge, privileges (Errc::config); memory_reserve (Errc::limit).
  virtual Result<void> check_room(int count, const std::string& template_name) = 0;
  // Starts a job and returns at once. bring_up: clone unless it is there whole, start or unfreeze, probe until it answers. stand_by: from
  // whatever is there to a standby: clone, start, probe; a running gear is only probed (or stopped). settle: a running gear is frozen when its
  // boot has ended and it answers; a boot that goes on until the deadline is a success, too. tear_down: stop, destroy, clean up; success when
  // there was nothing. All may be started again after a crash at any point. One job a gear at a time.
  virtual Result<void> begin(JobKind kind, const GearSpec& gear, core::Millis deadline) = 0;
  // Ends a running job; it will not be reported.
  virtual void cancel(std::string_view id) = 0;
  // Jobs that ended since the last call; never waits.
  virtual std::vector<JobResult> finished() = 0;
  // Thaws a gear that stands by frozen: one system call, nothing else, so that the next request is answered in a millisecond. Of one that runs,
  // because its boot has not ended, the settle job is ended. Errc::failed when it is not held by this process or died meanwhile; a bring_up
  // job finds out more.
  virtual Result<void> wake(std::string_view id) = 0;
  // Gears whose containers ended since the last call (not those that a job of ours stopped); never waits.
  virtual std::vector<std::string> died() = 0;
  // What gears other than the `known` ones left behind on this machine, one phrase each: cgroup directories, network devices, mounts, notes.
  virtual Result<std::vector<std::string>> leftovers(const std::vector<std::string>& known) = 0;
  // What is wrong with what ties these gears to their addresses and MACs (docs/security.md), and is left of others: one sentence each. Reads
  // only.
  virtual Result<std::vector<std::string>> untied(const std::vector<TiedGear>& gears) = 0;
  // Begins to mend that, in a process of its own, and returns at once. Nothing while an earlier one is under way.
  virtual void begin_mending(const std::vector<TiedGear>& gears) = 0;
  // What was mended, or could not be, since the last call, one sentence each; never waits.
  virtual std::vector<std::string> mended() = 0;
  // What these gears lack (docs/troubleshooting.md), one answer each; reads only. Waits for 3 s at most.
  virtual std::vector<Diagnosis> diagnose(const std::vector<DownGear>& gears) = 0;
  // Begins to find that out, in a process of its own, and returns at once; false when it cannot be begun now.
  virtual bool begin_diagnosis(const std::vector<DownGear>& gears) = 0;
  // What it found since the last call; never waits.
  virtual std::vector<Diagnosis> diagnosed() = 0;
  // A descriptor that becomes readable when finished() or died() has something, or -1.
  virtual int ready_fd() const = 0;
};

// HAProxy's log of requests, read live: from its own ring or from a file.
class ResponseLog {
 public:
  virtual ~ResponseLog() = default;
  // At each check. `pid` is the HAProxy that answers now: a ring's reader moves to it, and drains the old one for 5 s. Asks how many lines were
  // dropped, opens what was lost. Errc::unavailable: no such file or ring, socket gone, drops growing since the last call; the signal is lost until
  // a later call succeeds. Errc::config: what only a person can mend. Waits for one exchange with HAProxy at most.
  virtual Result<void> look_after(std::int64_t pid, core::Time now) = 0;
  // Puts what was logged since the last call into the window; never waits. Errors as look_after.
  virtual Result<void> read(core::ResponseWindow& window, core::Time now) = 0;
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
  // Removes temp files that a killed process left beside the registry; cheap when there are none.
  virtual void tidy() = 0;
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
