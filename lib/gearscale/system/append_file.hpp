// SPDX-License-Identifier: Apache-2.0
// AppendFile: whole lines at the end of a file that other processes append to as well and outsiders may rotate. Knows nothing of what is
// in them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "gearscale/base/fd.hpp"
#include "gearscale/base/result.hpp"

namespace gearscale::system {

class AppendFile {
 public:
  explicit AppendFile(std::string path) : path_(std::move(path)) {}

  // `line` ends with a line end. One write(2): with O_APPEND the kernel never mixes the lines of two processes. A file that was renamed,
  // replaced or deleted since the last line is opened anew (made, 0640, if need be). Behind the rest of a torn line, which a full disk or a
  // killed process left, it begins with a line end of its own. Errc::failed with the errno; a line that did not fit wholly is one (ENOSPC),
  // and what of it did fit is taken back.
  Result<void> append(std::string_view line);

  // Opens the file as append does; its size in bytes.
  Result<std::int64_t> refresh();

  void close() { file_.reset(); }
  const std::string& path() const { return path_; }

 private:
  bool ends_torn() const;
  void take_back(std::int64_t count) const;
  std::string path_;
  Fd file_;
};

// PATH -> PATH.1 -> ... -> PATH.`kept`, and the oldest is gone, if PATH with `more` bytes is longer than `limit`. Safe with several
// processes: they take the lock PATH.rotate.lock and look again; while another one has it nothing is done. Errc::failed when a rename
// fails.
struct Rotation {
  std::int64_t limit = 0;
  int kept = 4;
};
Result<void> rotate_if_longer(const std::string& path, std::int64_t more, const Rotation& rotation);

}  // namespace gearscale::system
