// SPDX-License-Identifier: Apache-2.0
// Slices are numbered by the clock: slice k holds what came from k/10 to (k+1)/10 windows after its epoch, so that nothing has to be moved.
#include "gearscale/core/response_window.hpp"

#include <algorithm>
#include <bit>

#include "gearscale/base/check.hpp"

namespace gearscale::core {

namespace {

constexpr std::uint32_t kLargest = 3'600'000;
constexpr std::uint32_t kExact = 64;     // values below it have a bucket of their own
constexpr std::uint32_t kPerPower = 32;  // buckets for each power of two above

std::size_t bucket_of(std::uint32_t milliseconds) {
  const auto value = std::min(milliseconds, kLargest);
  if (value < kExact) return value;
  const auto shift = static_cast<std::uint32_t>(std::bit_width(value)) - 6;  // 64 to 127: 1, that is buckets 2 wide
  return kExact + (shift - 1) * kPerPower + ((value >> shift) - kPerPower);
}

std::uint32_t lower_edge(std::size_t bucket) {
  if (bucket < kExact) return static_cast<std::uint32_t>(bucket);
  const auto above = static_cast<std::uint32_t>(bucket) - kExact;
  return (above % kPerPower + kPerPower) << (above / kPerPower + 1);
}

}  // namespace

ResponseWindow::ResponseWindow(Millis window) : window_ms_(window.count()), counts_(std::make_unique<Counts>()) {
  GEARSCALE_CHECK(window_ms_ > 0);
}

void ResponseWindow::expire(Slice& slice) {
  if (slice.count == 0) return;
  for (std::size_t i = 0; i < kBuckets; ++i) counts_->buckets[i] -= slice.buckets[i];
  counts_->count -= slice.count;
  slice = Slice{};
}

void ResponseWindow::advance(Time now) {
  const auto now_ms = now.time_since_epoch().count();
  if (now_ms < slice_end_ms_) return;  // the same slice, or a clock that went back
  const auto parts = static_cast<std::int64_t>(kSlices);
  const auto slice = now_ms * parts / window_ms_;
  for (auto next = std::max(slice_ + 1, slice - parts + 1); next <= slice; ++next) {
    expire(counts_->slices[static_cast<std::size_t>(next) % kSlices]);
  }
  slice_ = slice;
  slice_end_ms_ = ((slice + 1) * window_ms_ + parts - 1) / parts;  // rounded up: the first whole millisecond in the next slice
}

void ResponseWindow::add(Time now, std::uint32_t milliseconds) {
  advance(now);
  if (now - Millis{milliseconds} < from_) return;
  const auto bucket = bucket_of(milliseconds);
  auto& slice = counts_->slices[static_cast<std::size_t>(slice_) % kSlices];
  ++slice.count;
  ++slice.buckets[bucket];
  ++counts_->count;
  ++counts_->buckets[bucket];
}

void ResponseWindow::clear(Time from) {
  from_ = from;
  *counts_ = Counts{};
}

std::uint32_t ResponseWindow::percentile(std::uint64_t rank) const {
  std::size_t bucket = 0;
  for (std::uint64_t seen = counts_->buckets[0]; seen < rank; seen += counts_->buckets[bucket]) ++bucket;
  return lower_edge(bucket);
}

ResponseWindow::Summary ResponseWindow::summary(Time now) {
  advance(now);
  const auto count = counts_->count;
  if (count == 0) return {};
  // The nearest rank: the smallest value that at least so many percent of all do not exceed.
  const auto rank = [count](std::uint64_t percent) { return (count * percent + 99) / 100; };
  return {count, percentile(rank(50)), percentile(rank(90)), percentile(rank(99))};
}

}  // namespace gearscale::core
