// SPDX-License-Identifier: Apache-2.0
// ResponseWindow: count and percentiles of the response times of the last seconds, in bounded memory at any rate. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "gearscale/core/types.hpp"

namespace gearscale::core {

// A histogram with logarithmic buckets for each of ten slices of the window, and their sum. A value below 64 ms has a bucket of its own;
// above, a bucket is at most 1/32 of its value wide, so that a percentile is at most 3.2% too low and never too high.
class ResponseWindow {
 public:
  explicit ResponseWindow(Millis window);

  // One answered request, at `now`, which must not go back (a clock that does counts as standing still). Values of an hour and more count
  // as one hour.
  void add(Time now, std::uint32_t milliseconds);
  // As if nothing had been added, and blind to requests that began before `from`: after an addition old slow requests must not add again,
  // neither those that were logged nor those that are still under way and will be.
  void clear(Time from);

  // Over the last `window` before `now`, to a tenth of the window. Percentiles are lower edges of buckets, in ms; 0 when there is nothing.
  struct Summary {
    std::uint64_t count = 0;
    std::uint32_t p50 = 0, p90 = 0, p99 = 0;
  };
  Summary summary(Time now);

 private:
  static constexpr std::size_t kSlices = 10;
  static constexpr std::size_t kBuckets = 64 + 16 * 32;  // one each below 64, then 32 for each of the powers of two from 64 up to 2^21

  struct Slice {
    std::uint64_t count = 0;
    std::array<std::uint32_t, kBuckets> buckets{};
  };
  struct Counts {
    std::array<Slice, kSlices> slices{};
    std::uint64_t count = 0;  // of all slices, and their buckets
    std::array<std::uint64_t, kBuckets> buckets{};
  };

  void advance(Time now);
  void expire(Slice& slice);
  std::uint32_t percentile(std::uint64_t rank) const;

  std::int64_t window_ms_;
  Time from_ = Time::min();         // requests that began before say nothing
  std::int64_t slice_ = 0;          // number of the slice that is being filled, since the epoch of the clock
  std::int64_t slice_end_ms_ = 0;   // the first millisecond of the next one
  std::unique_ptr<Counts> counts_;  // 28 kB: not on anybody's stack
};

}  // namespace gearscale::core
