// SPDX-License-Identifier: Apache-2.0
// The tools' own options and texts.
#include "gearscale/cli/tool_table.hpp"

#include <array>

namespace gearscale::cli {

namespace {

constexpr ToolOption kHelp{.name = "help", .letter = 'h', .help = "show this and exit"};
constexpr ToolOption kVersion{.name = "version", .help = "show the version and exit"};
constexpr ToolOption kConfig{.name = "config", .argument = "FILE", .help = "settings file; default HAPROXY_DIR/conf/haproxy_ctld.conf"};
constexpr ToolOption kDryRun{.name = "dry-run", .help = "say what would be done; change nothing"};
constexpr ToolOption kPin{.name = "pin", .argument = "GEAR", .repeatable = true, .help = "never choose this gear for removal, and exit"};
constexpr ToolOption kUnpin{.name = "unpin", .argument = "GEAR", .repeatable = true, .help = "take the pin away again, and exit"};
constexpr ToolOption kNoWait{.name = "no-wait", .help = "leave the rest to the running controller; refused (exit 4) without one"};
constexpr ToolOption kServer{
    .name = "server", .letter = 's', .argument = "HOST", .help = "accepted and ignored, as HAProxy is on this machine"};
constexpr ToolOption kResultJson{.name = "json", .help = "result as one JSON object"};

constexpr std::array kAddGearOptions{
    ToolOption{.name = "count", .argument = "N", .help = "how many, 1 to 1000; default 1"},
    kPin, kUnpin, kDryRun, kResultJson, kNoWait, kServer, kConfig, kHelp, kVersion};

constexpr std::array kRemoveGearOptions{
    ToolOption{.name = "count", .argument = "N", .help = "how many, 1 to 1000; default 1"},
    ToolOption{.name = "gear", .argument = "GEAR", .repeatable = true, .help = "this one; may be repeated; not with --count"},
    ToolOption{.name = "now", .help = "skip the drain: its clients go elsewhere at once; sessions left after drain_hard are cut"},
    kPin, kUnpin, kDryRun, kResultJson, kNoWait, kServer, kConfig, kHelp, kVersion};

constexpr std::array kControllerOptions{
    ToolOption{.name = "auto", .letter = 'a', .help = "check and scale until ended; the default"},
    ToolOption{.name = "up", .letter = 'u', .help = "add one gear and exit"},
    ToolOption{.name = "down", .letter = 'd', .help = "remove one gear and exit"},
    ToolOption{.name = "once", .help = "one observation, one decision, act, exit"},
    ToolOption{.name = "status", .help = "show load, gears and limits and exit; with --replace: how far the replacement is"},
    ToolOption{.name = "check", .help = "do registry, containers, HAProxy and haproxy.cfg agree? exit 1 and a list when they do not"},
    ToolOption{.name = "print-config", .help = "show each setting and where it came from and exit; with settings behind it, their values"},
    ToolOption{.name = "replace", .help = "bring every gear over to --template, new ones serving before old ones drain"},
    ToolOption{.name = "step", .argument = "N", .help = "gears at a time of --replace, 1 to 1000; default 1"},
    ToolOption{.name = "no-wait", .help = "with --replace: leave it to the running controller; refused (exit 4) without one"},
    ToolOption{.name = "json", .help = "JSON output; not with --auto"},
    kDryRun,
    kConfig,
    kHelp,
    kVersion};

constexpr std::array kDaemonOptions{kHelp, kVersion};

constexpr std::string_view kGearFiles =
    "  HAPROXY_DIR/conf/haproxy_ctld.conf    settings, key = value\n"
    "  HAPROXY_DIR/conf/haproxy.cfg          the block of gears between the markers\n"
    "  HAPROXY_DIR/conf/gear-registry.json   what gears there are\n"
    "  DATA_DIR/scale_limits.txt             scale_min= and scale_max=\n"
    "  LOG_DIR/scale_events.log, .jsonl      what was done and why\n";

constexpr std::string_view kControllerFiles =
    "  HAPROXY_DIR/conf/haproxy_ctld.conf    settings, key = value\n"
    "  HAPROXY_DIR/conf/haproxy.cfg          the block of gears between the markers\n"
    "  HAPROXY_DIR/conf/gear-registry.json   what gears there are\n"
    "  HAPROXY_DIR/run/haproxy_ctld.pid      locked by the controller while it runs\n"
    "  DATA_DIR/scale_limits.txt             scale_min= and scale_max=\n"
    "  REPO_DIR/.openshift/markers/disable_auto_scaling   while it is there, nothing is scaled\n"
    "  LOG_DIR/scale_events.log, .jsonl      what was done and why\n";

constexpr std::string_view kDaemonFiles =
    "  HAPROXY_DIR/run/haproxy_ctld.pid      locked by the controller while it runs\n"
    "  HAPROXY_DIR/run/haproxy_ctld.output   errors of the controller\n";

constexpr std::string_view kExitCodes =
    "  0  done, or nothing to do\n"
    "  1  failed\n"
    "  2  wrong usage or configuration\n"
    "  3  refused by a limit: scale_min, scale_max, addresses, memory, pins\n"
    "  4  temporarily unavailable (HAProxy, lock, registry); try again\n";

constexpr std::string_view kDaemonExitCodes =
    "  0  done; status: running\n"
    "  1  failed, or start of a running one; status: dead, but its pid file exists\n"
    "  2  wrong usage or configuration\n"
    "  3  status: not running\n"
    "  4  temporarily unavailable; try again\n";

}  // namespace

const Tool& add_gear_tool() {
  static constexpr Tool kTool{
      .name = "add-gear",
      .usage = "[-a APP] [-n NAMESPACE] [-u UUID] [--count N] [OPTION]...",
      .summary = "Adds gears to the application: clones the template, starts the clone, waits until it answers and hands it to HAProxy.\n"
                 "A GEAR is named by its gear, HAProxy server or container name, or by its 8 digits.\n",
      .options = kAddGearOptions,
      .files = kGearFiles,
      .exit_codes = kExitCodes,
      .example = "  add-gear -a shop -n prod --template gear-template --bridge gsbr0 --address-pool 10.87.0.10-10.87.0.250/24\n"};
  return kTool;
}

const Tool& remove_gear_tool() {
  static constexpr Tool kTool{
      .name = "remove-gear",
      .usage = "[-a APP] [-n NAMESPACE] [-u UUID] [--count N | --gear GEAR...] [OPTION]...",
      .summary = "Removes gears from the application: HAProxy sends them no new clients, they leave after drain_idle without a session,\n"
                 "or when drain_soft is over.\n"
                 "Without --gear those with the fewest sessions are chosen, never a pinned one.\n"
                 "A GEAR is named by its gear, HAProxy server or container name, or by its 8 digits.\n",
      .options = kRemoveGearOptions,
      .files = kGearFiles,
      .exit_codes = kExitCodes,
      .example = "  remove-gear -a shop -n prod --gear 1f3a9c02-prod\n"};
  return kTool;
}

const Tool& controller_tool() {
  static constexpr Tool kTool{
      .name = "haproxy_ctld",
      .usage = "[--auto | --up | --down | --once | --status | --check | --print-config | --replace [--step N | --status]] [OPTION]...",
      .summary = "Watches the sessions of an HAProxy backend and adds or removes gears (LXC containers) as the load asks for.\n"
                 "In the foreground; haproxy_ctld_daemon runs it in the background. TERM ends it, the gears go on serving; HUP re-reads\n"
                 "configuration and reopens logs.\n",
      .options = kControllerOptions,
      .application_letters = false,
      .files = kControllerFiles,
      .exit_codes = kExitCodes,
      .example = "  haproxy_ctld --app shop --namespace prod --status\n"};
  return kTool;
}

const Tool& daemon_tool() {
  static constexpr Tool kTool{
      .name = "haproxy_ctld_daemon",
      .usage = "start|stop|restart|status|run [-- OPTION OF haproxy_ctld...]",
      .summary = "Runs haproxy_ctld in the background (run: in the foreground) and controls the one that runs.\n"
                 "start fails when the configuration is wrong; when HAProxy cannot be reached it warns, and the controller keeps trying.\n"
                 "stop sends TERM and waits up to 20 s. Options after -- are handed to haproxy_ctld; 'haproxy_ctld --help' lists them.\n",
      .options = kDaemonOptions,
      .takes_settings = false,
      .application_letters = false,
      .files = kDaemonFiles,
      .exit_codes = kDaemonExitCodes,
      .example = "  haproxy_ctld_daemon start -- --debug\n"};
  return kTool;
}

}  // namespace gearscale::cli
