// SPDX-License-Identifier: Apache-2.0
// Tests of the words for a failed system call.
#include "gearscale/system/errors.hpp"

#include <cerrno>

#include "support/catch.hpp"

using namespace gearscale;

TEST_CASE("the kernel's words end our sentence in lower case") {
  CHECK(system::errno_text(ENOSPC) == "no space left on device");
  CHECK(system::errno_text(EACCES) == "permission denied");
  CHECK(system::errno_text(EDOTDOT) == "RFS specific error");
  CHECK(system::errno_text(99999) == "error 99999");
}

TEST_CASE("an error of a system call keeps code, message and errno") {
  const Result<void> result = system::fail_errno(Errc::unavailable, "cannot read /x", EIO);
  REQUIRE(!result);
  CHECK(result.error().code == Errc::unavailable);
  CHECK(result.error().message == "cannot read /x: input/output error");
  CHECK(result.error().sys_errno == EIO);
}
