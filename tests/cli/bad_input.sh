#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Bad input gets a clear error, the right exit code, and changes nothing: a table of rows, on a real farm of two gears.
#   bad_input.sh BIN_DIR [GROUP...]     BIN_DIR: the tools (or GEARSCALE_BIN_DIR); groups: see the end; VERBOSE=1 names the rows that pass
set -euo pipefail
self=bad_input
here=$(dirname "$(readlink -f "$0")")
# shellcheck source=tests/cli/farm.sh
source "$here/farm.sh"
# shellcheck source=tests/cli/rows.sh
source "$here/rows.sh"
# shellcheck source=tests/cli/bad_command_lines.sh
source "$here/bad_command_lines.sh"
# shellcheck source=tests/cli/bad_settings.sh
source "$here/bad_settings.sh"
# shellcheck source=tests/cli/bad_gears.sh
source "$here/bad_gears.sh"
# shellcheck source=tests/cli/bad_files.sh
source "$here/bad_files.sh"
# shellcheck source=tests/cli/bad_haproxy.sh
source "$here/bad_haproxy.sh"
# shellcheck source=tests/cli/bad_processes.sh
source "$here/bad_processes.sh"

bin_dir=${1:-${GEARSCALE_BIN_DIR:-$project/build/release/bin}}
[[ $# -eq 0 ]] || shift
hold_lock=$bin_dir/hold_lock
farm_up "$bin_dir"
tool add-gear --count 2 > "$work/first.log" 2>&1 || die "the farm's first gears: $(< "$work/first.log")"
mapfile -t gears < <(gears_in serving)
[[ ${#gears[@]} -eq 2 ]] || die "the farm has ${#gears[@]} gears instead of 2"

groups=("$@")
[[ ${#groups[@]} -gt 0 ]] || groups=(command_lines names settings trust sources gears limits files registry haproxy processes)
for group in "${groups[@]}"; do "rows_of_$group"; done
finish
