// SPDX-License-Identifier: Apache-2.0
#include "gearscale/cli/ready_report.hpp"

#include <fcntl.h>

#include <sstream>

#include "support/catch.hpp"

using namespace gearscale;
using namespace gearscale::cli;

TEST_CASE("a report arrives whole, whatever is in it") {
  const std::string hostile = "two\nlines and 17 numbers \x01\xff";
  for (const auto& text : {std::string("config: no such file"), std::string(), hostile, std::string(100'000, 'x')}) {
    auto pair = make_report_pair();
    REQUIRE(pair);
    std::ostringstream err;
    ReadyReport ready("haproxy_ctld", err, std::move(pair->sender));
    ready.failed(2, text);
    const auto report = receive_report(pair->receiver);
    REQUIRE(report);
    CHECK(report->kind == Report::Kind::failure);
    CHECK(report->exit_code == 2);
    CHECK(report->text == text.substr(0, 8'192));
    CHECK(err.str() == "haproxy_ctld: " + text + "\n");
  }
}

TEST_CASE("only the first report is sent") {
  auto pair = make_report_pair();
  REQUIRE(pair);
  std::ostringstream err;
  ReadyReport ready("haproxy_ctld", err, std::move(pair->sender));
  ready.warn("HAProxy is not reached");
  ready.ok();
  ready.failed(1, "later");
  const auto first = receive_report(pair->receiver);
  REQUIRE(first);
  CHECK(first->kind == Report::Kind::warning);
  CHECK(first->text == "HAProxy is not reached");
  CHECK_FALSE(receive_report(pair->receiver));
  CHECK(err.str() == "haproxy_ctld: warning: HAProxy is not reached\nhaproxy_ctld: later\n");
}

TEST_CASE("an end that closes without a report gives none") {
  auto pair = make_report_pair();
  REQUIRE(pair);
  pair->sender.reset();
  CHECK_FALSE(receive_report(pair->receiver));
}

TEST_CASE("a report to nobody is no failure and no signal") {
  auto pair = make_report_pair();
  REQUIRE(pair);
  pair->receiver.reset();
  std::ostringstream err;
  ReadyReport ready("haproxy_ctld", err, std::move(pair->sender));
  ready.ok();
  CHECK(err.str().empty());
}

TEST_CASE("the sockets do not leak into programs") {
  const auto pair = make_report_pair();
  REQUIRE(pair);
  CHECK((::fcntl(pair->sender.get(), F_GETFD) & FD_CLOEXEC) != 0);
  CHECK((::fcntl(pair->receiver.get(), F_GETFD) & FD_CLOEXEC) != 0);
}
