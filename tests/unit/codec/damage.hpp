// SPDX-License-Identifier: Apache-2.0
// What the codec's tests share: recorded files, and texts damaged in a way that is the same in every run.
#pragma once

#include <cstdint>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "support/catch.hpp"

namespace gearscale::test {

inline std::string recorded(const std::string& path) {
  std::ifstream file(GEARSCALE_TEST_DATA "/" + path, std::ios::binary);
  INFO(path);
  REQUIRE(file.good());
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

inline bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

// A copy in memory of exactly its size, so that a sanitizer sees a read past its end.
class Exact {
 public:
  explicit Exact(std::string_view text) : bytes_(text.begin(), text.end()) { bytes_.shrink_to_fit(); }
  std::string_view view() const { return {bytes_.data(), bytes_.size()}; }

 private:
  std::vector<char> bytes_;
};

// Changes, drops or inserts one to four bytes at random places.
class Damage {
 public:
  explicit Damage(std::uint32_t seed) : random_(seed) {}

  std::string one(std::string text) {
    static constexpr char kBytes[] = ",\"\n\r\\#'{}[]:=-0123456789 \t\x7f\xff";
    static constexpr std::string_view kNasty(kBytes, sizeof kBytes);  // the NUL at its end is one of them
    for (auto left = 1 + below(4); left > 0 && !text.empty(); --left) {
      const auto at = below(text.size());
      const char byte = below(2) == 0 ? kNasty[below(kNasty.size())] : static_cast<char>(below(256));
      switch (below(3)) {
        case 0: text[at] = byte; break;
        case 1: text.erase(at, 1 + below(8)); break;
        default: text.insert(at, 1, byte); break;
      }
    }
    return text;
  }

 private:
  std::size_t below(std::size_t bound) { return random_() % bound; }
  std::mt19937 random_;
};

}  // namespace gearscale::test
