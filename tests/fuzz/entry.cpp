// SPDX-License-Identifier: Apache-2.0
// libFuzzer's way in. GEARSCALE_FUZZ_TARGET is one of the functions of fuzz.hpp.
#include <cstddef>
#include <cstdint>

#include "fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  gearscale::fuzz::GEARSCALE_FUZZ_TARGET(std::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
