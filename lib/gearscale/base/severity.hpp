// SPDX-License-Identifier: Apache-2.0
// How much an event line matters.
#pragma once

namespace gearscale {

enum class Severity { debug, info, warn, error };

}  // namespace gearscale
