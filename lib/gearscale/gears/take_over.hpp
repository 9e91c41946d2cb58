// SPDX-License-Identifier: Apache-2.0
// Containers of earlier versions, whose mark has no uuid: they are foreign until the registry that has them takes them over, once.
#pragma once

#include "gearscale/base/result.hpp"
#include "gearscale/gears/ownership.hpp"
#include "gearscale/system/deadline.hpp"

namespace gearscale::gears {

// Puts our mark in the place of the former one, in the container's config (whole or not at all; owner and mode stay) and in a note beside it. A
// place without the former mark stays as it is, and so does what is no plain file. May be done again after a crash at any point.
// Errc::config when the place may not be trusted (trusted_place): nothing is written there, and the gears of that registry wait until a person
// has closed it. Errc::unavailable when somebody works on it until the deadline, Errc::failed when it cannot be read or written.
Result<void> take_over(const Place& place, const system::Deadline& deadline);

}  // namespace gearscale::gears
