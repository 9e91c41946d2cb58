// SPDX-License-Identifier: Apache-2.0
// The settings are resolved as the tools do it, but for the environment: what came with the connection counts for nothing.
#include "gearscale/cli/gear_shell.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <iostream>

#include "gearscale/base/text.hpp"
#include "gearscale/cli/exit_codes.hpp"
#include "gearscale/cli/resolve.hpp"
#include "gearscale/codec/events.hpp"
#include "gearscale/codec/gear_command.hpp"
#include "gearscale/system/append_file.hpp"
#include "gearscale/system/errors.hpp"
#include "gearscale/system/event_log.hpp"
#include "gearscale/system/files.hpp"

namespace gearscale::cli {

namespace {

constexpr std::string_view kName = "gear-shell";
constexpr std::size_t kShownCommand = 500;
constexpr std::size_t kShownConnection = 100;

constexpr std::string_view kHelp =
    "Usage: gear-shell [-c COMMAND]\n"
    "The shell of an ssh key that may scale an application and nothing else. In ~/.ssh/authorized_keys:\n"
    "  command=\"HOME=HOME_DIR HAPROXY_DIR/info/bin/gear-shell\",restrict ssh-ed25519 AAAA... NAME\n"
    "Then: ssh HOST add-gear --count 2\n"
    "\n"
    "It allows\n"
    "  add-gear     [--count N] [--dry-run] [--json] [--no-wait]\n"
    "  remove-gear  [--count N | --gear NAME...] [--now] [--dry-run] [--json] [--no-wait]\n"
    "  haproxy_ctld -u|--up|-d|--down|--status|--check [--dry-run] [--json]\n"
    "  haproxy_ctld_daemon start|stop|restart|status\n"
    "and -h, --help and --version of each. All other settings come from ~/.env and haproxy_ctld.conf.\n"
    "\n"
    "Options\n"
    "  -c COMMAND   what SSH_ORIGINAL_COMMAND would say, where that is not set: as sshd calls a login shell\n"
    "  -h, --help   show this and exit\n"
    "  --version    show the version and exit\n"
    "\n"
    "Environment\n"
    "  SSH_ORIGINAL_COMMAND   what the client asks for\n"
    "  HOME                   whose .env is read: it says which application\n"
    "\n"
    "Each request is a line in LOG_DIR/scale_events.log, with SSH_CONNECTION.\n"
    "Exit codes: those of the tool; 126 when nothing was started.\n";

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

int refuse(const std::string& why) {
  std::cerr << kName << ": " << why << "\n";
  return kExitRefused;
}

// Errc::usage for a call that no sshd makes.
Result<std::string> command_asked_for(const Arguments& arguments) {
  auto command = variable("SSH_ORIGINAL_COMMAND");
  if (arguments.empty()) return command;
  if (arguments.size() == 2 && arguments[0] == "-c") return command.empty() ? arguments[1] : command;
  return fail(Errc::usage, "unexpected argument '" + printable(arguments[0]) + "'");
}

Sources sources_of_server() {
  auto sources = process_sources({}, std::nullopt);
  sources.environment = [](const std::string&) { return std::nullopt; };
  return sources;
}

Result<void> write_to_log(const Sources& sources, Severity severity, const std::string& line) {
  const auto values = resolve(sources);
  if (!values) return fail(values.error());
  if (values->text("log_dir").empty()) return fail(no_application().value);
  system::AppendFile log(path_in(values->text("log_dir"), "scale_events.log"));
  return log.append(codec::log_line(severity, line, system::stamp_now()));
}

// Comes back only when it did not work.
Error become(const std::vector<std::string>& words, const std::string& home) {
  char self[PATH_MAX];
  const auto length = ::readlink("/proc/self/exe", self, sizeof self);
  if (length <= 0 || static_cast<std::size_t>(length) == sizeof self) return {Errc::failed, "cannot find its own place in /proc", errno};
  const auto tool = system::directory_of(std::string(self, static_cast<std::size_t>(length))) + "/" + words.front();
  std::string variables[] = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=" + home, "LANG=C.UTF-8"};
  char* environment[] = {variables[0].data(), variables[1].data(), variables[2].data(), nullptr};
  std::vector<char*> argv;
  for (const auto& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  ::close_range(STDERR_FILENO + 1, ~0U, 0);
  ::execve(tool.c_str(), argv.data(), environment);
  return system::fail_errno(Errc::failed, "cannot run " + tool, errno).value;
}

}  // namespace

std::string gear_shell_line(const std::string& connection, const std::string& command, const std::string& refusal) {
  const auto from = connection.empty() ? "(no SSH_CONNECTION)" : printable(connection, kShownConnection);
  return std::string(kName) + " - " + from + " asked for '" + printable(command, kShownCommand) + "': " +
         (refusal.empty() ? "allowed" : "refused: " + refusal);
}

Result<int> run_gear_shell(const Arguments& arguments) {
  if (arguments.size() == 1 && (arguments[0] == "-h" || arguments[0] == "--help" || arguments[0] == "--version")) {
    std::cout << (arguments[0] == "--version" ? version_text(kName) : std::string(kHelp));
    return kExitDone;
  }
  const auto command = command_asked_for(arguments);
  if (!command) return fail(command.error());
  const auto connection = variable("SSH_CONNECTION");
  const auto sources = sources_of_server();
  ::clearenv();  // not even TZ has a say in what follows
  const auto words = codec::parse_gear_command(*command);
  const auto line = gear_shell_line(connection, *command, words ? "" : words.error().message);
  const auto logged = write_to_log(sources, words ? Severity::info : Severity::warn, line);
  if (!words) {
    return refuse("refused: " + words.error().message + "; allowed are " + std::string(codec::kAllowedGearCommands) +
                  (logged ? "" : " (and this could not be logged: " + logged.error().message + ")"));
  }
  if (!logged) return refuse("refused, because it could not be logged: " + logged.error().message);
  return refuse(become(*words, sources.home).message);
}

}  // namespace gearscale::cli
