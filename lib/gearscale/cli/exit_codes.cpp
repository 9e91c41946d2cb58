// SPDX-License-Identifier: Apache-2.0
// The edge of every program.
#include "gearscale/cli/exit_codes.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <exception>
#include <iostream>

namespace gearscale::cli {

namespace {

// The number of a stream that the caller closed would go to the next file that is opened, and what is printed would land in there.
void occupy_standard_streams() {
  int file = 0;
  do {
    file = ::open("/dev/null", O_RDWR);
  } while (file >= 0 && file <= STDERR_FILENO);
  if (file > STDERR_FILENO) ::close(file);
}

}  // namespace

int exit_code(Errc code) {
  switch (code) {
    case Errc::failed:
      return kExitFailed;
    case Errc::usage:
    case Errc::config:
      return kExitUsage;
    case Errc::limit:
      return kExitLimit;
    case Errc::unavailable:
      return kExitUnavailable;
  }
  return kExitFailed;
}

void print_error(std::string_view tool, const Error& error, std::ostream& err) {
  err << tool << ": " << error.message << "\n";
  if (error.code == Errc::usage) err << "Try '" << tool << " --help'.\n";
  err.flush();
}

int run_main(std::string_view tool, const std::function<Result<int>()>& body, std::ostream& out, std::ostream& err) {
  const auto fail_with = [&](const Error& error) {
    print_error(tool, error, err);
    return exit_code(error.code);
  };
  try {
    const auto code = body();
    out.flush();
    if (!code) return fail_with(code.error());
    if (!out && *code == kExitDone) return fail_with({Errc::failed, "cannot write the results to stdout"});
    return *code;
  } catch (const std::exception& exception) {
    return fail_with({Errc::failed, std::string("unexpected failure: ") + exception.what()});
  } catch (...) {
    return fail_with({Errc::failed, "unexpected failure of an unknown kind"});
  }
}

int run_main(std::string_view tool, const std::function<Result<int>()>& body) {
  occupy_standard_streams();
  return run_main(tool, body, std::cout, std::cerr);
}

}  // namespace gearscale::cli
