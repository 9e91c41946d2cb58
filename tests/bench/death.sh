#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `bench death`: gears are killed from outside (lxc-stop -k, or SIGKILL of init) while clients ask; how long from the end of a gear's init until HAProxy
# has its server in maintenance.
set -euo pipefail
count=${1:-50}
[[ $# -le 1 && $count =~ ^[1-9][0-9]?$ ]] || { echo 'Usage: death.sh [GEARS, 1 to 99]' >&2; exit 2; }
result=$(mktemp)
trap 'rm -f "$result"' EXIT
GEARSCALE_DEATHS=$count GEARSCALE_DEATHS_RESULT=$result "$(dirname "$0")/../integration/deaths_test.sh" || { echo 'bench death: failed, see above'; exit 1; }
printf 'bench death: gear'"'"'s death -> out of rotation %s (target p99 at most 100 ms)\n' "$(cat "$result")"
awk '{ gsub(",", ""); exit !($5 <= 100) }' "$result"
