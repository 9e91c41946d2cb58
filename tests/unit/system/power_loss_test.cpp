// SPDX-License-Identifier: Apache-2.0
// Every file that is written, on a disk that fails at every step of the writing: the old or the new content, whole, and an error that says what and
// why. Runs with support/broken_disk.cpp preloaded, and says so when it does not.
#include <fcntl.h>
#include <sys/stat.h>

#include <nlohmann/json.hpp>

#include "gearscale/codec/haproxy_block.hpp"
#include "gearscale/haproxy/config_file.hpp"
#include "gearscale/system/clock.hpp"
#include "gearscale/system/event_log.hpp"
#include "gearscale/system/files.hpp"
#include "gearscale/system/pid_file.hpp"
#include "gearscale/system/registry_store.hpp"
#include "helpers.hpp"
#include "support/catch.hpp"

using namespace gearscale;
using test::error_of;
using test::slurp;
using test::spit;

namespace {

struct Fault {
  const char* call;
  const char* kind;
  int number;  // the errno that is reported; 0: none is
};

// Of a file that is replaced by a temp file beside it.
const std::vector<Fault> kFaults{{"create", "ENOSPC", ENOSPC}, {"create", "EROFS", EROFS}, {"write", "ENOSPC", ENOSPC},  {"write", "EIO", EIO},
                                 {"write", "short", ENOSPC},   {"fsync", "EIO", EIO},      {"fsync", "EDQUOT", EDQUOT}, {"rename", "EIO", EIO},
                                 {"rename", "ENOSPC", ENOSPC}, {"rename", "lost", 0}};

// Breaks the disk for as long as it lives.
class BrokenDisk {
 public:
  BrokenDisk(const test::TempDir& dir, const Fault& fault, const std::string& pattern) : path_(dir / "fault") {
    spit(path_ + ".new", std::string(fault.call) + " " + fault.kind + " *:" + dir.path() + pattern + "\n");
    ::setenv("GEARSCALE_DISK_FAULT", path_.c_str(), 1);
    REQUIRE(::link((path_ + ".new").c_str(), path_.c_str()) == 0);
    ::unlink((path_ + ".new").c_str());
  }
  BrokenDisk(const BrokenDisk&) = delete;
  BrokenDisk& operator=(const BrokenDisk&) = delete;
  ~BrokenDisk() {
    ::unlink(path_.c_str());
    ::unsetenv("GEARSCALE_DISK_FAULT");
  }

 private:
  std::string path_;
};

void require_preloaded() {
  const char* libraries = std::getenv("LD_PRELOAD");
  REQUIRE(libraries != nullptr);
  REQUIRE(std::string(libraries).find("gearscale_broken_disk") != std::string::npos);
}

std::size_t temp_files(const std::string& directory) {
  const auto names = system::list_directory(directory).value();
  return static_cast<std::size_t>(std::count_if(names.begin(), names.end(), system::is_temp_name));
}

// As if the machine came up a while later: nobody is left who could still be at work on a temp file.
void pass_a_minute(const std::string& directory) {
  const timespec times[2] = {{1, 0}, {1, 0}};
  const auto names = system::list_directory(directory).value();
  for (const auto& name : names) {
    if (system::is_temp_name(name)) ::utimensat(AT_FDCWD, (directory + "/" + name).c_str(), times, 0);
  }
}

// What one kind of file is: how it gets its first and its second content, and where it is.
struct Writer {
  std::string path;
  std::function<Result<void>(int content)> write;
};

void check_faults(const test::TempDir& dir, const Writer& writer) {
  for (const auto& fault : kFaults) {
    INFO(fault.call << " " << fault.kind);
    REQUIRE(error_of(writer.write(1)) == "");
    const auto old = slurp(writer.path);
    Result<void> written;
    {
      const BrokenDisk broken(dir, fault, std::string(fault.call) == "rename" ? writer.path.substr(dir.path().size()) : "/.gearscale-*");
      written = writer.write(2);
    }
    CHECK(slurp(writer.path) == old);
    if (fault.number != 0) {
      REQUIRE(!written);
      CHECK(written.error().sys_errno == fault.number);
      CHECK(written.error().message.find("cannot write " + writer.path + ": ") == 0);
      CHECK(temp_files(dir.path()) == 0);
    } else {
      // It was said to be done. What is there after the power cut is the old file, and the new one beside it under another name.
      CHECK(temp_files(dir.path()) == 1);
      pass_a_minute(dir.path());
      CHECK(system::remove_stale_temps(dir.path()).value() == 1);
    }
    REQUIRE(error_of(writer.write(2)) == "");  // the disk is well again
    CHECK(slurp(writer.path) != old);
    CHECK(temp_files(dir.path()) == 0);
  }
}

}  // namespace

