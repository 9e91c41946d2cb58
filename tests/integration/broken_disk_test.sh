#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The disk fails under a running daemon, at each step of the writing of each file: gears serve on, what is on the disk is whole, the log says what
# failed and why, and when the disk is well again everything is brought up to date. No request fails.
set -euo pipefail
# shellcheck source=tests/integration/farm.sh
. "$(dirname "$0")/farm.sh"
shim=$(readlink -f "$bin/../lib/libgearscale_broken_disk.so")
[[ -f $shim ]] || { printf 'SKIPPED: %s is not built\n' "$bin/../lib/libgearscale_broken_disk.so"; exit 0; }
farm_begin disk 10.77.48
farm_up --set flap_protection=600s --set check_interval=300ms --set drain_idle=200ms --set standby_count=0
export ASAN_OPTIONS=detect_leaks=0:verify_asan_link_order=0
daemon=$dir/info/bin/haproxy_ctld_daemon
fault=$work/fault
broken() { env LD_PRELOAD="$shim" GEARSCALE_DISK_FAULT="$fault" "$@"; } # with that disk
break_disk() { printf '%s\n' "$1" > "$fault.new"; mv "$fault.new" "$fault"; }
mend_disk() { rm -f "$fault"; }
whole() { jq -e .version "$dir/conf/gear-registry.json" > /dev/null && haproxy -c -q -f "$dir/conf/haproxy.cfg" > /dev/null 2>&1; }
no_temps() { [[ -z $(find "$home" -name '.gearscale-*' -o -name '.*.new.*') ]]; }
runs() { "$daemon" status > /dev/null; }
said() { tail -n "+$((lines + 1))" "$log" | grep -q -- "$1"; }
put_out() { tail -c "+$((bytes + 1))" "$dir/run/haproxy_ctld.output" | grep -q -- "$1"; } # what the daemon said where it cannot log
mark() { lines=$(wc -l < "$log") bytes=$(wc -c < "$dir/run/haproxy_ctld.output"); }

"$dir/bin/control" start > /dev/null
"$daemon" stop > /dev/null
check 'the daemon starts on that disk' broken "$daemon" start
check 'a gear serves' await 20 serves 1
load_begin '/cgi-bin/wait?100'
load 3
count=1

# with_fault FAULT WHAT SAYS: gears come and go on the broken disk; it is told what fails and why; a well disk mends all of it.
with_fault() {
  local before
  mark
  before=$(cat "$dir/conf/gear-registry.json")
  break_disk "$1"
  if [[ $count -lt 3 ]]; then count=$((count + 1)); "$tools/add-gear" --no-wait > /dev/null; else count=1; "$tools/remove-gear" --count 2 --no-wait > /dev/null; fi
  check "$2: it is said" await 10 "${4:-said}" "$3"
  check "$2: the files are whole" whole
  check "$2: the daemon stays" runs
  mend_disk
  check "$2: when it is over $count serve" await 40 serves "$count"
  check "$2: and all agree" await_holds
  check "$2: no temp file stays" await 5 no_temps
}
registry='haproxy_ctld*:*/conf/.gearscale-*' registry_name='haproxy_ctld*:*/gear-registry.json'
for kind in 'ENOSPC no space left on device' 'EIO input/output error'; do
  number=${kind%% *} words=${kind#* }
  for call in create write fsync; do
    with_fault "$call $number $registry" "registry, $call $number" "cannot write .*gear-registry.json: $words"
  done
  with_fault "rename $number $registry_name" "registry, rename $number" "cannot write .*gear-registry.json: $words"
done
with_fault "write short $registry" 'registry, short write' 'cannot write .*gear-registry.json: no space left on device'
for call in create write fsync; do
  with_fault "$call ENOSPC gearscale-file:*/conf/.gearscale-*" "haproxy.cfg, $call ENOSPC" 'haproxy.cfg: no space left on device'
done
with_fault 'rename EIO gearscale-file:*/haproxy.cfg' 'haproxy.cfg, rename EIO' 'haproxy.cfg: input/output error'
with_fault 'write short gearscale-file:*/conf/.gearscale-*' 'haproxy.cfg, short write' 'haproxy.cfg: no space left on device'

# --- the logs: lines are lost, and standard error has the word ---
for kind in ENOSPC EIO short; do
  with_fault "write $kind haproxy_ctld*:*/scale_events.*" "logs, $kind" 'scale_events.jsonl: .*events are dropped until it can be written again' put_out
  "$tools/add-gear" > /dev/null
  "$tools/remove-gear" --now > /dev/null
  check "logs, $kind: they are written again" await 5 put_out 'scale_events.jsonl can be written again; events dropped: [1-9]'
  check "logs, $kind: and whole" exits 0 jq -es 'length == 3' <<< "$(tail -n 3 "${log%.log}.jsonl")"
done

# --- a power cut: what was said to be written was not ---
for name in gear-registry.json haproxy.cfg; do
  break_disk "rename lost *:*/$name"
  "$tools/add-gear" --no-wait > /dev/null
  sleep 1
  check "power cut, $name: what is there is whole" whole
  kill -KILL "$(cat "$dir/run/haproxy_ctld.pid")"
  mend_disk
  check "power cut, $name: the daemon starts" broken "$daemon" start
  check "power cut, $name: and all agree" await_holds
  check "power cut, $name: the gear serves" await 20 serves "$((count + 1))"
  check "power cut, $name: no temp file stays" await 5 no_temps
  "$tools/remove-gear" --now > /dev/null
done

# --- the pid file ---
"$daemon" stop > /dev/null
break_disk 'write ENOSPC haproxy_ctld*:*/haproxy_ctld.pid'
check 'without a pid file the daemon does not start' exits 1 broken "$daemon" start
check 'it says why' grep -q 'haproxy_ctld.pid: no space left on device' <<< "$(broken "$daemon" start 2>&1)"
check 'and leaves none' test ! -e "$dir/run/haproxy_ctld.pid"
mend_disk
check 'then it starts' broken "$daemon" start

# --- the limits, by their hook ---
limits=$(cat "$home/.env/OPENSHIFT_DATA_DIR")/scale_limits.txt
"$dir/hooks/set-scale-limits" 1 5 > /dev/null
before=$(cat "$limits")
for order in 'write ENOSPC cat:*' 'write EIO cat:*' 'write short cat:*' 'rename EIO mv:*' 'rename ENOSPC mv:*'; do
  break_disk "$order"
  check "limits, $order: the hook fails" exits 1 broken "$dir/hooks/set-scale-limits" 2 7
  check "limits, $order: and says why" grep -Eq 'No space left on device|Input/output error' <<< "$(broken "$dir/hooks/set-scale-limits" 2 7 2>&1)"
  check "limits, $order: the old ones stay" test "$(cat "$limits")" = "$before"
  mend_disk
  check "limits, $order: no temp file stays" no_temps
done
check 'limits: the hook succeeds again' "$dir/hooks/set-scale-limits" 1 -1
load 0
check 'no request failed in all of that' load_end
