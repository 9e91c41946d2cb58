// SPDX-License-Identifier: Apache-2.0
// The real Balancer: HAProxy through its Runtime API, and its haproxy.cfg. Servers that are not ours are neither counted nor touched.
#pragma once

#include <string>
#include <vector>

#include "gearscale/codec/runtime_api.hpp"
#include "gearscale/codec/show_stat.hpp"
#include "gearscale/haproxy/file_writer.hpp"
#include "gearscale/haproxy/options.hpp"
#include "gearscale/haproxy/predecessors.hpp"
#include "gearscale/haproxy/runtime_socket.hpp"
#include "gearscale/ports.hpp"

namespace gearscale::haproxy {

class HaproxyBalancer final : public Balancer {
 public:
  explicit HaproxyBalancer(const Options& options);

  Result<const BalancerView*> observe() override;
  Result<double> sessions() override;
  Result<void> add(const ServerSpec& server) override;
  Result<void> drain(std::string_view id) override { return set_state(id, "drain"); }
  Result<void> recall(std::string_view id) override { return set_state(id, "ready"); }
  Result<void> maint(std::string_view id) override { return set_state(id, "maint"); }
  Result<void> cut_sessions(std::string_view id) override;
  Result<bool> remove(std::string_view id) override;
  Result<void> remember() override { return predecessors_.remember(); }
  Result<void> begin_file(const std::vector<ServerSpec>& servers) override { return writer_.begin(servers); }
  std::optional<Result<void>> file_written() override { return writer_.written(); }
  bool file_busy() const override { return writer_.busy(); }
  int file_fd() const override { return writer_.fd(); }
  Result<bool> file_holds(const std::vector<ServerSpec>& servers) override;

  // Version and process of the running HAProxy. Errc::config when it is too old.
  Result<codec::HaproxyInfo> info();
  // Can haproxy.cfg be read, does it have our block, and does HAProxy accept it as it is? Errc::config otherwise.
  Result<void> check_file() const { return writer_.file().check(); }
  // check_file, and: does the socket, if it answers, let us change anything? Found out before a gear is made that could not be handed over.
  Result<void> check_setup();

 private:
  Result<void> set_state(std::string_view id, std::string_view state);
  Result<void> silent(const std::string& command);
  Result<void> ensure_version();
  void drop_idle_connections(const std::string& path);
  std::string path_of(std::string_view id) const;  // "express/gear-1f3a9c02-ns"

  Options options_;
  RuntimeSocket socket_;
  FileWriter writer_;
  const std::string observe_command_;
  const std::string sessions_command_;
  codec::BackendStat stat_;
  codec::BackendStat fast_stat_;
  BalancerView view_;
  Predecessors predecessors_;
  bool version_known_ = false;    // not any longer when a sample failed: it may be another HAProxy then
};

}  // namespace gearscale::haproxy
