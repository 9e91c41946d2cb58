// SPDX-License-Identifier: Apache-2.0
// Nothing: CMake makes a precompiled header only for a target with a source that uses it.
#include "support/catch.hpp"
