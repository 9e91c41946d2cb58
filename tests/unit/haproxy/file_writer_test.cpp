// SPDX-License-Identifier: Apache-2.0
// Tests of the writing off the tick, with stand-ins for `haproxy -c` that wait, refuse, hang and die. tests/integration has the real one.
#include "gearscale/haproxy/file_writer.hpp"

#include <poll.h>
#include <sys/resource.h>

#include "file_place.hpp"
#include "support/catch.hpp"

using namespace gearscale;
using haproxy::FileWriter;
using test::await;
using test::error_of;
using test::gear;
using test::kEnd;
using test::kFrame;
using test::kLong;
using test::line;
using test::Place;
using test::slurp;
using test::spit;

namespace {

bool readable(const FileWriter& writer, core::Millis patience = core::Millis{0}) {
  pollfd ready{writer.fd(), POLLIN, 0};
  return ::poll(&ready, 1, static_cast<int>(patience.count())) > 0;
}

// The next result, awaited at the descriptor alone.
Result<void> next(FileWriter& writer) {
  while (readable(writer, kLong)) {
    if (auto done = writer.written()) return *done;
  }
  return fail(Errc::failed, "nothing was written");
}

}  // namespace

TEST_CASE("haproxy -c sees a clean environment and no descriptor of ours, from the tools and from the writing process") {
  const Place place;
  place.program("env | grep -vE '^(PWD|_|SHLVL|OLDPWD)=' | sort | tr '\\n' ' ' >> " + (place.dir / "seen") + "\nexec ls /proc/self/fd >> " +
                (place.dir / "seen"));
  ::setenv("HAPROXY_TEST_SECRET", "x", 1);
  const Fd one(::open("/dev/zero", O_RDONLY));  // not even close-on-exec
  const Fd another(::open("/dev/zero", O_RDONLY));
  const auto wanted = std::string("LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin 0\n1\n2\n3\n");  // 3 is the directory that ls reads
  CHECK(error_of(haproxy::ConfigFile(place.options()).check()) == "");
  CHECK(slurp(place.dir / "seen") == wanted);
  FileWriter writer(place.options());
  REQUIRE(error_of(writer.begin({gear(1)})) == "");
  CHECK(error_of(next(writer)) == "");
  ::unsetenv("HAPROXY_TEST_SECRET");
  CHECK(slurp(place.dir / "seen") == wanted + wanted);
}

TEST_CASE("a wish is written by a process of its own, and the descriptor is readable exactly when that has ended") {
  const Place place;
  place.wait_for_gate();
  FileWriter writer(place.options());
  const int fd = writer.fd();
  CHECK_FALSE(readable(writer));
  CHECK_FALSE(writer.busy());
  CHECK_FALSE(writer.written());
  REQUIRE(error_of(writer.begin({gear(1)})) == "");
  CHECK(writer.busy());
  REQUIRE(await([&] { return place.runs().size() == 1; }));
  CHECK_FALSE(readable(writer));
  CHECK_FALSE(writer.written());
  CHECK(place.text() == kFrame + kEnd);
  place.open_gate();
  REQUIRE(readable(writer, kLong));
  CHECK(writer.busy());
  const auto done = writer.written();
  REQUIRE(done);
  CHECK(error_of(*done) == "");
  CHECK_FALSE(readable(writer));
  CHECK_FALSE(writer.busy());
  CHECK_FALSE(writer.written());
  CHECK(writer.fd() == fd);
  CHECK(place.text() == kFrame + line(1) + kEnd);
  CHECK(place.runs().at(0).ends_with(" gearscale-file"));
  CHECK(::waitpid(-1, nullptr, WNOHANG) == -1);  // no child is left
}

