// SPDX-License-Identifier: Apache-2.0
// Turns a failed system call into an Error whose message ends with the kernel's words. Nothing else.
#pragma once

#include <cstring>
#include <string>

#include "gearscale/base/result.hpp"

namespace gearscale::system {

// "no space left on device": in lower case, because it ends a sentence of ours, and never translated.
inline std::string errno_text(int number) {
  const char* words = strerrordesc_np(number);
  if (words == nullptr) return "error " + std::to_string(number);
  std::string text = words;
  const bool is_word = text.size() > 1 && text[1] >= 'a' && text[1] <= 'z';  // leaves "RPC version wrong" alone
  if (is_word && text[0] >= 'A' && text[0] <= 'Z') text[0] = static_cast<char>(text[0] - 'A' + 'a');
  return text;
}

// `what` says what was tried and on what: "cannot write /etc/x". Take errno before anything else can change it.
[[nodiscard]] inline Unexpected fail_errno(Errc code, const std::string& what, int number) {
  return fail(code, what + ": " + errno_text(number), number);
}

}  // namespace gearscale::system
