// SPDX-License-Identifier: Apache-2.0
#include "gearscale/gears/hooks.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "gearscale/base/fd.hpp"
#include "gearscale/base/text.hpp"
#include "support/catch.hpp"
#include "temp_directory.hpp"

namespace gearscale::gears {

namespace {

constexpr core::Millis kPlenty{60'000};

struct Hooks {
  test::TempDirectory directory;
  Options options;
  GearSpec gear{.id = "1f3a9c02", .address = *parse_ipv4("10.87.0.7")};
  std::vector<std::string> log;

  Hooks() {
    options.application = {.app = "shop", .ns = "prod"};
    options.hooks_dir = directory.path();
    options.template_name = "web-v2";
  }
  std::string write(const std::string& script, mode_t mode = 0755) const {
    const auto path = directory.write("pre_start_gear", "#!/bin/sh\n" + script);
    REQUIRE(::chmod(path.c_str(), mode) == 0);
    return path;
  }
  Result<void> run(core::Millis patience = kPlenty) { return run_hook(options, gear, {"pre_start_gear", "starting"}, patience, log); }
  Error error(core::Millis patience = kPlenty) {
    const auto result = run(patience);
    REQUIRE_FALSE(result);
    return result.error();
  }
};

}  // namespace

TEST_CASE("without a hook, or a directory of hooks, there is nothing to do") {
  Hooks hooks;
  CHECK(hooks.run());
  CHECK_FALSE(has_hook(hooks.options, "pre_start_gear"));
  hooks.options.hooks_dir += "/none";
  CHECK(hooks.run());
  hooks.options.hooks_dir.clear();
  CHECK(hooks.run());
  CHECK_FALSE(has_hook(hooks.options, "pre_start_gear"));
  CHECK(hooks.log.empty());
}

TEST_CASE("a hook knows whose it is, from its environment alone") {
  Hooks hooks;
  hooks.write("env; exec cat; ");
  CHECK(has_hook(hooks.options, "pre_start_gear"));
  REQUIRE(hooks.run());
  auto lines = hooks.log;
  std::erase_if(lines, [](const std::string& line) { return line.find(": PWD=") != std::string::npos; });  // the shell's own
  std::sort(lines.begin(), lines.end());
  const std::string who = "pre_start_gear: ";
  CHECK(lines == std::vector<std::string>{who + "GEAR_ADDRESS=10.87.0.7", who + "GEAR_APP=shop", who + "GEAR_CONTAINER=shop-1f3a9c02-prod",
                                          who + "GEAR_ID=1f3a9c02", who + "GEAR_NAME=1f3a9c02-prod", who + "GEAR_NAMESPACE=prod",
                                          who + "GEAR_PORT=8080", who + "GEAR_SERVER=gear-1f3a9c02-prod", who + "GEAR_STATE=starting",
                                          who + "GEAR_TEMPLATE=web-v2", who + "LC_ALL=C", who + "PATH=/usr/sbin:/usr/bin:/sbin:/bin"});
}

TEST_CASE("what a hook prints comes line by line, made harmless and bounded") {
  Hooks hooks;
  hooks.write("printf 'one\\n\\n  two\\033[31m\\r\\n'; echo three >&2; printf last");
  REQUIRE(hooks.run());
  CHECK(hooks.log ==
        std::vector<std::string>{"pre_start_gear: one", "pre_start_gear: two\\x1b[31m", "pre_start_gear: three", "pre_start_gear: last"});
  hooks.log.clear();
  hooks.write("i=0; while [ $i -lt 203 ]; do echo $i; i=$((i + 1)); done");
  REQUIRE(hooks.run());
  REQUIRE(hooks.log.size() == 201);
  CHECK(hooks.log[199] == "pre_start_gear: 199");
  CHECK(hooks.log[200] == "pre_start_gear: (3 more lines)");
}

TEST_CASE("a hook that fails says so, with its last line") {
  Hooks hooks;
  hooks.write("echo begun; echo no database >&2; exit 7");
  const auto failed = hooks.error();
  CHECK(failed.code == Errc::failed);
  CHECK(failed.message == "pre_start_gear of gear 1f3a9c02 failed with exit code 7; it said last: no database");
  CHECK(hooks.log.size() == 2);
  hooks.write("kill -TERM $$");
  CHECK(hooks.error().message == "pre_start_gear of gear 1f3a9c02 was ended by signal 15");
  REQUIRE(::truncate(hooks.write("").c_str(), 0) == 0);
  hooks.directory.write("pre_start_gear", "#!/none\n");
  CHECK(hooks.error().message.find("pre_start_gear of gear 1f3a9c02 failed with exit code 12") == 0);
}

TEST_CASE("a hook that hangs is killed with all that it has started, at the nearer of both deadlines") {
  Hooks hooks;
  hooks.write("echo waiting; sleep 1000 & wait");
  const auto before = std::chrono::steady_clock::now();
  CHECK(hooks.error(core::Millis(1'500)).message ==
        "pre_start_gear of gear 1f3a9c02 was killed because it took longer than 1500 ms; it said last: waiting");
  hooks.options.hook_timeout = core::Millis(1'600);
  CHECK(hooks.error().message.find("it took longer than 1600 ms") != std::string::npos);
  CHECK(std::chrono::steady_clock::now() - before < std::chrono::seconds(30));
  CHECK(::waitpid(-1, nullptr, WNOHANG) == -1);
}

TEST_CASE("only a program that nobody else can change is run") {
  Hooks hooks;
  const auto path = hooks.write("echo ran");
  const auto refused = [&](const std::string& why) {
    INFO(why);
    const auto error = hooks.error();
    CHECK(error.code == Errc::config);
    CHECK(error.message == "hook " + path + " " + why);
    CHECK(hooks.log.empty());
  };
  SECTION("not executable") {
    REQUIRE(::chmod(path.c_str(), 0644) == 0);
    refused("is not executable. Run: chmod +x " + path);
  }
  SECTION("its group may write it") {
    REQUIRE(::chmod(path.c_str(), 0775) == 0);
    refused("may be written by others than its owner. Run: chmod go-w " + path);
  }
  SECTION("everybody may write it") {
    REQUIRE(::chmod(path.c_str(), 0757) == 0);
    refused("may be written by others than its owner. Run: chmod go-w " + path);
  }
  SECTION("a directory") {
    std::filesystem::remove(path);
    std::filesystem::create_directory(path);
    refused("is not a regular file");
  }
  SECTION("somebody else's") {
    if (::geteuid() != 0) return;
    REQUIRE(::chown(path.c_str(), 65'534, 65'534) == 0);
    refused("belongs to user 65534: it must be owned by root. Run: chown root " + path);
  }
}

TEST_CASE("a hook is not run where somebody else could exchange it") {
  Hooks hooks;
  hooks.options.hooks_dir = hooks.directory / "repo/hooks";
  const auto path = hooks.directory.write("repo/hooks/pre_start_gear", "#!/bin/sh\necho ran\n");
  REQUIRE(::chmod(path.c_str(), 0755) == 0);
  for (const auto& directory : {hooks.directory / "repo", hooks.options.hooks_dir}) {
    INFO(directory);
    REQUIRE(::chmod(directory.c_str(), 0757) == 0);
    CHECK(hooks.error().code == Errc::config);
    CHECK(hooks.error().message == "hook " + path + ": " + directory + ": everybody may write it and so change what is done here. Run: chmod o-w " + directory);
    REQUIRE(::chmod(directory.c_str(), 0755) == 0);
    if (::geteuid() != 0) continue;
    REQUIRE(::chown(directory.c_str(), 65'534, 0) == 0);
    CHECK(hooks.error().message.find("hook " + path + ": " + directory + ": a directory of user 65534, ") == 0);
    REQUIRE(::chown(directory.c_str(), 0, 0) == 0);
  }
  CHECK(hooks.log.empty());
  CHECK(hooks.run());
}

TEST_CASE("a hook has no descriptor of ours above 2, not even one that is left open on exec") {
  Hooks hooks;
  hooks.write("exec ls /proc/self/fd");
  const Fd one(::open("/dev/zero", O_RDONLY));
  const Fd another(::open("/dev/zero", O_RDONLY));
  REQUIRE(hooks.run());
  // 3 is the directory that ls reads.
  CHECK(hooks.log == std::vector<std::string>{"pre_start_gear: 0", "pre_start_gear: 1", "pre_start_gear: 2", "pre_start_gear: 3"});
}

TEST_CASE("a hook ends with the process that runs it") {
  Hooks hooks;
  const auto pid_file = hooks.directory / "pid";
  hooks.write("echo $$ > " + pid_file + ".new; mv " + pid_file + ".new " + pid_file + "; while :; do sleep 0.05; done");
  const pid_t job = ::fork();
  if (job == 0) {
    static_cast<void>(hooks.run());
    ::_exit(0);
  }
  REQUIRE(job > 0);
  for (int tries = 0; tries < 1'000 && !std::filesystem::exists(pid_file); ++tries) ::usleep(10'000);
  int hook = 0;
  std::ifstream(pid_file) >> hook;
  REQUIRE(hook > 0);
  CHECK(::kill(hook, 0) == 0);
  ::kill(job, SIGKILL);
  ::waitpid(job, nullptr, 0);
  const auto state = [&] {
    std::string text;
    std::ifstream stat("/proc/" + std::to_string(hook) + "/stat");
    std::getline(stat, text);
    return text;
  };
  for (int tries = 0; tries < 1'000 && !state().empty() && state().find(") Z ") == std::string::npos; ++tries) ::usleep(10'000);
  CHECK((state().empty() || state().find(") Z ") != std::string::npos));
}

}  // namespace gearscale::gears
