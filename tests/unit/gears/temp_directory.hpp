// SPDX-License-Identifier: Apache-2.0
// A directory of a test's own, with files in it; gone at its end.
#pragma once

#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "support/catch.hpp"

namespace gearscale::test {

class TempDirectory {
 public:
  TempDirectory() {
    ::umask(022);
    path_ = (std::filesystem::temp_directory_path() / "gearscale-gears-XXXXXX").string();
    REQUIRE(::mkdtemp(path_.data()) != nullptr);
  }
  ~TempDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempDirectory(const TempDirectory&) = delete;
  TempDirectory& operator=(const TempDirectory&) = delete;

  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  // Writes a file, with the directories above it; returns its path.
  std::string write(const std::string& name, const std::string& content) const {
    const auto file = path_ + "/" + name;
    std::filesystem::create_directories(std::filesystem::path(file).parent_path());
    std::ofstream(file, std::ios::trunc | std::ios::binary) << content;
    return file;
  }

 private:
  std::string path_;
};

}  // namespace gearscale::test
