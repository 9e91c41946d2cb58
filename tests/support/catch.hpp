// SPDX-License-Identifier: Apache-2.0
// One include for Catch2 2.13 (Debian 12) and 3.x (Debian 13).
#pragma once

#ifdef GEARSCALE_CATCH2_V3
#include <catch2/catch_all.hpp>
using Catch::Approx;
#else
#include <catch2/catch.hpp>
#endif
