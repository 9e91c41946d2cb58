// SPDX-License-Identifier: Apache-2.0
// Tests of the event log, alone and with several processes writing at once.
#include "gearscale/system/event_log.hpp"

#include <map>
#include <memory>
#include <regex>

#include "gearscale/system/files.hpp"
#include "helpers.hpp"
#include "support/catch.hpp"

using namespace gearscale;
using system::EventLog;
using test::Child;
using test::lines_of;
using test::slurp;
using test::TempDir;

namespace {

const std::regex kLine(R"(([DIWE]), \[\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6} #(\d+)\]  ?(DEBUG|INFO|WARN|ERROR) -- : (.*))");

system::EventLogOptions in(const std::string& directory) {
  return {.text_path = directory + "/scale_events.log", .json_path = directory + "/scale_events.jsonl"};
}

// All lines of NAME and NAME.something, how often each is there.
std::map<std::string, int> all_lines(const TempDir& dir, const std::string& name) {
  std::map<std::string, int> found;
  const auto names = system::list_directory(dir.path()).value();
  for (const auto& each : names) {
    if (each != name && each.find(name + ".") != 0) continue;
    if (each.find("lock") != std::string::npos) continue;
    for (const auto& line : lines_of(dir / each)) ++found[line];
  }
  return found;
}

}  // namespace

TEST_CASE("a line for people has the cartridge's prefix with our pid, and an object is a line of its own") {
  const TempDir dir;
  EventLog log(in(dir.path()));
  log.text(Severity::info, "Starting haproxy_ctld");
  log.text(Severity::error, "two\nlines");
  log.json(R"({"event":"check"})");
  const auto lines = lines_of(dir / "scale_events.log");
  REQUIRE(lines.size() == 2);
  std::smatch parts;
  REQUIRE(std::regex_match(lines[0], parts, kLine));
  CHECK(parts[1] == "I");
  CHECK(parts[2] == std::to_string(::getpid()));
  CHECK(parts[4] == "Starting haproxy_ctld");
  CHECK(lines[0].find("]  INFO -- : ") != std::string::npos);
  CHECK(lines[1].find("] ERROR -- : two\\nlines") != std::string::npos);
  CHECK(slurp(dir / "scale_events.jsonl") == "{\"event\":\"check\"}\n");
  CHECK(log.dropped() == 0);
}

TEST_CASE("the time in a line is local") {
  const TempDir dir;
  const auto hour_in = [&](const char* zone) {
    Child child([&] {
      ::setenv("TZ", zone, 1);
      EventLog log({.text_path = dir / zone, .json_path = dir / "json"});
      log.text(Severity::info, "x");
      return 0;
    });
    CHECK(child.exit_code() == 0);
    const auto line = slurp(dir / zone);
    return std::stoi(line.substr(line.find('T') + 1, 2)) * 60 + std::stoi(line.substr(line.find('T') + 4, 2));
  };
  const int apart = (hour_in("AAA-05:30") - hour_in("BBB+00") + 24 * 60) % (24 * 60);
  CHECK((apart >= 5 * 60 + 29 && apart <= 5 * 60 + 30));  // a minute may end in between
}

TEST_CASE("debug lines are written only on demand, which may change") {
  const TempDir dir;
  EventLog log(in(dir.path()));
  CHECK(!log.wants_debug());
  log.text(Severity::debug, "hidden");
  log.set_debug(true);
  CHECK(log.wants_debug());
  log.text(Severity::debug, "shown");
  const auto lines = lines_of(dir / "scale_events.log");
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].find("] DEBUG -- : shown") != std::string::npos);
}

TEST_CASE("the mirror gets the lines for people at once") {
  const TempDir dir;
  std::FILE* mirror = std::fopen((dir / "mirror").c_str(), "w");
  REQUIRE(mirror != nullptr);
  auto options = in(dir.path());
  options.mirror = mirror;
  EventLog log(options);
  log.text(Severity::warn, "seen");
  log.json("{}");
  CHECK(slurp(dir / "mirror") == slurp(dir / "scale_events.log"));
  std::fclose(mirror);
}

TEST_CASE("reopen goes on in the same files") {
  const TempDir dir;
  EventLog log(in(dir.path()));
  log.json("1");
  log.reopen();
  log.json("2");
  CHECK(slurp(dir / "scale_events.jsonl") == "1\n2\n");
}

TEST_CASE("the object file is rotated at its limit, the file for people never") {
  const TempDir dir;
  auto options = in(dir.path());
  options.json_limit = 100;
  EventLog log(options);
  for (int i = 10; i < 60; ++i) {
    log.json(std::string(17, 'x') + std::to_string(i));  // 20 bytes with the line end: five of them are 100
    log.text(Severity::info, std::string(200, 'x'));
  }
  CHECK(slurp(dir / "scale_events.jsonl").size() == 100);
  for (const auto* number : {".1", ".2", ".3", ".4"}) CHECK(slurp(dir / ("scale_events.jsonl" + std::string(number))).size() == 100);
  CHECK(!test::exists(dir / "scale_events.jsonl.5"));
  CHECK(lines_of(dir / "scale_events.jsonl").back() == std::string(17, 'x') + "59");
  CHECK(lines_of(dir / "scale_events.log").size() == 50);
}

