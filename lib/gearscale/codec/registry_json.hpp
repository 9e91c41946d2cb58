// SPDX-License-Identifier: Apache-2.0
// gear-registry.json <-> Registry. Pure.
#pragma once

#include <string>
#include <string_view>

#include "gearscale/base/result.hpp"
#include "gearscale/core/gear.hpp"
#include "gearscale/core/names.hpp"

namespace gearscale::codec {

struct RegistryContext {
  core::Application application;  // must be the file's own
  std::string lxc_path;           // where its gears are: must be the file's own as long as there are any
  std::string boot_id;            // steady times of another boot mean nothing: they become `now`
  core::Time now{};
};

// Pretty-printed JSON with a final line end:
// {"version":1,"app":..,"namespace":..,"uuid":..,"lxc_path":..,"boot_id":..,"generation":..,"last_addition_ms":..,"low_checks":..,
// "template":..,"instead_of":..,"replacement":{"state","template","step","replaced","note"},
// "gears":[{"id","name","address","state","since_ms","deadline_ms","pinned","created","template","replaces","dismissed","note"}]}. Files
// without the members about templates and lxc_path are read, too, and those without a uuid: `former_marks` is then set if there are gears, and
// no uuid is written until it is taken back. `created` is RFC 3339 UTC with milliseconds, the *_ms are the steady clock's.
std::string encode_registry(const core::Registry& registry, const RegistryContext& context);

// Errc::config for the registry of another application (another uuid makes it one, too), or of gears in another lxc_path. Errc::unavailable,
// saying what is wrong and where, for anything else that encode_registry would not write: not JSON, another version, unknown state, bad id or
// address, an id or address twice (0.0.0.0, no address, may be), numbers out of range, over 16 MiB. Unknown members are ignored. With another
// boot_id, since = now, a deadline keeps its length (deadline - since), last_addition = now.
Result<core::Registry> decode_registry(std::string_view text, const RegistryContext& context);

}  // namespace gearscale::codec
