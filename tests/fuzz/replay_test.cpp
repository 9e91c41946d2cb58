// SPDX-License-Identifier: Apache-2.0
// Every file that fuzzing left in tests/data/fuzz, as it is and changed in ways that are the same in every run. What breaks a promise ends
// the program; the file and the seed of the change are said before.
#include <array>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>

#include "fuzz.hpp"
#include "support/catch.hpp"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif

using namespace gearscale;

namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr std::size_t kChanges = 3'000;  // of one target, shared by its files; unoptimised and instrumented it is slow
#else
constexpr std::size_t kChanges = 30'000;
#endif
constexpr std::size_t kLeastForFile = 100;

struct Target {
  const char* name;
  void (*run)(std::string_view);
};

struct File {
  std::string name, text;
};

// What is being tried, for those who end the program.
struct Present {
  const char* target = "";
  const char* file = "";
  std::uint64_t seed = 0;  // 0: the file as it is
};
Present present;

void say_present() {
  std::fprintf(stderr, "fuzz %s: file %s, seed %llu\n", present.target, present.file, static_cast<unsigned long long>(present.seed));
}

std::vector<File> corpus(const std::string& name) {
  std::vector<File> files;
  for (const auto& entry : std::filesystem::directory_iterator(GEARSCALE_TEST_DATA "/fuzz/" + name)) {
    std::ifstream file(entry.path(), std::ios::binary);
    files.push_back({entry.path().filename().string(), {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()}});
    REQUIRE(file.good());
  }
  std::ranges::sort(files, {}, &File::name);
  return files;
}

// One to four changes: bytes set, put in, taken out; a piece doubled, or taken from another file; a number driven to an edge; a cut.
class Changer {
 public:
  explicit Changer(std::uint64_t seed) : random_(seed) {}

  std::string change(std::string text, std::string_view other) {
    for (auto left = 1 + below(4); left > 0; --left) change_once(text, other);
    return text;
  }

 private:
  std::size_t below(std::size_t bound) { return static_cast<std::size_t>(random_() % bound); }
  std::size_t place(std::string_view text) { return below(text.size() + 1); }

  void change_once(std::string& text, std::string_view other) {
    static constexpr char kText[] = ",\"\n\r\\#'{}[]:=/<>-+0129 \t\x7f\xff\xc3";
    static constexpr std::string_view kBytes(kText, sizeof kText);  // the NUL at its end is one of them
    static constexpr std::array<std::string_view, 8> kNumbers{"0",     "-1", "2147483648", "4294967295", "18446744073709551616",
                                                              "1e999", "00", "100001"};
    const char byte = below(3) == 0 ? static_cast<char>(below(256)) : kBytes[below(kBytes.size())];
    const auto at = place(text);
    switch (below(7)) {
      case 0:
        if (at < text.size()) text[at] = byte;
        break;
      case 1: text.insert(at, 1, byte); break;
      case 2: text.erase(at, 1 + below(16)); break;
      case 3: text.insert(place(text), text.substr(at, 1 + below(64))); break;
      case 4: text.insert(at, other.substr(place(other), 1 + below(64))); break;
      case 5:
        if (const auto digit = text.find_first_of("0123456789", at); digit != std::string::npos) {
          text.replace(digit, std::min(text.find_first_not_of("0123456789", digit), text.size()) - digit, kNumbers[below(kNumbers.size())]);
        }
        break;
      default:
        if (below(4) == 0) text.resize(at);
        break;
    }
  }

  std::mt19937_64 random_;
};

void replay(const Target& target) {
  const auto files = corpus(target.name);
  REQUIRE_FALSE(files.empty());
  const auto changes = std::max(kLeastForFile, kChanges / files.size());
  for (std::size_t index = 0; index < files.size(); ++index) {
    const auto& file = files[index];
    present = {.target = target.name, .file = file.name.c_str()};
    try {
      target.run(file.text);
      for (present.seed = 1; present.seed <= changes; ++present.seed) {
        Changer changer(present.seed);
        target.run(changer.change(file.text, files[(index + present.seed) % files.size()].text));
      }
    } catch (...) {
      say_present();
      throw;
    }
  }
}

}  // namespace

TEST_CASE("what fuzzing found, and changes of it, break no promise") {
  constexpr std::array kTargets{Target{"config_file", fuzz::fuzz_config_file},   Target{"containers", fuzz::fuzz_containers},
                                Target{"gear_command", fuzz::fuzz_gear_command}, Target{"haproxy_block", fuzz::fuzz_haproxy_block},
                                Target{"http_probe", fuzz::fuzz_http_probe},     Target{"httplog", fuzz::fuzz_httplog},
                                Target{"mountinfo", fuzz::fuzz_mountinfo},       Target{"registry", fuzz::fuzz_registry},
                                Target{"runtime_api", fuzz::fuzz_runtime_api},   Target{"scale_limits", fuzz::fuzz_scale_limits},
                                Target{"show_stat", fuzz::fuzz_show_stat}};
  std::signal(SIGABRT, [](int) { say_present(); });
  std::signal(SIGSEGV, [](int signal) {
    say_present();
    std::signal(signal, SIG_DFL);
  });
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_set_death_callback(say_present);
#endif
  for (const auto& target : kTargets) replay(target);
}
