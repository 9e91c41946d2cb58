// SPDX-License-Identifier: Apache-2.0
// How the heap of a long-lived process behaves. One call at its start.
#pragma once

#include <malloc.h>

namespace gearscale::system {

// Large blocks go back to the system when they are freed. By default glibc learns from the first large block that was freed to keep such
// blocks in the heap for ever (mallopt(3), M_MMAP_THRESHOLD): the text of a large registry would stay resident after it was read.
// Measured with 5,000 gears after one came and one went: 9.3 instead of 11.5 MB resident.
inline void keep_heap_small() {
  constexpr int kLargeBlock = 128 * 1024;  // glibc's own default, now fixed
  ::mallopt(M_MMAP_THRESHOLD, kLargeBlock);
}

}  // namespace gearscale::system
