// SPDX-License-Identifier: Apache-2.0
// Is a registry's file ours? Somebody's good registry is not corrupt: to put it aside and to take its gears for strangers would be the end of them.
// Pure.
#pragma once

#include <string>

#include "gearscale/base/result.hpp"
#include "gearscale/core/names.hpp"

namespace gearscale::codec {

// Errc::config when app or namespace are not ours, or both have a uuid and these differ.
Result<void> check_registry_owner(const core::Application& of_file, const core::Application& ours);

// Errc::config when the file says where its gears are, and we would look elsewhere: there are none of them, and all would be taken for lost.
Result<void> check_registry_place(const std::string& lxc_path_of_file, const std::string& ours);

}  // namespace gearscale::codec
