// SPDX-License-Identifier: Apache-2.0
#include "gearscale/gears/idmap.hpp"

#include "support/catch.hpp"
#include "temp_directory.hpp"

namespace gearscale::gears {

using test::TempDirectory;

namespace {

SubidFiles files(const TempDirectory& directory, const std::string& uids, const std::string& gids) {
  return {.uids = directory.write("subuid", uids), .gids = directory.write("subgid", gids)};
}

}  // namespace

TEST_CASE("root's ranges are read by name and by number, others are passed over") {
  const auto ranges = parse_subids("alice:100000:65536\n# root:1:1\nroot:1000000:65536\n\n0:2000000:10\nrootless:5:5\n", "/etc/subuid");
  REQUIRE(ranges);
  REQUIRE(ranges->size() == 2);
  CHECK((*ranges)[0].base == 1'000'000);
  CHECK((*ranges)[0].count == 65'536);
  CHECK((*ranges)[1].base == 2'000'000);
  CHECK((*ranges)[1].count == 10);
  CHECK(parse_subids("", "/etc/subuid")->empty());
}

TEST_CASE("a malformed line of root's is an error that names it, a malformed one of others is not ours") {
  for (const auto* line : {"root:100000", "root:100000:65536:1", "root::65536", "root:100000:", "root:-1:65536", "root:1e5:65536",
                           "root: 1:2", "root:100000:0", "root:0:65536", "root:4294967295:1", "root:4294901761:65535",
                           "root:99999999999999999999:1", "root:1:4294967296", "root"}) {
    INFO(line);
    const auto ranges = parse_subids(std::string("bob:x:y\n") + line + "\n", "/etc/subuid");
    REQUIRE_FALSE(ranges);
    CHECK(ranges.error().code == Errc::config);
    CHECK(ranges.error().message.find("/etc/subuid line 2: ") == 0);
  }
  CHECK(parse_subids("root:4294901760:65535\n", "/etc/subuid"));  // ends at 2^32 - 2, the last id there is
  CHECK(parse_subids("bob:nonsense\n", "/etc/subuid"));
}

TEST_CASE("the first range of root's is taken, 65536 ids of it or as many as it has") {
  const TempDirectory directory;
  auto range = subuid_range(files(directory, "root:100000:200000\nroot:900000:65536\n", "root:100000:200000\n"));
  REQUIRE(range);
  CHECK(range->base == 100'000);
  CHECK(range->count == 65'536);
  range = subuid_range(files(directory, "root:100000:60000\n", "root:100000:60000\n"));
  REQUIRE(range);
  CHECK(range->count == 60'000);
}

TEST_CASE("only ids that both files give are taken") {
  const TempDirectory directory;
  auto range = subuid_range(files(directory, "root:100000:65536\n", "root:90000:20000\n"));
  REQUIRE(range);
  CHECK(range->base == 100'000);
  CHECK(range->count == 10'000);
  range = subuid_range(files(directory, "root:100000:65536\nroot:500000:65536\n", "root:500000:65536\n"));
  REQUIRE(range);
  CHECK(range->base == 500'000);

  const auto none = subuid_range(files(directory, "root:100000:65536\n", "root:165536:65536\n"));
  REQUIRE_FALSE(none);
  CHECK(none.error().code == Errc::config);
  CHECK(none.error().message.find("Run: echo root:100000:65536 | tee -a " + directory.path() + "/subgid") != std::string::npos);
}

TEST_CASE("without a range the error says which line to add, beyond everybody's ranges") {
  const TempDirectory directory;
  const auto where = directory.path() + "/subuid " + directory.path() + "/subgid";
  for (const auto& [uids, proposal] :
       {std::pair("", "root:1000000:65536"), std::pair("alice:100000:65536\n", "root:1000000:65536"),
        std::pair("alice:950000:65536\n", "root:1015536:65536"), std::pair("alice:x:y\n", "root:1000000:65536")}) {
    const auto range = subuid_range(files(directory, uids, uids));
    REQUIRE_FALSE(range);
    CHECK(range.error().code == Errc::config);
    CHECK(range.error().message.find(std::string("Run: echo ") + proposal + " | tee -a " + where) != std::string::npos);
  }
  const auto missing = subuid_range({.uids = directory / "nowhere", .gids = directory / "nowhere"});
  REQUIRE_FALSE(missing);
  CHECK(missing.error().message.find("root has no range of ids in " + directory.path() + "/nowhere") != std::string::npos);
}

TEST_CASE("a configured range has to be reserved wholly, in both files") {
  const TempDirectory directory;
  const auto both = files(directory, "root:100000:65536\n", "root:100000:65536\n");
  CHECK(check_reserved({100'000, 65'536}, both));
  CHECK(check_reserved({100'001, 65'535}, both));
  CHECK_FALSE(check_reserved({99'999, 65'536}, both));
  CHECK_FALSE(check_reserved({100'001, 65'536}, both));
  const auto half = check_reserved({100'000, 65'536}, files(directory, "root:100000:65536\n", ""));
  REQUIRE_FALSE(half);
  CHECK(half.error().code == Errc::config);
  CHECK(half.error().message.find("not reserved for root in " + directory.path() + "/subgid") != std::string::npos);
  CHECK(half.error().message.find("Run: echo root:100000:65536 | tee -a " + directory.path() + "/subgid") != std::string::npos);
}

}  // namespace gearscale::gears
