// SPDX-License-Identifier: Apache-2.0
// A log file as syslog daemons and log rotation treat it: what is counted, what is not, and when the signal is lost.
#include "gearscale/haproxy/log_file.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "log_text.hpp"
#include "support/catch.hpp"
#include "unit/system/helpers.hpp"

using namespace gearscale;
using haproxy::LogFile;
using test::error_of;
using test::log_line;
using test::TempDir;

namespace {

// A log in a directory of its own, and what was counted of it.
struct Log {
  TempDir dir;
  std::string path = dir / "haproxy.log";
  LogFile file{path, "express"};
  core::ResponseWindow window{core::Millis(600'000)};

  static void append(const std::string& to, const std::string& text) { std::ofstream(to, std::ios::binary | std::ios::app) << text; }
  void append(const std::string& text) const { append(path, text); }
  std::string look() { return error_of(file.look_after(0, core::Time{})); }
  std::uint64_t count() {
    error = error_of(file.read(window, core::Time{}));
    return window.summary(core::Time{}).count;
  }
  std::string error;
};

}  // namespace

TEST_CASE("what stands in the file at the first look is not read, what comes then is, whole lines only") {
  Log log;
  const bool within_a_line = GENERATE(false, true);
  const auto line = log_line(7);
  log.append(log_line(1) + log_line(2) + (within_a_line ? line.substr(0, 20) : ""));
  CHECK(log.look() == "");
  CHECK(log.count() == 0);
  if (within_a_line) log.append(line.substr(20));  // its beginning was not seen
  CHECK(log.count() == 0);
  log.append(line);
  CHECK(log.count() == 1);
  for (const char byte : line + line) {
    log.append(std::string(1, byte));
    log.count();
  }
  CHECK(log.count() == 3);
  CHECK(log.error == "");
  CHECK(log.window.summary(core::Time{}).p99 == 7);
}

TEST_CASE("gigabytes that are there already are not read") {
  Log log;
  log.append(log_line(1));
  REQUIRE(::truncate(log.path.c_str(), off_t{20} << 30) == 0);
  CHECK(log.look() == "");
  CHECK(log.count() == 0);
  log.append("\n" + log_line(5));
  CHECK(log.count() == 1);
}

TEST_CASE("lines of other backends are passed over, and those of a backend whose name only begins or ends like ours") {
  Log log;
  log.append("");
  REQUIRE(log.look() == "");
  log.append(log_line(1, "expres") + log_line(1, "express2") + log_line(1, "xexpress") + "garbage\n\n" + log_line(9));
  CHECK(log.count() == 1);
  CHECK(log.window.summary(core::Time{}).p50 == 9);
}

TEST_CASE("rotation by rename: the old file is read until the new one has something, in the middle of a line too") {
  Log log;
  log.append("");
  REQUIRE(log.look() == "");
  const auto line = log_line(3);
  log.append(log_line(1) + line.substr(0, 40));
  CHECK(log.count() == 1);
  const auto old = log.path + ".1";
  std::filesystem::rename(log.path, old);
  Log::append(old, line.substr(40));  // the writer does not know yet
  CHECK(log.count() == 2);
  CHECK(log.error == "");
  log.append("");  // logrotate made the new one; the writer still does not know
  CHECK(log.look() == "");
  Log::append(old, log_line(4));
  CHECK(log.count() == 3);
  Log::append(old, log_line(5) + line.substr(0, 50));  // the last it writes there has no end
  log.append(log_line(6) + log_line(7));
  CHECK(log.count() == 6);
  CHECK(log.look() == "");
  log.append(log_line(8));
  CHECK(log.count() == 7);
  CHECK(log.error == "");
}

TEST_CASE("rotation by copy and truncation: it begins anew, and a line that was begun before goes on") {
  Log log;
  log.append("");
  REQUIRE(log.look() == "");
  const auto line = log_line(3);
  log.append(log_line(1) + log_line(2) + line.substr(0, 30));
  CHECK(log.count() == 2);
  REQUIRE(::truncate(log.path.c_str(), 0) == 0);
  log.append(line.substr(30) + log_line(4));
  CHECK(log.count() == 4);
  REQUIRE(::truncate(log.path.c_str(), 0) == 0);
  CHECK(log.count() == 4);
  log.append(log_line(5));
  CHECK(log.count() == 5);
  CHECK(log.error == "");
}

TEST_CASE("a file that does not exist yet is an error until it is there, and is then read from its beginning") {
  Log log;
  CHECK(log.count() == 0);
  CHECK(log.error == "the log was not opened yet");
  const auto missing = log.file.look_after(0, core::Time{});
  REQUIRE(!missing);
  CHECK(missing.error().code == Errc::unavailable);
  CHECK(missing.error().sys_errno == ENOENT);
  CHECK(missing.error().message ==
        "cannot read response_log " + log.path + " (does the syslog daemon write HAProxy's log there?): no such file or directory");
  log.append(log_line(1));
  CHECK(log.count() == 0);
  CHECK(log.error == missing.error().message);  // until the next look
  CHECK(log.look() == "");
  CHECK(log.count() == 1);
  CHECK(log.error == "");
}

TEST_CASE("a directory that vanishes loses the signal, and brings it back with itself, but not what stood in it") {
  Log log;
  log.append("");
  REQUIRE(log.look() == "");
  const auto away = log.dir.path() + "-away";
  std::filesystem::rename(log.dir.path(), away);
  CHECK(log.look().find("no such file or directory") != std::string::npos);
  Log::append(away + "/haproxy.log", log_line(1));
  CHECK(log.count() == 1);  // what can be read is read
  CHECK(log.error.find("cannot read response_log") == 0);
  std::filesystem::rename(away, log.dir.path());
  CHECK(log.look() == "");
  log.append(log_line(1));
  CHECK(log.count() == 2);
  CHECK(log.error == "");
}

TEST_CASE("a large file that appears was there before: only what comes is read") {
  Log log;
  CHECK(log.look() != "");
  log.append(log_line(1));
  REQUIRE(::truncate(log.path.c_str(), (off_t{64} << 20) + 1) == 0);
  CHECK(log.look() == "");
  log.append("\n" + log_line(2));
  CHECK(log.count() == 1);
}

TEST_CASE("what is no file, and what may not be read, is for a person to mend") {
  Log log;
  REQUIRE(::mkdir(log.path.c_str(), 0700) == 0);
  const auto directory = log.file.look_after(0, core::Time{});
  REQUIRE(!directory);
  CHECK(directory.error().code == Errc::config);
  CHECK(directory.error().message.find("is not a regular file") != std::string::npos);
  REQUIRE(::rmdir(log.path.c_str()) == 0);
  REQUIRE(::symlink(log.path.c_str(), log.path.c_str()) == 0);
  const auto loop = log.file.look_after(0, core::Time{});
  REQUIRE(!loop);
  CHECK(loop.error().code == Errc::config);
}

TEST_CASE("a successor that cannot be read loses the signal until it can") {
  Log log;
  log.append("");
  REQUIRE(log.look() == "");
  std::filesystem::rename(log.path, log.path + ".1");
  REQUIRE(::mkdir(log.path.c_str(), 0700) == 0);
  log.count();
  CHECK(log.error.find("is not a regular file") != std::string::npos);
  REQUIRE(::rmdir(log.path.c_str()) == 0);
  log.append(log_line(1));
  CHECK(log.look() == "");
  CHECK(log.count() == 1);
  CHECK(log.error == "");
}

TEST_CASE("a line of 128 KiB or more is dropped, and reading goes on behind it") {
  Log log;
  log.append("");
  REQUIRE(log.look() == "");
  const std::string limit(128 * 1024, 'x');
  const auto line = log_line(1);
  const auto in_front = [&](std::size_t length) { return limit.substr(0, length - (line.size() - 1)) + line; };
  log.append(in_front(limit.size() - 1));
  CHECK(log.count() == 1);
  log.append(in_front(limit.size()));
  CHECK(log.count() == 1);
  log.append(log_line(2) + limit + limit + limit);
  CHECK(log.count() == 2);
  log.append(limit + line);
  CHECK(log.count() == 2);
  log.append(line);
  CHECK(log.count() == 3);
}

TEST_CASE("one call reads a bounded share of what is there, the next ones the rest") {
  Log log;
  log.append("");
  REQUIRE(log.look() == "");
  const auto line = log_line(1);
  std::string many;
  while (many.size() < 1024 * 1024) many += line;
  for (int i = 0; i < 20; ++i) log.append(many);
  const auto all = 20 * many.size() / line.size();
  const auto first = log.count();
  CHECK(first >= 16U * 1024 * 1024 / line.size());
  CHECK(first < all);
  CHECK(log.count() == all);
}
