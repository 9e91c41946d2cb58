// SPDX-License-Identifier: Apache-2.0
// subuid(5), strictly read.
#include "gearscale/gears/idmap.hpp"

#include <algorithm>
#include <cerrno>
#include <limits>
#include <optional>

#include "gearscale/base/text.hpp"
#include "gearscale/system/files.hpp"

namespace gearscale::gears {

namespace {

constexpr std::size_t kMaxFile = 1024 * 1024;
constexpr std::uint32_t kWanted = 65'536;
constexpr std::int64_t kIds = std::int64_t{1} << 32;  // 2^32 - 1 itself means "no id" to the kernel

std::string how_to_add(const IdMap& map, const std::string& files) {
  return "Run: echo root:" + std::to_string(map.base) + ":" + std::to_string(map.count) + " | tee -a " + files;
}

Result<std::vector<IdMap>> read_subids(const std::string& path) {
  const auto text = system::read_file(path, kMaxFile);
  if (!text && text.error().sys_errno == ENOENT) return std::vector<IdMap>();
  if (!text) return fail(Errc::config, text.error().message, text.error().sys_errno);
  return parse_subids(*text, path);
}

std::int64_t end_of(const IdMap& map) { return static_cast<std::int64_t>(map.base) + map.count; }

// The part of `range` from its start that one of `others` covers, if any.
std::optional<IdMap> covered(const IdMap& range, const std::vector<IdMap>& others) {
  for (const auto& other : others) {
    if (other.base > range.base || end_of(other) <= range.base) continue;
    const auto end = std::min(end_of(range), end_of(other));
    return IdMap{range.base, static_cast<std::uint32_t>(end - range.base)};
  }
  return std::nullopt;
}

// Where a new range may begin: above all that anybody has in the file.
std::uint32_t free_base(const std::string& path, std::uint32_t base) {
  const auto text = system::read_file(path, kMaxFile);
  if (!text) return base;
  for (const auto line : split(*text, '\n')) {
    const auto fields = split(trim(line), ':');
    const auto first = fields.size() == 3 ? parse_integer(fields[1]) : std::nullopt;
    const auto count = fields.size() == 3 ? parse_integer(fields[2]) : std::nullopt;
    if (!first || !count || *first < 0 || *count < 0 || *first >= kIds || *count > kIds) continue;
    const auto end = *first + *count;
    if (end > base && end + kWanted < kIds / 2) base = static_cast<std::uint32_t>(end);
  }
  return base;
}

}  // namespace

Result<std::vector<IdMap>> parse_subids(std::string_view text, const std::string& path) {
  std::vector<IdMap> ranges;
  int number = 0;
  for (const auto raw : split(text, '\n')) {
    ++number;
    const auto fields = split(trim(raw), ':');
    if (fields[0] != "root" && fields[0] != "0") continue;
    const auto first = fields.size() == 3 ? parse_integer(fields[1]) : std::nullopt;
    const auto count = fields.size() == 3 ? parse_integer(fields[2]) : std::nullopt;
    if (!first || !count || *first < 1 || *count < 1 || *first >= kIds || *count >= kIds || *first + *count >= kIds) {
      return fail(Errc::config, path + " line " + std::to_string(number) + ": '" + printable(raw) +
                                    "' is not usable: expected root:FIRST:COUNT, for example root:100000:65536");
    }
    ranges.push_back({static_cast<std::uint32_t>(*first), static_cast<std::uint32_t>(*count)});
  }
  return ranges;
}

Result<IdMap> subuid_range(const SubidFiles& files) {
  const auto uids = read_subids(files.uids);
  if (!uids) return fail(uids.error());
  const auto gids = read_subids(files.gids);
  if (!gids) return fail(gids.error());
  for (const auto& range : *uids) {
    if (const auto both = covered(range, *gids)) return IdMap{both->base, std::min(both->count, kWanted)};
  }
  const std::string others = " (or set idmap = BASE:COUNT, or idmap = none for privileged gears)";
  if (!uids->empty()) {
    return fail(Errc::config, "idmap: no range of root's in " + files.gids + " covers the start of one in " + files.uids + ". " +
                                  how_to_add(uids->front(), files.gids) + others);
  }
  // 1,000,000: above what useradd and LXD give away (from 100,000 on).
  const IdMap proposal{free_base(files.gids, free_base(files.uids, 1'000'000)), kWanted};
  return fail(Errc::config,
              "idmap: root has no range of ids in " + files.uids + ". " + how_to_add(proposal, files.uids + " " + files.gids) + others);
}

Result<void> check_reserved(const IdMap& map, const SubidFiles& files) {
  for (const auto& path : {files.uids, files.gids}) {
    const auto ranges = read_subids(path);
    if (!ranges) return fail(ranges.error());
    const auto part = [&](const IdMap& range) { return range.base <= map.base && end_of(range) >= end_of(map); };
    if (std::any_of(ranges->begin(), ranges->end(), part)) continue;
    return fail(Errc::config, "idmap " + std::to_string(map.base) + ":" + std::to_string(map.count) + " is not reserved for root in " +
                                  path + ", so newuidmap will refuse it. " + how_to_add(map, path));
  }
  return {};
}

}  // namespace gearscale::gears
