// SPDX-License-Identifier: Apache-2.0
// RegistryStore: the registry as a JSON file, and the application's one lock beside it. What is in the registry is not its business.
#pragma once

#include <sys/stat.h>

#include <memory>
#include <optional>
#include <string>

#include "gearscale/base/fd.hpp"
#include "gearscale/core/names.hpp"
#include "gearscale/ports.hpp"
#include "gearscale/system/file_lock.hpp"

namespace gearscale::system {

struct RegistryPaths {
  std::string registry;  // conf/gear-registry.json
  std::string lock;      // run/gearscale.lock
  std::string lxc_path;  // where the gears of this registry are
};

// For one thread; at most one for each registry in a process (FileLock says why). `clock` must outlive it.
class RegistryStore final : public Store {
 public:
  RegistryStore(RegistryPaths paths, core::Application application, Clock& clock);

  // Errc::failed when the lock file cannot be opened. Taking a lock that this store holds already is a programmer's error.
  Result<std::unique_ptr<StoreLock>> lock(core::Millis patience) override;

  // With the lock a corrupt file is renamed to NAME.corrupt-YYYYmmddTHHMMSSZ, of which the last four are kept; without it, it is an error and
  // stays: who only looks changes nothing. Errc::unavailable: not readable, a directory, or corrupt without the lock.
  Result<Loaded> load() override;

  // Errors of replace_file (Errc::failed). Without the lock: a programmer's error.
  Result<void> save(const core::Registry& registry) override;
  void tidy() override;

 private:
  // Names one content of the file. Its descriptor stays open: an inode in use cannot come back as another file of the same time and size.
  struct Version {
    Fd file;
    struct stat info {};
    bool is(const struct stat& other) const;
  };

  Result<std::string> boot();
  Result<std::optional<std::string>> read(Fd file);  // what is wrong with it; nothing: registry_ is what it says
  Result<std::optional<std::string>> put_aside();    // where the corrupt file is now; nothing: another one has its name already
  void prune_corrupt() const;

  RegistryPaths paths_;
  core::Application application_;
  Clock& clock_;
  std::string boot_id_;              // empty until it was read
  std::weak_ptr<FileLock> held_;     // alive while a StoreLock of ours is
  Version version_;                  // of registry_; closed: not known
  core::Registry registry_;
};

}  // namespace gearscale::system
