// SPDX-License-Identifier: Apache-2.0
// Implementation of the registry on disk.
#include "gearscale/system/registry_store.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <ctime>
#include <functional>
#include <utility>

#include "gearscale/base/check.hpp"
#include "gearscale/base/crash_point.hpp"
#include "gearscale/codec/registry_json.hpp"
#include "gearscale/system/clock.hpp"
#include "gearscale/system/errors.hpp"
#include "gearscale/system/files.hpp"

namespace gearscale::system {

namespace {

constexpr std::size_t kMaxBytes = 16 * 1024 * 1024;  // what decode_registry takes
constexpr std::size_t kKeptCorrupt = 4;
constexpr std::string_view kCorruptMark = ".corrupt-";

class HeldLock final : public StoreLock {
 public:
  explicit HeldLock(std::shared_ptr<FileLock> lock) : lock_(std::move(lock)) {}

 private:
  std::shared_ptr<FileLock> lock_;
};

std::string corrupt_name(const std::string& path, std::int64_t system_micros) {
  const auto seconds = static_cast<std::time_t>(system_micros / 1'000'000);
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  char stamp[32];
  const auto length = std::strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%SZ", &utc);
  return path + std::string(kCorruptMark) + std::string(stamp, length);
}

}  // namespace

bool RegistryStore::Version::is(const struct stat& other) const {
  return file.is_open() && info.st_dev == other.st_dev && info.st_ino == other.st_ino && info.st_size == other.st_size &&
         info.st_mtim.tv_sec == other.st_mtim.tv_sec && info.st_mtim.tv_nsec == other.st_mtim.tv_nsec;
}

RegistryStore::RegistryStore(RegistryPaths paths, core::Application application, Clock& clock)
    : paths_(std::move(paths)), application_(std::move(application)), clock_(clock) {}

Result<std::unique_ptr<StoreLock>> RegistryStore::lock(core::Millis patience) {
  GEARSCALE_CHECK(held_.expired());  // the second one's end would silently release the first
  auto taken = FileLock::acquire(paths_.lock, patience);
  if (!taken) return fail(taken.error());
  auto shared = std::make_shared<FileLock>(std::move(*taken));
  held_ = shared;
  return std::unique_ptr<StoreLock>(std::make_unique<HeldLock>(std::move(shared)));
}

Result<std::string> RegistryStore::boot() {
  if (boot_id_.empty()) {
    auto id = boot_id();
    if (!id) return fail(Errc::unavailable, id.error().message, id.error().sys_errno);
    boot_id_ = *id;
  }
  return boot_id_;
}

Result<Store::Loaded> RegistryStore::load() {
  for (int attempt = 0; attempt < 3; ++attempt) {
    struct stat info {};
    if (::stat(paths_.registry.c_str(), &info) == 0 && version_.is(info)) return Loaded{.registry = &registry_};
    version_ = {};
    auto file = open_regular(paths_.registry, {.flags = O_RDONLY});
    if (!file && file.error().sys_errno == ENOENT) {
      registry_ = {};
      return Loaded{.registry = &registry_};
    }
    if (!file) return fail(Errc::unavailable, "cannot read the registry: " + file.error().message, file.error().sys_errno);
    const auto defect = read(std::move(*file));
    if (!defect) return fail(defect.error());
    if (!*defect) return Loaded{.registry = &registry_};
    if (held_.expired()) {
      version_ = {};
      return fail(Errc::unavailable, "the registry " + paths_.registry + " is corrupt (" + **defect +
                                         "): a running controller, or the next command that changes something, keeps it aside and rebuilds it");
    }
    auto kept_as = put_aside();
    version_ = {};  // whatever came of it: what is cached now is not what the file says
    if (!kept_as) {
      const auto& why = kept_as.error();
      return fail(Errc::unavailable, "the registry is corrupt (" + **defect + "), and it stays where it is: " + why.message, why.sys_errno);
    }
    if (*kept_as) return Loaded{.registry = &registry_, .was_corrupt = true, .kept_as = **kept_as, .reason = **defect};
  }
  return fail(Errc::unavailable, "cannot read " + paths_.registry + ": it is replaced again and again; try again");
}

Result<std::optional<std::string>> RegistryStore::read(Fd file) {
  registry_ = {};
  const auto boot_now = boot();
  if (!boot_now) return fail(boot_now.error());
  Version version;
  if (::fstat(file.get(), &version.info) != 0) return fail_errno(Errc::unavailable, "cannot read " + paths_.registry, errno);
  const auto text = read_all(file, kMaxBytes, paths_.registry);
  if (!text && text.error().sys_errno != EFBIG) return fail(Errc::unavailable, text.error().message, text.error().sys_errno);
  version.file = std::move(file);
  version_ = std::move(version);
  if (!text) return std::optional<std::string>(text.error().message);
  auto decoded =
      codec::decode_registry(*text, {.application = application_, .lxc_path = paths_.lxc_path, .boot_id = *boot_now, .now = clock_.now()});
  if (!decoded && decoded.error().code == Errc::config) {
    version_ = {};  // nothing of it may be taken for read
    return fail(decoded.error());
  }
  if (!decoded) return std::optional<std::string>(decoded.error().message);
  registry_ = std::move(*decoded);
  return std::optional<std::string>();
}

Result<std::optional<std::string>> RegistryStore::put_aside() {
  struct stat info {};
  if (::stat(paths_.registry.c_str(), &info) != 0 || !version_.is(info)) return std::optional<std::string>();
  std::string kept_as = corrupt_name(paths_.registry, clock_.system_micros());
  if (std::rename(paths_.registry.c_str(), kept_as.c_str()) != 0) {
    return fail_errno(Errc::unavailable, "cannot rename " + paths_.registry + " to " + kept_as, errno);
  }
  crash_point("put_aside", "after");
  prune_corrupt();
  return std::optional<std::string>(std::move(kept_as));
}

void RegistryStore::prune_corrupt() const {
  const std::string directory = directory_of(paths_.registry);
  const std::string prefix = name_of(paths_.registry) + std::string(kCorruptMark);
  auto names = list_directory(directory);
  if (!names) return;  // the rename worked; that there is one file too many hurts nobody
  std::erase_if(*names, [&](const std::string& name) { return name.compare(0, prefix.size(), prefix) != 0; });
  std::sort(names->begin(), names->end(), std::greater<>());  // the stamps sort by time
  for (std::size_t i = kKeptCorrupt; i < names->size(); ++i) ::unlink((directory + "/" + (*names)[i]).c_str());
}

void RegistryStore::tidy() { static_cast<void>(remove_stale_temps(directory_of(paths_.registry))); }  // what stays is looked at again

Result<void> RegistryStore::save(const core::Registry& registry) {
  GEARSCALE_CHECK(!held_.expired());
  const auto boot_now = boot();
  if (!boot_now) return fail(boot_now.error());
  const auto text = codec::encode_registry(
      registry, {.application = application_, .lxc_path = paths_.lxc_path, .boot_id = *boot_now, .now = clock_.now()});
  if (auto written = replace_file(paths_.registry, text, {.mode_if_new = 0640}); !written) {
    version_ = {};
    return written;
  }
  // Our own write need not be read again. Nobody else writes while we hold the lock.
  if (&registry != &registry_) registry_ = registry;
  Version version;
  version.file = Fd(::open(paths_.registry.c_str(), O_RDONLY | O_CLOEXEC));
  if (!version.file.is_open() || ::fstat(version.file.get(), &version.info) != 0) version = {};
  version_ = std::move(version);
  return {};
}

}  // namespace gearscale::system
