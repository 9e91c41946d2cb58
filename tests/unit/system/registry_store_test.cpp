// SPDX-License-Identifier: Apache-2.0
// Tests of the registry on disk. What its JSON means is tested with the codec.
#include "gearscale/system/registry_store.hpp"

#include <sys/resource.h>

#include <algorithm>

#include "gearscale/system/files.hpp"
#include "helpers.hpp"
#include "support/catch.hpp"

using namespace gearscale;
using namespace std::chrono_literals;
using system::RegistryStore;
using test::Child;
using test::error_of;
using test::slurp;
using test::spit;

namespace {

class FakeClock final : public Clock {
 public:
  core::Time now() override { return core::Time(5'000'000ms); }
  std::int64_t system_micros() override { return micros; }
  std::int64_t micros = 1'795'329'602'000'000;  // names the corrupt files
};

struct Fixture {
  test::TempDir dir;
  std::string path = dir / "gear-registry.json";
  system::RegistryPaths paths{.registry = path, .lock = dir / "gearscale.lock"};
  core::Application application{.app = "shop", .ns = "prod"};
  FakeClock clock;
  RegistryStore store{paths, application, clock};

  core::Registry registry(std::uint64_t generation) const {
    core::Registry made;
    made.generation = generation;
    made.gears.push_back({.id = "1f3a9c02", .address = 0x0a570010, .state = core::GearState::serving, .since = core::Time(4'000'000ms)});
    return made;
  }
  void save(const core::Registry& made) {
    const auto lock = store.lock(10s);
    REQUIRE(error_of(lock) == "");
    REQUIRE(error_of(store.save(made)) == "");
  }
  Store::Loaded load() {
    const auto lock = store.lock(10s);
    REQUIRE(error_of(lock) == "");
    const auto loaded = store.load();
    REQUIRE(error_of(loaded) == "");
    REQUIRE(loaded->registry != nullptr);
    return *loaded;
  }
  std::size_t corrupt_files() const {
    const auto names = system::list_directory(dir.path()).value();
    return static_cast<std::size_t>(
        std::count_if(names.begin(), names.end(), [](const auto& name) { return name.find(".corrupt-") != std::string::npos; }));
  }
};

}  // namespace

TEST_CASE_METHOD(Fixture, "without a file the registry is empty, and looking makes none") {
  const auto loaded = store.load();
  REQUIRE(loaded);
  CHECK(loaded->registry->gears.empty());
  CHECK(loaded->registry->generation == 0);
  CHECK(!loaded->was_corrupt);
  CHECK(test::files_in(dir.path()) == 0);
}

TEST_CASE_METHOD(Fixture, "what was saved is loaded, by this store and by another process") {
  save(registry(7));
  struct stat info {};
  REQUIRE(::stat(path.c_str(), &info) == 0);
  CHECK((info.st_mode & 07777) == 0640);
  CHECK(load().registry->generation == 7);
  Child other([&] {
    RegistryStore own(paths, application, clock);
    const auto loaded = own.load();
    return loaded && loaded->registry->generation == 7 && loaded->registry->gears.at(0).id == "1f3a9c02" ? 0 : 1;
  });
  CHECK(other.exit_code() == 0);
}

TEST_CASE_METHOD(Fixture, "the registry of another application is refused each time, and stays where it is") {
  save(registry(7));
  RegistryStore other(paths, core::Application{.app = "shop", .ns = "test"}, clock);
  for (int i = 0; i < 2; ++i) {
    const auto loaded = other.load();
    REQUIRE_FALSE(loaded);
    CHECK(loaded.error().code == Errc::config);
  }
  CHECK(corrupt_files() == 0);
  CHECK(load().registry->generation == 7);
}

TEST_CASE_METHOD(Fixture, "its own write is not read again, nor a file that did not change") {
  save(registry(7));
  // Spoiled behind its back, with size and time as before: only who reads it again can notice.
  struct stat info {};
  REQUIRE(::stat(path.c_str(), &info) == 0);
  const Fd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  REQUIRE(::pwrite(file.get(), "!", 1, 0) == 1);
  const timespec times[2] = {info.st_atim, info.st_mtim};
  REQUIRE(::futimens(file.get(), times) == 0);
  CHECK(load().registry->generation == 7);
  CHECK(load().registry->generation == 7);
  // With another time it is read, and found corrupt.
  const timespec later[2] = {info.st_atim, {info.st_mtim.tv_sec, info.st_mtim.tv_nsec == 0 ? 1 : info.st_mtim.tv_nsec - 1}};
  REQUIRE(::futimens(file.get(), later) == 0);
  CHECK(load().was_corrupt);
}

TEST_CASE_METHOD(Fixture, "the writes of another process are seen, each of them, also when they follow at once") {
  save(registry(100));
  for (std::uint64_t generation = 101; generation < 140; generation += 2) {
    Child other([&] {
      RegistryStore own(paths, application, clock);
      const auto lock = own.lock(10s);
      // The second may reuse the number of the inode that we know.
      return lock && own.save(registry(generation)) && own.save(registry(generation + 1)) ? 0 : 1;
    });
    REQUIRE(other.exit_code() == 0);
    REQUIRE(load().registry->generation == generation + 1);
  }
  REQUIRE(::unlink(path.c_str()) == 0);
  CHECK(load().registry->generation == 0);
}

TEST_CASE_METHOD(Fixture, "a registry that was loaded may be saved again as it is") {
  save(registry(7));
  save(*load().registry);
  CHECK(load().registry->generation == 7);
}