TEST_CASE("a log that cannot be opened is said once for each file, and once when it is back") {
  const TempDir dir;
  const test::CapturedStderr told;
  EventLog log(in(dir / "missing"));
  for (int i = 0; i < 5; ++i) log.text(Severity::info, "lost");
  for (int i = 0; i < 3; ++i) log.json("{}");
  CHECK(log.dropped() == 8);
  REQUIRE(told.lines().size() == 2);
  CHECK(told.lines()[0] == "gearscale: cannot open " + (dir / "missing/scale_events.log") +
                               ": no such file or directory; events are dropped until it can be written again");
  REQUIRE(::mkdir((dir / "missing").c_str(), 0755) == 0);
  log.text(Severity::info, "back");
  log.text(Severity::info, "again");
  log.json("{}");
  REQUIRE(told.lines().size() == 4);
  CHECK(told.lines()[2] == "gearscale: " + (dir / "missing/scale_events.log") + " can be written again; events dropped: 5");
  CHECK(told.lines()[3] == "gearscale: " + (dir / "missing/scale_events.jsonl") + " can be written again; events dropped: 3");
  CHECK(lines_of(dir / "missing/scale_events.log").size() == 2);
}

TEST_CASE("on a full disk lines are dropped, and none is torn") {
  const test::TinyDisk disk("size=64k");
  if (!disk.why_not().empty()) {
    WARN(disk.why_not());
    return;
  }
  const test::CapturedStderr told;
  disk.fill(1);  // one page: 40 lines of 100 bytes, and 96 bytes of the 41st
  EventLog log(in(disk / "."));
  const auto line = [](int number) { return std::string(97, 'j') + std::to_string(10 + number); };
  for (int i = 0; i < 50; ++i) log.json(line(i));
  CHECK(log.dropped() == 10);
  REQUIRE(told.lines().size() == 1);
  CHECK(told.lines()[0].find("no space left on device; events are dropped") != std::string::npos);
  disk.free();
  log.json(line(50));
  CHECK(told.lines().size() == 2);
  const auto lines = lines_of(disk / "scale_events.jsonl");
  REQUIRE(lines.size() == 41);
  for (int i = 0; i < 40; ++i) CHECK(lines[static_cast<std::size_t>(i)] == line(i));
  CHECK(lines[40] == line(50));
}

TEST_CASE("eight processes write 1,000 lines each while both files are rotated: none is torn, lost or doubled") {
  const TempDir dir;
  auto options = in(dir.path());
  options.json_limit = 300'000;  // 8,000 objects of about 110 bytes: rotated about three times, so that four kept files hold them all
  const auto object = [](int writer, int number) {
    return "{\"writer\":" + std::to_string(writer) + ",\"number\":" + std::to_string(number) + ",\"pad\":\"" +
           std::string(static_cast<std::size_t>(60 + number % 41), 'p') + "\"}";
  };
  test::Gate go;
  std::vector<std::unique_ptr<Child>> writers;
  for (int writer = 0; writer < 8; ++writer) {
    writers.push_back(std::make_unique<Child>([&, writer] {
      go.wait();
      EventLog log(options);
      for (int number = 0; number < 1000; ++number) {
        log.text(Severity::info, "writer " + std::to_string(writer) + " number " + std::to_string(number));
        log.json(object(writer, number));
        // An outsider's rotation, by whoever comes this far.
        if (number % 250 == 249) {
          const auto to = dir / ("scale_events.log." + std::to_string(writer) + "-" + std::to_string(number));
          std::rename(options.text_path.c_str(), to.c_str());
        }
      }
      return log.dropped() == 0 ? 0 : 1;
    }));
  }
  for (std::size_t i = 0; i < writers.size(); ++i) go.open();
  for (auto& writer : writers) CHECK(writer->exit_code() == 0);

  const auto objects = all_lines(dir, "scale_events.jsonl");
  CHECK(objects.size() == 8000);
  std::map<std::string, int> texts;
  for (const auto& [line, times] : all_lines(dir, "scale_events.log")) {
    std::smatch parts;
    REQUIRE(std::regex_match(line, parts, kLine));
    texts[parts[4]] += times;
  }
  CHECK(texts.size() == 8000);
  int wrong = 0;
  for (int writer = 0; writer < 8; ++writer) {
    for (int number = 0; number < 1000; ++number) {
      const auto found = objects.find(object(writer, number));
      if (found == objects.end() || found->second != 1) ++wrong;
      if (texts["writer " + std::to_string(writer) + " number " + std::to_string(number)] != 1) ++wrong;
    }
  }
  CHECK(wrong == 0);
  CHECK(test::exists(options.json_path + ".2"));
  CHECK(!test::exists(options.json_path + ".5"));
}