TEST_CASE("while one wish is written the newest one waits, and those between are forgotten, however many") {
  const Place place;
  place.wait_for_gate();
  FileWriter writer(place.options());
  const auto descriptors = test::open_descriptors();
  REQUIRE(error_of(writer.begin({gear(1)})) == "");
  const auto running = test::open_descriptors();
  for (int wish = 0; wish < 1'000; ++wish) REQUIRE(error_of(writer.begin({gear(2), gear(wish % 9)})) == "");
  REQUIRE(error_of(writer.begin({gear(3)})) == "");
  CHECK(test::open_descriptors() == running);
  place.open_gate();
  CHECK(error_of(next(writer)) == "");
  CHECK(place.text() == kFrame + line(1) + kEnd);
  CHECK(writer.busy());
  place.open_gate();
  CHECK(error_of(next(writer)) == "");
  CHECK(place.text() == kFrame + line(3) + kEnd);
  CHECK_FALSE(writer.busy());
  CHECK(place.runs().size() == 2);
  CHECK(test::open_descriptors() == descriptors);
}

TEST_CASE("what was written last and stands there untouched takes no process, and is reported all the same") {
  const Place place;
  FileWriter writer(place.options());
  CHECK_FALSE(writer.is_made({}));
  REQUIRE(error_of(writer.begin({gear(1)})) == "");
  REQUIRE(error_of(next(writer)) == "");
  CHECK(writer.is_made({gear(1)}));
  CHECK_FALSE(writer.is_made({gear(2)}));
  CHECK_FALSE(writer.is_made({gear(1), gear(2)}));
  REQUIRE(error_of(writer.begin({gear(1)})) == "");
  CHECK_FALSE(writer.busy());
  REQUIRE(readable(writer, kLong));
  CHECK(error_of(next(writer)) == "");
  CHECK_FALSE(readable(writer));
  CHECK_FALSE(writer.written());
  SECTION("somebody changes another part of the file: looked at again, and not one byte of that is lost") {
    spit(place.config(), "# mine\n" + place.text());
    CHECK_FALSE(writer.is_made({gear(1)}));
    REQUIRE(error_of(writer.begin({gear(1)})) == "");
    CHECK(writer.busy());
    CHECK(error_of(next(writer)) == "");
    CHECK(place.text() == "# mine\n" + kFrame + line(1) + kEnd);
    CHECK(place.runs().size() == 1);  // the block was right: nothing to check
    CHECK(writer.is_made({gear(1)}));
  }
  SECTION("somebody changes the block: it is put right") {
    spit(place.config(), kFrame + line(2) + kEnd);
    REQUIRE(error_of(writer.begin({gear(1)})) == "");
    CHECK(error_of(next(writer)) == "");
    CHECK(place.text() == kFrame + line(1) + kEnd);
  }
  SECTION("the file is gone") {
    REQUIRE(::unlink(place.config().c_str()) == 0);
    CHECK_FALSE(writer.is_made({gear(1)}));
    REQUIRE(error_of(writer.begin({gear(1)})) == "");
    const auto missing = next(writer);
    REQUIRE_FALSE(missing);
    CHECK(missing.error().code == Errc::config);
    CHECK(missing.error().sys_errno == ENOENT);
  }
}

TEST_CASE("what somebody changes while HAProxy checks is not lost") {
  const Place place;
  place.wait_for_gate();
  FileWriter writer(place.options());
  REQUIRE(error_of(writer.begin({gear(1)})) == "");
  REQUIRE(await([&] { return place.runs().size() == 1; }));
  spit(place.config(), "# mine\n" + kFrame + kEnd);
  place.open_gate();
  REQUIRE(await([&] { return place.runs().size() == 2; }));  // checked again
  place.open_gate();
  CHECK(error_of(next(writer)) == "");
  CHECK(place.text() == "# mine\n" + kFrame + line(1) + kEnd);
  CHECK(place.temps().empty());
}

TEST_CASE("a file that changes each time HAProxy checks is given up, unchanged by us") {
  const Place place;
  place.program("echo '# more' >> " + place.config());
  FileWriter writer(place.options());
  REQUIRE(error_of(writer.begin({gear(1)})) == "");
  const auto given_up = next(writer);
  REQUIRE_FALSE(given_up);
  CHECK(given_up.error().message.find("somebody else changes it each time") != std::string::npos);
  CHECK(place.text() == kFrame + kEnd + "# more\n# more\n# more\n");
  CHECK(place.temps().empty());
}

TEST_CASE("a check that refuses, crashes or cannot run leaves the file as it was, and the next wish is none the worse for it") {
  struct Case {
    const char* what;
    std::string program;
    Errc code;
    const char* says;
  };
  const auto [what, program, code, says] =
      GENERATE(Case{"refuses", "echo '[ALERT] (1) : config : frobnicate'; exit 1", Errc::config, "frobnicate"},
               Case{"crashes", "kill -9 $$", Errc::config, "ended by signal 9"},
               Case{"its writer is killed", "kill -9 $PPID", Errc::failed, "ended by signal 9"});
  INFO(what);
  const Place place;
  place.program(program);
  FileWriter writer(place.options());
  REQUIRE(error_of(writer.begin({gear(1)})) == "");
  const auto refused = next(writer);
  REQUIRE_FALSE(refused);
  INFO(refused.error().message);
  CHECK(refused.error().code == code);
  CHECK(refused.error().message.find(says) != std::string::npos);
  CHECK(place.text() == kFrame + kEnd);
  CHECK_FALSE(writer.is_made({gear(1)}));
  CHECK_FALSE(writer.busy());
  place.accept();
  REQUIRE(error_of(writer.begin({gear(1)})) == "");
  CHECK(error_of(next(writer)) == "");
  CHECK(place.text() == kFrame + line(1) + kEnd);
}

TEST_CASE("a check that hangs is given up at the deadline, and what waited is written then") {
  const Place place;
  place.hang();
  FileWriter writer(place.options(), core::Millis{1'500});
  REQUIRE(error_of(writer.begin({gear(1)})) == "");
  REQUIRE(await([&] { return place.runs().size() == 1; }));
  place.accept();
  REQUIRE(error_of(writer.begin({gear(2)})) == "");
  const auto killed = next(writer);
  REQUIRE_FALSE(killed);
  CHECK(killed.error().code == Errc::failed);
  CHECK(killed.error().message.find("killed because it took longer than 1500 ms") != std::string::npos);
  CHECK(writer.busy());
  CHECK(error_of(next(writer)) == "");
  CHECK(place.text() == kFrame + line(2) + kEnd);
  CHECK_FALSE(writer.busy());
}

TEST_CASE("a controller that dies takes its writer along; the half-written file it leaves is removed by a later writing") {
  const Place place;
  place.hang();
  test::Child controller([&] {
    FileWriter writer(place.options());
    if (!writer.begin({gear(1)})) return 1;
    for (;;) ::pause();
  });
  REQUIRE(await([&] { return place.runs().size() == 1 && Place::parse(place.runs()[0]).second > 0; }));
  REQUIRE(place.temps().size() == 1);
  controller.kill(SIGKILL);
  CHECK(controller.end_signal() == SIGKILL);
  const auto stat = "/proc/" + std::to_string(Place::parse(place.runs()[0]).second) + "/stat";
  CHECK(await([&] { return !test::exists(stat) || slurp(stat).find(") Z ") != std::string::npos; }));
  CHECK(place.text() == kFrame + kEnd);
  const auto left = place.temps();
  REQUIRE(left.size() == 1);

  place.accept();
  const auto other = place.dir / ".gearscale-abcdef";
  spit(other, "somebody writes this just now");
  const timespec old[2] = {{::time(nullptr) - 61, 0}, {::time(nullptr) - 61, 0}};
  REQUIRE(::utimensat(AT_FDCWD, left[0].c_str(), old, 0) == 0);
  FileWriter writer(place.options());
  REQUIRE(error_of(writer.begin({gear(2)})) == "");
  CHECK(error_of(next(writer)) == "");
  CHECK(place.text() == kFrame + line(2) + kEnd);
  CHECK(place.temps() == std::vector<std::string>{other});
}

TEST_CASE("a writer that goes away lets a quick writing end") {
  const Place place;
  {
    FileWriter writer(place.options());
    REQUIRE(error_of(writer.begin({gear(1)})) == "");
  }
  CHECK(place.text() == kFrame + line(1) + kEnd);
  CHECK(place.temps().empty());
}

TEST_CASE("without a process to be had the wish is refused, and the writer works again when there is one") {
  const Place place;
  test::Child starving([&] {
    FileWriter writer(place.options());
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    const rlimit none{3, files.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &none);
    const auto refused = writer.begin({gear(1)});
    ::setrlimit(RLIMIT_NOFILE, &files);
    if (refused || refused.error().code != Errc::failed || refused.error().sys_errno != EMFILE) return 1;
    if (writer.busy() || readable(writer) || writer.written()) return 2;
    return writer.begin({gear(1)}) && next(writer) ? 0 : 3;
  });
  CHECK(starving.exit_code() == 0);
  CHECK(place.text() == kFrame + line(1) + kEnd);
}
