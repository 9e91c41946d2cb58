// SPDX-License-Identifier: Apache-2.0
#include "gearscale/codec/gear_command.hpp"

#include "support/catch.hpp"

using namespace gearscale;
using codec::parse_gear_command;
using Words = std::vector<std::string>;

namespace {

std::string joined(const Words& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

std::string why(std::string_view text) {
  const auto parsed = parse_gear_command(text);
  if (parsed) return "allowed: " + joined(*parsed);
  CHECK(parsed.error().code == Errc::usage);
  CHECK(parsed.error().message.find('\n') == std::string::npos);
  return parsed.error().message;
}

}  // namespace

TEST_CASE("what gear-shell allows comes out as the words that were given") {
  const char* rows[] = {
      "add-gear", "add-gear --count 1", "add-gear --count 1000", "add-gear --count=2 --dry-run --json --no-wait",
      "remove-gear", "remove-gear --count 3 --now", "remove-gear --gear 1f3a9c02", "remove-gear --gear=gear-1f3a9c02-prod --now --json",
      "remove-gear --gear shop-1f3a9c02 --gear 00000000 --no-wait --dry-run",
      "haproxy_ctld -u", "haproxy_ctld --up --json", "haproxy_ctld -d --dry-run", "haproxy_ctld --down", "haproxy_ctld --status --json",
      "haproxy_ctld --json --check", "haproxy_ctld_daemon start", "haproxy_ctld_daemon stop", "haproxy_ctld_daemon restart",
      "haproxy_ctld_daemon status",
      "add-gear --help", "add-gear -h", "remove-gear --version", "haproxy_ctld -h", "haproxy_ctld --version", "haproxy_ctld_daemon --help",
      "haproxy_ctld_daemon start --help"};
  for (const auto* row : rows) {
    INFO(row);
    const auto parsed = parse_gear_command(row);
    REQUIRE(parsed);
    CHECK(joined(*parsed) == row);
  }
}

TEST_CASE("blanks between and around the words mean nothing, no other white space is one") {
  CHECK(parse_gear_command("  add-gear   --count  2 ").value() == Words{"add-gear", "--count", "2"});
  for (const char c : {'\t', '\n', '\r', '\v', '\f', '\0'}) CHECK_FALSE(parse_gear_command(std::string("add-gear") + c + "--json"));
}

TEST_CASE("an empty command is refused: there is no shell") {
  CHECK(why("") == "no command (there is no shell here)");
  CHECK(why("    ") == "no command (there is no shell here)");
}

TEST_CASE("every byte but the listed ones is refused, wherever it stands") {
  const std::string allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._=:/,+- ";
  for (int byte = 0; byte < 256; ++byte) {
    const auto c = static_cast<char>(byte);
    const auto message = why(std::string("add-gear --count ") + c);
    INFO(byte);
    CHECK((message.find("is no character that a command may have") == std::string::npos) == (allowed.find(c) != std::string::npos));
  }
  for (const auto* text : {"add-gear; reboot", "add-gear && sh", "add-gear | sh", "add-gear `id`", "add-gear $(id)", "add-gear $HOME",
                           "add-gear --gear '1'", "add-gear \"--json\"", "add-gear \\--json", "add-gear --gear *", "add-gear > /etc/passwd",
                           "add-gear ~", "add-gear {a,b}", "add-gear --gear ?", "add-gear # x", "add-gear !1", "add-gear\nsh", "add-gear \x1b[2J",
                           "add-gear \xc3\xa4"}) {
    INFO(text);
    CHECK(why(text).find("is no character that a command may have") != std::string::npos);
  }
}

TEST_CASE("only the four names are commands, without a path and whole") {
  for (const auto* text : {"sh", "bash -c id", "scp -t /tmp", "/usr/lib/openssh/sftp-server", "internal-sftp", "rsync --server", "gear-shell",
                           "/usr/local/bin/add-gear", "./add-gear", "bin/add-gear", "add-gea", "add-gears", "Add-gear", "haproxy", "haproxy_ctl",
                           "haproxy_ctld_", "haproxy_ctld_daemon2", "-c", "--help", "=", "env add-gear", "PATH=/tmp add-gear"}) {
    INFO(text);
    CHECK(why(text).find("is no command that is allowed") != std::string::npos);
  }
}

TEST_CASE("options that are not listed are refused, however they are written") {
  for (const auto* option : {"--config /tmp/x", "--config=/tmp/x", "--conf=/tmp/x", "--con", "--c 1", "--coun 2", "--count2", "--", "-- --json", "-",
                             "--haproxy-binary=/tmp/x", "--template x", "--hooks-dir /tmp", "-a shop", "-n prod", "-s host", "--server=x", "--pin x",
                             "--dry", "--dry-run=1", "--json=true", "--JSON", "---json", "-json", "-hx", "-h=1", "--no-wait=", "--help=1",
                             "--versio", "extra", "+2", "/etc/passwd"}) {
    for (const auto* tool : {"add-gear ", "remove-gear ", "haproxy_ctld --status ", "haproxy_ctld_daemon status "}) {
      INFO(tool << option);
      CHECK(why(std::string(tool) + option).find("may be given here") != std::string::npos);
    }
  }
}

TEST_CASE("an option passes only with a tool that has it") {
  for (const auto* text : {"add-gear --gear 1f3a9c02", "add-gear --now", "haproxy_ctld -u --count 2", "haproxy_ctld -d --gear x", "haproxy_ctld -u --no-wait",
                           "haproxy_ctld -d --now", "haproxy_ctld_daemon start --json", "haproxy_ctld_daemon start -- --debug", "haproxy_ctld_daemon run",
                           "haproxy_ctld --auto", "haproxy_ctld -a", "haproxy_ctld --once", "haproxy_ctld --replace", "haproxy_ctld --print-config",
                           "haproxy_ctld start", "add-gear start"}) {
    INFO(text);
    CHECK(why(text).find("may be given here") != std::string::npos);
  }
}

TEST_CASE("the controller's modes and the daemon's commands: exactly one") {
  CHECK(why("haproxy_ctld") == "'haproxy_ctld' needs to be told what to do");
  CHECK(why("haproxy_ctld --json") == "'haproxy_ctld' needs to be told what to do");
  CHECK(why("haproxy_ctld_daemon") == "'haproxy_ctld_daemon' needs to be told what to do");
  CHECK(why("haproxy_ctld -u -d") == "'-d' and '-u' cannot be asked for together");
  CHECK(why("haproxy_ctld --status --status") == "'--status' and '--status' cannot be asked for together");
  CHECK(why("haproxy_ctld_daemon stop start") == "'start' and 'stop' cannot be asked for together");
}

TEST_CASE("values are bounded and never look like an option") {
  for (const auto* value : {"0", "1001", "-1", "+1", "1.5", "2x", "0x2", "--json", "99999999999999999999"}) {
    INFO(value);
    CHECK(why(std::string("add-gear --count ") + value).find("is no --count: a whole number from 1 to 1000") != std::string::npos);
    CHECK(why(std::string("add-gear --count=") + value).find("is no --count: a whole number from 1 to 1000") != std::string::npos);
  }
  CHECK(why("add-gear --count=") == "'' is no --count: a whole number from 1 to 1000");
  CHECK(why("add-gear --count") == "'--count' needs a value");
  CHECK(why("remove-gear --gear") == "'--gear' needs a value");
  for (const auto* name : {"-x", "--config", "--", "../x", "a/b", "a=b", ".x", "a:b", "a,b"}) {
    INFO(name);
    CHECK(why(std::string("remove-gear --gear ") + name).find("is not the name of a gear") != std::string::npos);
    CHECK(why(std::string("remove-gear --gear=") + name).find("is not the name of a gear") != std::string::npos);
  }
  CHECK(parse_gear_command("remove-gear --gear " + std::string(128, 'a')));
  CHECK_FALSE(parse_gear_command("remove-gear --gear " + std::string(129, 'a')));
}

TEST_CASE("length and number of words are bounded") {
  const std::string command = "add-gear";
  CHECK(parse_gear_command(command + std::string(codec::kMaxGearCommand - command.size(), ' ')));
  CHECK(why(command + std::string(codec::kMaxGearCommand + 1 - command.size(), ' ')) == "longer than 4096 bytes");
  std::string many = "remove-gear";
  for (std::size_t i = 1; i < codec::kMaxGearCommandWords; ++i) many += " --json";
  CHECK(parse_gear_command(many));
  CHECK(why(many + " --json") == "more than 64 words");
}

TEST_CASE("what is at fault is shown harmlessly and shortly") {
  CHECK(why("add-gear \x1b]0;x").find('\x1b') == std::string::npos);
  CHECK(why(std::string(4000, 'x')).size() < 200);
}
