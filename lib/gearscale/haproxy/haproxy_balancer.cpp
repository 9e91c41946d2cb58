// SPDX-License-Identifier: Apache-2.0
// Balancer calls as Runtime API exchanges, one round trip each but for those that have to ask again.
#include "gearscale/haproxy/haproxy_balancer.hpp"

#include "gearscale/base/text.hpp"
#include "gearscale/core/names.hpp"

namespace gearscale::haproxy {

// Type 6: the BACKEND row (2) and the server rows (4) of this backend; other proxies are not even sent.
HaproxyBalancer::HaproxyBalancer(const Options& options)
    : options_(options),
      socket_(options.stats_socket, options.deadline),
      writer_(options),
      observe_command_("show info;show stat " + options.backend + " 6 -1"),
      sessions_command_("show stat " + options.backend + " 2 -1"),
      predecessors_(options.processes_file) {}

std::string HaproxyBalancer::path_of(std::string_view id) const {
  return options_.backend + "/" + core::server_name(options_.application, id);
}

Result<codec::HaproxyInfo> HaproxyBalancer::info() {
  const auto reply = socket_.exchange("show info");
  if (!reply) return fail(reply.error());
  auto info = codec::parse_show_info(*reply);
  if (!info) return fail(info.error());
  if (const auto usable = codec::check_version(*info); !usable) return fail(usable.error());
  return info;
}

// A HAProxy that is too old would take some of the commands and break on others, so nothing that changes it is sent before this.
Result<void> HaproxyBalancer::ensure_version() {
  if (version_known_) return {};
  const auto known = info();
  if (!known) return fail(known.error());
  version_known_ = true;
  return {};
}

Result<const BalancerView*> HaproxyBalancer::observe() {
  version_known_ = false;
  const auto reply = socket_.exchange(observe_command_);
  if (!reply) return fail(reply.error());
  const auto [info_text, stat_text] = codec::split_replies(*reply);
  const auto known = codec::parse_show_info(info_text);
  if (!known) return fail(known.error());
  if (const auto usable = codec::check_version(*known); !usable) return fail(usable.error());
  if (const auto parsed = codec::parse_show_stat(stat_text, options_.backend, stat_); !parsed) return fail(parsed.error());
  version_known_ = true;
  view_.sessions = stat_.scur;
  view_.pid = known->pid;
  predecessors_.see(known->pid);
  view_.has_predecessor = predecessors_.any();
  view_.gears.clear();
  view_.gears.reserve(stat_.servers.size());
  for (const auto& row : stat_.servers) {
    const auto id = core::id_of_server(options_.application, row.name);
    if (!id) continue;
    const auto address = parse_ipv4(row.address.substr(0, row.address.rfind(':')));
    view_.gears.push_back(ServerView{*id, row.state, row.scur, row.stot, address.value_or(0)});
  }
  return &view_;
}

Result<void> HaproxyBalancer::check_setup() {
  if (auto file = check_file(); !file) return file;
  const auto level = socket_.exchange("show cli level");
  return level ? codec::check_cli_level(*level) : Result<void>();  // that HAProxy is away is not wrong with the setup
}

Result<double> HaproxyBalancer::sessions() {
  if (const auto known = ensure_version(); !known) return fail(known.error());
  const auto reply = socket_.exchange(sessions_command_);
  const auto parsed = reply ? codec::parse_show_stat(*reply, options_.backend, fast_stat_) : Result<void>(fail(reply.error()));
  if (!parsed) {
    version_known_ = false;
    return fail(parsed.error());
  }
  return static_cast<double>(fast_stat_.scur);
}

Result<void> HaproxyBalancer::silent(const std::string& command) {
  const auto reply = socket_.exchange(command);
  if (!reply) return fail(reply.error());
  auto done = codec::parse_silent_reply(*reply);
  if (!done) return fail(done.error().code, "'" + command + "': " + done.error().message);
  return done;
}

Result<void> HaproxyBalancer::add(const ServerSpec& server) {
  if (const auto known = ensure_version(); !known) return known;
  const auto command = server_command(options_, server);
  const auto path = path_of(server.id);
  // A server that is there already may have the address and the DOWN of an earlier life: it loses both before it is made ready, because
  // what is added answers, and a DOWN that is only drained would stay until the next check. To a server that is not there yet these two
  // say "No such server.", which means nothing.
  const auto earlier =
      "set server " + path + " addr " + command.address + " port " + std::to_string(command.port) + "; set server " + path + " health up; ";
  const auto reply = socket_.exchange(earlier + codec::add_server_line(command));
  if (!reply) return fail(reply.error());
  const auto added = codec::parse_add_reply(*reply);
  if (!added) return fail(added.error().code, "'add server " + path + "': " + added.error().message);
  return {};
}

Result<void> HaproxyBalancer::set_state(std::string_view id, std::string_view state) {
  return silent("set server " + path_of(id) + " state " + std::string(state));
}

Result<void> HaproxyBalancer::cut_sessions(std::string_view id) { return silent("shutdown sessions server " + path_of(id)); }

Result<bool> HaproxyBalancer::remove(std::string_view id) {
  const auto path = path_of(id);
  const auto reply = socket_.exchange("del server " + path);
  if (!reply) return fail(reply.error());
  const auto removed = codec::parse_remove_reply(*reply);
  if (!removed) return fail(removed.error().code, "'del server " + path + "': " + removed.error().message);
  if (*removed == codec::RemoveReply::busy) drop_idle_connections(path);
  return *removed != codec::RemoveReply::busy;
}

// Entering maint closes a server's idle connections, but those in use at that moment are kept for reuse when they become idle later
// (before HAProxy 3.3), and then `del server` is refused until they are purged, up to 15 s later. Entering maint once more closes them.
// In between a sticky client may get through, so that is done only when nothing is in use; such a client is served all the same.
void HaproxyBalancer::drop_idle_connections(const std::string& path) {
  const auto reply = socket_.exchange("show servers conn " + options_.backend);
  if (!reply || codec::used_connections(*reply, path) != 0) return;
  // A failure shows in the next `del server`.
  static_cast<void>(socket_.exchange("set server " + path + " state drain; set server " + path + " state maint"));
}

Result<bool> HaproxyBalancer::file_holds(const std::vector<ServerSpec>& servers) {
  if (writer_.is_made(servers)) return true;
  // The last sample is not needed any more, and the file of a large farm takes as much memory as its sample.
  socket_.forget_reply();
  view_.gears = {};
  stat_.servers = {};
  return writer_.file().holds(servers);
}

}  // namespace gearscale::haproxy
