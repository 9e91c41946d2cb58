// SPDX-License-Identifier: Apache-2.0
// Any text as the list of containers that a child process hands over: refused, or findings that are written as they were read.
#include "fuzz.hpp"
#include "gearscale/core/names.hpp"
#include "gearscale/gears/inventory.hpp"

namespace gearscale::fuzz {

namespace {

std::string written(const std::vector<gears::Finding>& findings) {
  std::string text;
  for (const auto& finding : findings) text += gears::format_finding(finding);
  return text;
}

}  // namespace

void fuzz_containers(std::string_view input) {
  const Exact copy(input);
  const auto findings = gears::parse_findings(copy.view());
  if (!findings) return check_error(findings.error(), {Errc::failed});
  for (const auto& finding : *findings) {
    GEARSCALE_CHECK(core::is_gear_id(finding.fact.id));
    GEARSCALE_CHECK(finding.init >= 0);
  }
  const auto text = written(*findings);
  const auto again = gears::parse_findings(Exact(text).view());
  GEARSCALE_CHECK(again && again->size() == findings->size() && written(*again) == text);
}

}  // namespace gearscale::fuzz