TEST_CASE_METHOD(Fixture, "a corrupt file is put aside under its time, said once, and the next save makes a good one") {
  spit(path, "{\"version\":1, \"app\":");
  const auto loaded = load();
  CHECK(loaded.was_corrupt);
  CHECK(loaded.registry->gears.empty());
  CHECK(loaded.kept_as.find(path + ".corrupt-20") == 0);
  CHECK(loaded.kept_as.size() == path.size() + std::string(".corrupt-YYYYmmddTHHMMSSZ").size());
  CHECK(loaded.kept_as.back() == 'Z');
  CHECK(!loaded.reason.empty());
  CHECK(slurp(loaded.kept_as) == "{\"version\":1, \"app\":");
  CHECK(!test::exists(path));
  CHECK(!load().was_corrupt);
  save(registry(1));
  CHECK(load().registry->generation == 1);
}

TEST_CASE_METHOD(Fixture, "empty and oversized files are corrupt too") {
  for (const auto& content : {std::string(), std::string(16 * 1024 * 1024 + 1, ' ')}) {
    spit(path, content);
    CHECK(load().was_corrupt);
    clock.micros += 1'000'000;
  }
  CHECK(corrupt_files() == 2);
}

TEST_CASE_METHOD(Fixture, "the last four corrupt files are kept") {
  std::string last;
  for (int i = 0; i < 7; ++i) {
    spit(path, "bad " + std::to_string(i));
    last = load().kept_as;
    CHECK(corrupt_files() == std::min<std::size_t>(static_cast<std::size_t>(i) + 1, 4));
    clock.micros += 1'000'000;
  }
  CHECK(slurp(last) == "bad 6");
}

TEST_CASE_METHOD(Fixture, "putting a corrupt file aside keeps the lock") {
  const auto lock = store.lock(10s);
  REQUIRE(error_of(lock) == "");
  spit(path, "bad");
  const auto loaded = store.load();
  REQUIRE(loaded);
  CHECK(loaded->was_corrupt);
  Child other([&] { return system::FileLock::holder(paths.lock).value() == ::getppid() ? 0 : 1; });
  CHECK(other.exit_code() == 0);
  CHECK(error_of(store.save(registry(1))) == "");
}

TEST_CASE_METHOD(Fixture, "who only looks, without the lock, leaves a corrupt file where it is") {
  spit(path, "bad");
  for (int i = 0; i < 2; ++i) {  // the second time no better: nothing of it was remembered as good
    const auto loaded = store.load();
    REQUIRE(!loaded);
    CHECK(loaded.error().code == Errc::unavailable);
    CHECK(loaded.error().message.find("is corrupt") != std::string::npos);
  }
  CHECK(slurp(path) == "bad");
  CHECK(load().was_corrupt);
}

TEST_CASE_METHOD(Fixture, "what cannot be read is unavailable, not corrupt") {
  SECTION("a directory") { REQUIRE(::mkdir(path.c_str(), 0755) == 0); }
  SECTION("a FIFO") { REQUIRE(::mkfifo(path.c_str(), 0600) == 0); }
  SECTION("a loop of links") { REQUIRE(::symlink("gear-registry.json", path.c_str()) == 0); }
  const auto loaded = store.load();
  REQUIRE(!loaded);
  CHECK(loaded.error().code == Errc::unavailable);
  CHECK(corrupt_files() == 0);
}

TEST_CASE_METHOD(Fixture, "a file without permission is unavailable, not corrupt") {
  save(registry(7));
  REQUIRE(::chmod(path.c_str(), 0) == 0);
  REQUIRE(::chmod(dir.path().c_str(), 0755) == 0);
  Child nobody([&] {
    if (::getuid() == 0 && ::setuid(65534) != 0) return 2;
    RegistryStore own(paths, application, clock);
    const auto loaded = own.load();
    return !loaded && loaded.error().code == Errc::unavailable && loaded.error().sys_errno == EACCES ? 0 : 1;
  });
  CHECK(nobody.exit_code() == 0);
}

TEST_CASE_METHOD(Fixture, "a save that fails leaves the old registry, on disk and in memory") {
  save(registry(7));
  const auto lock = store.lock(10s);
  const rlimit small{64, RLIM_INFINITY};
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  const auto old = ::signal(SIGXFSZ, SIG_IGN);
  ::setrlimit(RLIMIT_FSIZE, &small);
  const auto saved = store.save(registry(8));
  ::setrlimit(RLIMIT_FSIZE, &before);
  ::signal(SIGXFSZ, old);
  REQUIRE(!saved);
  CHECK(saved.error().code == Errc::failed);
  CHECK(saved.error().message == "cannot write " + path + ": file too large");
  CHECK(store.load()->registry->generation == 7);
}

TEST_CASE_METHOD(Fixture, "the lock excludes other processes and ends with its holder object") {
  auto lock = store.lock(0ms);
  REQUIRE(error_of(lock) == "");
  const auto other_gets_it = [&] {
    Child other([&] {
      RegistryStore own(paths, application, clock);
      return own.lock(0ms) ? 0 : 4;
    });
    return other.exit_code();
  };
  CHECK(other_gets_it() == 4);
  CHECK(error_of(store.save(registry(1))) == "");
  CHECK(store.load());
  CHECK(other_gets_it() == 4);  // neither save nor load touched the lock file
  lock->reset();
  CHECK(other_gets_it() == 0);
  CHECK(error_of(store.lock(0ms)) == "");
}

TEST_CASE_METHOD(Fixture, "broken promises end the program: a save without the lock, a lock within a lock") {
  const test::CapturedStderr quiet;
  Child save_unlocked([&] { return store.save(registry(1)) ? 0 : 1; });
  CHECK(save_unlocked.end_signal() == SIGABRT);
  Child lock_twice([&] {
    const auto one = store.lock(0ms);
    return store.lock(0ms) ? 0 : 1;
  });
  CHECK(lock_twice.end_signal() == SIGABRT);
  CHECK(quiet.lines().size() == 2);
}