TEST_CASE("the registry is the old one or the new one, whole, whatever the disk does") {
  require_preloaded();
  const test::TempDir dir;
  system::SystemClock clock;
  const system::RegistryPaths paths{.registry = dir / "gear-registry.json", .lock = dir / "gearscale.lock"};
  const core::Application application{.app = "shop", .ns = "prod"};
  const auto write = [&](int content) -> Result<void> {
    system::RegistryStore store(paths, application, clock);
    const auto lock = store.lock(core::Millis{10'000});
    REQUIRE(lock);
    core::Registry registry;
    registry.generation = static_cast<std::uint64_t>(content);
    for (int i = 0; i < content * 20; ++i) {
      registry.gears.push_back({.id = "1f3a9c" + std::to_string(10 + i), .address = 0x0a570010 + static_cast<std::uint32_t>(i),
                                .state = core::GearState::serving});
    }
    auto saved = store.save(registry);
    // Whoever reads it next finds a whole registry.
    system::RegistryStore reader(paths, application, clock);
    const auto loaded = reader.load();
    REQUIRE(error_of(loaded) == "");
    CHECK(!loaded->was_corrupt);
    return saved;
  };
  check_faults(dir, {paths.registry, write});
}

TEST_CASE("haproxy.cfg is the old one or the new one, whole, whatever the disk does") {
  require_preloaded();
  const test::TempDir dir;
  haproxy::Options options;
  options.application = {.app = "shop", .ns = ""};
  options.config_file = dir / "haproxy.cfg";
  options.binary = "/bin/true";  // what HAProxy thinks of it is no matter here
  spit(options.config_file, "backend express\n    " + codec::begin_marker("express") + "\n    " + codec::end_marker("express") + "\n");
  const auto write = [&](int content) {
    haproxy::ConfigFile file(options);
    std::vector<ServerSpec> servers;
    for (int i = 0; i < content; ++i) servers.push_back({"1f3a9c0" + std::to_string(i), 0x0a570010 + static_cast<std::uint32_t>(i)});
    return file.write_block(servers);
  };
  check_faults(dir, {options.config_file, write});
}

TEST_CASE("a directory that cannot be synced leaves the new file, and the error says what it may be after a power cut") {
  require_preloaded();
  const test::TempDir dir;
  std::filesystem::create_directory(dir / "conf");
  spit(dir / "conf/f", "old");
  Result<void> written;
  {
    const BrokenDisk broken(dir, {"fsync", "EIO", EIO}, "/conf");
    written = system::replace_file(dir / "conf/f", "new");
  }
  CHECK(error_of(written) == (dir / "conf/f") + " is written, but may be the old one after a power cut: cannot sync " + (dir / "conf") +
                                 ": input/output error");
  CHECK(slurp(dir / "conf/f") == "new");
  CHECK(test::files_in(dir / "conf") == 1);
}

TEST_CASE("event logs lose lines on a disk that fails, and nothing else") {
  require_preloaded();
  for (const auto& fault : {Fault{"write", "ENOSPC", ENOSPC}, Fault{"write", "EIO", EIO}, Fault{"write", "short", ENOSPC}}) {
    INFO(fault.kind);
    const test::TempDir dir;
    system::EventLog log({.text_path = dir / "events.log", .json_path = dir / "events.jsonl"});
    const auto both = [&](const std::string& what) {
      log.text(Severity::info, what);
      log.json("{\"event\":\"" + what + "\"}");
    };
    both("first");
    {
      const BrokenDisk broken(dir, fault, "/events*");
      both("lost");
      both("lost, too");
    }
    both("last");
    std::vector<std::string> whole;
    for (const auto& line : test::lines_of(dir / "events.jsonl")) {
      const auto object = nlohmann::json::parse(line, nullptr, false);
      if (!object.is_discarded()) whole.push_back(object["event"]);
    }
    CHECK(whole == std::vector<std::string>{"first", "last"});
    const auto lines = test::lines_of(dir / "events.log");
    REQUIRE(lines.size() >= 2);
    CHECK(lines.front().find(" : first") != std::string::npos);
    CHECK(lines.back().find("I, [") == 0);  // on a line of its own
    CHECK(lines.back().find(" : last") != std::string::npos);
  }
}

TEST_CASE("a pid file that cannot be written is not there, and the next start takes it") {
  require_preloaded();
  for (const auto& fault : {Fault{"write", "ENOSPC", ENOSPC}, Fault{"write", "EIO", EIO}, Fault{"write", "short", ENOSPC}}) {
    INFO(fault.kind);
    const test::TempDir dir;
    const auto path = dir / "haproxy_ctld.pid";
    {
      const BrokenDisk broken(dir, fault, "/haproxy_ctld.pid");
      const auto refused = system::PidFile::acquire(path);
      REQUIRE(!refused);
      CHECK(refused.error().sys_errno == fault.number);
      CHECK(refused.error().message.find("cannot write " + path + ": ") == 0);
    }
    CHECK(!test::exists(path));
    const auto taken = system::PidFile::acquire(path);
    REQUIRE(taken);
    CHECK(slurp(path) == std::to_string(::getpid()) + "\n");
  }
}
