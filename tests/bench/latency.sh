#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `bench latency`: from a load step to the decision and to the first answer of the new gear, on real HAProxy and real containers, for gears
# that stand by frozen, stopped, and for cold ones; then frozen ones again with the fastest looking.
set -euo pipefail
rounds=${1:-50}
# shellcheck source=tests/integration/farm.sh
. "$(dirname "$0")/../integration/farm.sh"
farm_begin lat 10.77.21
farm_up --set flap_protection=1h --set drain_hard=0s

# measure LABEL STANDBYS SETTING...: one kind of gear
measure() {
  local label=$1 standbys=$2 setting
  shift 2
  cp "$work/plain.conf" "$dir/conf/haproxy_ctld.conf"
  for setting in "$@"; do printf '%s\n' "${setting/=/ = }" >> "$dir/conf/haproxy_ctld.conf"; done
  "$tools/haproxy_ctld_daemon" restart > /dev/null
  "$bin/bench_latency" "$label" "$port" "$rounds" "$standbys" "$dir/conf/gear-registry.json" "${log%.log}.jsonl" "$tools/remove-gear" | tee -a "$work/rows" || { farm_tell >&2; exit 1; }
}

cp "$dir/conf/haproxy_ctld.conf" "$work/plain.conf"
"$dir/bin/control" start > /dev/null
await 20 serves 1
pid=$(haproxy_pid)
printf '%-9s %-28s %8s %8s %8s   %s\n' gears 'milliseconds' p50 p99 max rounds
measure frozen 1 standby_settle=0s
measure stopped 1 standby_state=stopped
measure cold 0 standby_count=0
measure fastest 1 sample_interval=20ms up_window=20ms standby_settle=0s
[[ $(haproxy_pid) == "$pid" ]] || { echo 'HAProxy was reloaded' >&2; exit 1; }
passed=1
cell() { awk -v gears="$1" -v what="$2" -v field="$3" '$1 == gears && index($0, what) { print $(NF - 4 + field) }' "$work/rows"; }
f50=$(cell frozen 'decision -> first' 1) f99=$(cell frozen 'decision -> first' 2) c50=$(cell cold 'decision -> first' 1)
s50=$(cell frozen 'step -> first' 1) s99=$(cell frozen 'step -> first' 2) q50=$(cell fastest 'step -> first' 1)
trap - EXIT
(farm_end > /dev/null)
printf 'bench latency: decision -> first answer frozen p50 %s ms, p99 %s ms, cold p50 %s ms; step -> first answer p50 %s ms, p99 %s ms, fastest p50 %s ms (target at most 3, 10, 60; 450, 700, 40)\n' \
  "$f50" "$f99" "$c50" "$s50" "$s99" "$q50"
awk -v a="$f50" -v b="$f99" -v c="$c50" -v d="$s50" -v e="$s99" -v f="$q50" 'BEGIN { exit !(a <= 3 && b <= 10 && c <= 60 && d <= 450 && e <= 700 && f <= 40) }'
