// SPDX-License-Identifier: Apache-2.0
// Names and places are compared as they stand there.
#include "gearscale/codec/registry_owner.hpp"

#include "gearscale/base/text.hpp"

namespace gearscale::codec {

namespace {

std::string in_words(const core::Application& application) {
  return "'" + printable(application.app) + "' with namespace '" + printable(application.ns) + "' and uuid '" +
         printable(application.uuid) + "'";
}

}  // namespace

Result<void> check_registry_owner(const core::Application& of_file, const core::Application& ours) {
  const bool other_uuid = !of_file.uuid.empty() && !ours.uuid.empty() && of_file.uuid != ours.uuid;
  if (of_file.app == ours.app && of_file.ns == ours.ns && !other_uuid) return {};
  return fail(Errc::config, "gear-registry.json belongs to application " + in_words(of_file) + ", not to " + in_words(ours) +
                                ": correct app, namespace or uuid, or haproxy_dir");
}

Result<void> check_registry_place(const std::string& lxc_path_of_file, const std::string& ours) {
  if (lxc_path_of_file.empty() || lxc_path_of_file == ours) return {};
  return fail(Errc::config, "the gears of gear-registry.json are in lxc_path '" + printable(lxc_path_of_file) + "', not in '" + ours +
                                "': correct lxc_path; to move the application there, run teardown first");
}

}  // namespace gearscale::codec
