// SPDX-License-Identifier: Apache-2.0
// The mean of a short time, and what makes a stray sample harmless.
#include "gearscale/core/mean.hpp"

#include "support/catch.hpp"

using namespace gearscale::core;
using namespace std::chrono_literals;

namespace {

constexpr Time kStart{1h};
constexpr Millis kWindow{300};

}  // namespace

TEST_CASE("without a sample the mean is 0, with one it is that sample") {
  ShortMean mean;
  CHECK(mean.mean() == 0);
  CHECK(mean.steady() == 0);
  mean.add(kStart, kWindow, 7);
  CHECK(mean.mean() == 7);
  CHECK(mean.steady() == 7);
}

TEST_CASE("a sample counts until it is as old as the window, and not any longer") {
  ShortMean mean;
  mean.add(kStart, kWindow, 9);
  mean.add(kStart + 299ms, kWindow, 3);
  CHECK(mean.mean() == 6);
  ShortMean later;
  later.add(kStart, kWindow, 9);
  later.add(kStart + 300ms, kWindow, 3);
  CHECK(later.mean() == 3);
}

TEST_CASE("three samples of 100 ms are the mean of 300 ms") {
  ShortMean mean;
  for (int i = 0; i < 30; ++i) mean.add(kStart + i * 100ms, kWindow, i);
  CHECK(mean.mean() == 28);
  CHECK(mean.steady() == 28);
}

TEST_CASE("the lower of the last two samples is what is sure") {
  ShortMean mean;
  mean.add(kStart, kWindow, 50);
  mean.add(kStart + 100ms, kWindow, 2);
  CHECK(mean.steady() == 2);
  mean.add(kStart + 200ms, kWindow, 40);
  CHECK(mean.steady() == 2);  // the 40 may be a stray one
  mean.add(kStart + 290ms, kWindow, 30);
  CHECK(mean.steady() == 30);
}

TEST_CASE("samples closer together than an eighth of the window count as one, whose value is the latest") {
  ShortMean mean;
  mean.add(kStart, kWindow, 90);
  mean.add(kStart + 36ms, kWindow, 10);  // an eighth is 37 whole milliseconds
  CHECK(mean.mean() == 10);
  mean.add(kStart + 37ms, kWindow, 20);
  CHECK(mean.mean() == 15);
  CHECK(mean.steady() == 10);
}

TEST_CASE("samples that come very fast do not push each other out: their steps go on") {
  ShortMean mean;
  for (int i = 0; i < 1'000; ++i) mean.add(kStart + i * 1ms, kWindow, i);
  CHECK(mean.mean() > 999 - 300);
  CHECK(mean.mean() < 999 - 100);
  CHECK(mean.steady() > 999 - 2 * 37 - 1);
}

TEST_CASE("a window of 0 is the last sample alone") {
  ShortMean mean;
  mean.add(kStart, 0ms, 90);
  mean.add(kStart, 0ms, 10);
  CHECK(mean.mean() == 10);
  CHECK(mean.steady() == 10);
  mean.add(kStart + 1ms, 0ms, 30);
  CHECK(mean.mean() == 30);
  CHECK(mean.steady() == 30);
}

TEST_CASE("the latest sample always counts, whatever the window, also while the clock stands still") {
  for (const Millis window : {0ms, 1ms, 2ms, 5ms, 7ms, 8ms, 20ms, 300ms, 60'000ms}) {
    CAPTURE(window.count());
    ShortMean mean;
    for (int i = 0; i < 100; ++i) mean.add(kStart, window, 50);
    CHECK(mean.mean() == 50);
    for (int i = 0; i < 100; ++i) mean.add(kStart, window, 10);
    CHECK(mean.mean() == 10);
    for (int i = 1; i <= 200; ++i) mean.add(kStart + i * 1ms, window, 3);
    for (int i = 1; i <= 200; ++i) mean.add(kStart + 200ms + i * window / 8, window, 4);
    CHECK(mean.mean() == 4);
  }
}

TEST_CASE("a wider or narrower window takes effect with the next sample") {
  ShortMean mean;
  for (int i = 0; i < 9; ++i) mean.add(kStart + i * 100ms, 1s, 10);
  mean.add(kStart + 900ms, 150ms, 20);
  CHECK(mean.mean() == 15);
  mean.add(kStart + 1s, 1s, 30);
  CHECK(mean.mean() == 20);
}

TEST_CASE("clear forgets all") {
  ShortMean mean;
  mean.add(kStart, kWindow, 9);
  mean.add(kStart + 100ms, kWindow, 9);
  mean.clear();
  CHECK(mean.mean() == 0);
  mean.add(kStart + 200ms, kWindow, 3);
  CHECK(mean.mean() == 3);
  CHECK(mean.steady() == 3);
}
