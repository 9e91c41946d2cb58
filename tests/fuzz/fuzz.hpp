// SPDX-License-Identifier: Apache-2.0
// What reads text from outside, each with the promise that holds for any text. libFuzzer calls these functions (entry.cpp), and so do the
// ordinary tests (replay_test.cpp). A broken promise ends the program in any build (GEARSCALE_CHECK).
#pragma once

#include <algorithm>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "gearscale/base/check.hpp"
#include "gearscale/base/result.hpp"

namespace gearscale::fuzz {

void fuzz_config_file(std::string_view input);
void fuzz_containers(std::string_view input);
void fuzz_gear_command(std::string_view input);
void fuzz_haproxy_block(std::string_view input);
void fuzz_http_probe(std::string_view input);
void fuzz_httplog(std::string_view input);
void fuzz_mountinfo(std::string_view input);
void fuzz_registry(std::string_view input);
void fuzz_runtime_api(std::string_view input);
void fuzz_scale_limits(std::string_view input);
void fuzz_show_stat(std::string_view input);

// A copy in memory of exactly its size, so that a sanitizer sees a read past its end.
class Exact {
 public:
  explicit Exact(std::string_view text) : bytes_(text.begin(), text.end()) { bytes_.shrink_to_fit(); }
  std::string_view view() const { return {bytes_.data(), bytes_.size()}; }

 private:
  std::vector<char> bytes_;
};

inline bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }
inline bool has_control(std::string_view text) { return std::ranges::any_of(text, is_control); }

inline bool is_inside(std::string_view part, std::string_view whole) {
  return part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size();
}

// An error is of a kind that the caller was promised, and its message is one line that can be shown, whatever was read.
inline void check_error(const Error& error, std::initializer_list<Errc> promised) {
  GEARSCALE_CHECK(std::ranges::find(promised, error.code) != promised.end());
  GEARSCALE_CHECK(!error.message.empty() && error.message.size() < 4'000);
  GEARSCALE_CHECK(!has_control(error.message));
}

}  // namespace gearscale::fuzz
