#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What dies, is edited or comes in parallel: daemon killed, HAProxy killed, gear killed, registry lost, limits malformed, several tools at once.
set -euo pipefail
# shellcheck source=tests/integration/farm.sh
. "$(dirname "$0")/farm.sh"
farm_begin surv 10.77.12
farm_up --set flap_protection=300s --set check_interval=1s --set drain_idle=200ms
daemon=$tools/haproxy_ctld_daemon
daemon_pid() { cat "$dir/run/haproxy_ctld.pid"; }
ids() { in_registry | sed 's/^gear-//'; }
# parallel COUNT COMMAND...: all at once; prints their exit codes, sorted.
parallel() {
  local count=$1 i
  shift
  rm -f "$work"/exit.*
  for ((i = 0; i < count; ++i)); do (code=0; "$@" > /dev/null 2>&1 || code=$?; echo "$code" > "$work/exit.$i") & done
  wait
  cat "$work"/exit.* | sort | tr '\n' ' '
}

# A container that is not ours, beside ours and named like one of ours.
lxc-copy -P "$lxcpath" -n "$template" -N "$app-0badcafe" > /dev/null 2>&1
stranger() { lxc-info -P "$lxcpath" -n "$app-0badcafe" > /dev/null 2>&1; }

check 'the cartridge starts' "$dir/bin/control" start
check 'one gear serves' await 20 serves 1

# --- tools and limits ---
check 'add-gear adds two and waits' "$tools/add-gear" --count 2
check 'three serve' serves 3
"$dir/hooks/set-scale-limits" 1 4 > /dev/null
codes=$(parallel 6 "$tools/add-gear")
check 'of six additions at once one fits below scale_max (0) and five are exits (3)' test "$codes" = '0 3 3 3 3 3 '
check 'four serve' serves 4
check 'all places agree' await 20 all_agree
first=$(status_json | jq -r '.gears[0].name')
check 'a gear can be pinned' "$tools/remove-gear" --pin "$first"
check 'a pinned gear is not removed by name' exits 3 "$tools/remove-gear" --gear "$first"
codes=$(parallel 5 "$tools/remove-gear")
check 'of five removals at once three go (0) and two are exits at scale_min (3)' test "$codes" = '0 0 0 3 3 '
check 'the pinned gear is left' test "$(ids)" = "$first"
check 'all places agree after the removals' await 20 all_agree
check 'remove-gear --dry-run names no gear at scale_min' exits 3 "$tools/remove-gear" --dry-run
printf 'scale_min=1\nscale_max=5=6\n' > "$(cat "$home/.env/OPENSHIFT_DATA_DIR")/scale_limits.txt"
said() { [[ $(events 'scale_limits.txt') == "$1" ]]; }
check 'malformed limits are said' await 20 said 1
sleep 3
check 'and said once' said 1
check 'a tool refuses malformed limits' exits 2 "$tools/add-gear"
"$dir/hooks/set-scale-limits" 1 -1 > /dev/null

# --- the daemon dies ---
"$tools/add-gear" > /dev/null
before=$(ids)
pid=$(daemon_pid)
start=$(date +%s%N)
kill -TERM "$pid"
check 'TERM ends the daemon' await 20 exits 3 "$daemon" status
check "soon (after $((($(date +%s%N) - start) / 1000000)) ms)" test $(($(date +%s%N) - start)) -lt 10000000000
check 'its gears serve on' test "$(in_haproxy | wc -l)" = 2
check 'status is 3 when it is stopped' exits 3 "$daemon" status
check 'the daemon starts again' "$daemon" start
check 'and keeps its gears' test "$(ids)" = "$before"
check 'a second start exits 1' exits 1 "$daemon" start
pid=$(daemon_pid)
kill -KILL "$pid"
check 'status is 1 after SIGKILL' await 20 exits 1 "$daemon" status
check 'a daemon starts over a stale pid file' "$daemon" start
check 'and keeps its gears again' test "$(ids)" = "$before"

# --- without a daemon ---
check 'stop exits 0' "$daemon" stop
check 'stop of a stopped one exits 0' "$daemon" stop
check '--no-wait without a daemon is refused' exits 4 "$tools/add-gear" --no-wait
check 'add-gear works by itself' "$tools/add-gear"
check 'three gears serve and all places agree' await 20 all_agree
check 'remove-gear works by itself' "$tools/remove-gear"
check 'all places agree without a daemon' await 20 all_agree
codes=$(parallel 3 "$tools/add-gear")
check 'three tools at once without a daemon all succeed' test "$codes" = '0 0 0 '
check 'five gears serve' serves 5
check 'all places agree after three tools at once' await 20 all_agree
"$tools/remove-gear" --count 3 > /dev/null

# --- killed in the middle ---
for round in 1 2 3 4 5; do
  "$tools/add-gear" > /dev/null 2>&1 &
  tool=$!
  sleep "0.0$((round * 2))"
  kill -KILL "$tool" 2> /dev/null || true
  wait "$tool" 2> /dev/null || true
done
check 'the daemon starts after tools were killed' "$daemon" start
settled() { [[ $(status_json | jq '[.gears[] | select(.state != "serving" and .state != "standby")] | length') == 0 ]] && all_agree; }
check 'what they left is carried to its end' await 20 settled
for round in 1 2 3 4; do
  "$tools/add-gear" --no-wait > /dev/null
  sleep "0.0$((round * 2))"
  kill -KILL "$(daemon_pid)"
  await 20 exits 1 "$daemon" status
  "$daemon" start > /dev/null
done
check 'a daemon killed while gears boot leaves nothing behind' await 20 settled

# --- HAProxy dies ---
before=$(in_haproxy)
kill -KILL "$(haproxy_pid)"
lost() { [[ $(events 'A retryable error occurred') -ge 1 ]]; }
check 'the loss of HAProxy is said' await 20 lost
sleep 3
check 'once' test "$(events 'A retryable error occurred')" = 1
check 'HAProxy starts again' "$dir/bin/control" start
back() { [[ $(events 'HAProxy answers again') == 1 ]]; }
check 'its return is said once' await 20 back
check 'it serves the same gears' test "$(in_haproxy)" = "$before"
check 'all places agree after the loss of HAProxy' await 20 all_agree

# --- a gear dies ---
victim=$(status_json | jq -r '[.gears[] | select(.state == "serving")][-1].container')
count=$(serving)
"$dir/hooks/set-scale-limits" "$count" -1 > /dev/null
lxc-stop -k -P "$lxcpath" -n "$victim"
replaced() { serves "$count" && [[ $(status_json | jq --arg name "$victim" '[.gears[] | select(.container == $name)] | length') == 0 ]]; }
check 'a gear that dies is replaced' await 20 replaced
check 'all places agree after a gear died' await 20 all_agree
"$dir/hooks/set-scale-limits" 1 -1 > /dev/null

# --- the registry is lost ---
# A standby that runs until its boot has ended looks like a gear on its way to serving to whoever has no registry.
check 'the pool is at rest' await 20 pool_rests 1
before=$(ids)
"$daemon" stop > /dev/null
printf '{"version":1,' > "$dir/conf/gear-registry.json"
check 'the daemon starts with a corrupt registry' "$daemon" start
rebuilt() { [[ $(ids) == "$before" ]] && all_agree; }
check 'the registry is rebuilt from what LXC and HAProxy show' await 20 rebuilt
check 'the corrupt one is kept aside' test "$(find "$dir/conf" -name 'gear-registry.json.corrupt-*' | wc -l)" = 1

# --- automatic scaling off, and once ---
marker=$(cat "$home/.env/OPENSHIFT_REPO_DIR")/.openshift/markers/disable_auto_scaling
mkdir -p "${marker%/*}"
touch "$marker"
disabled() { [[ $(events 'disable_auto_scaling') -ge 1 ]]; }
check 'the disable_auto_scaling marker is honoured' await 20 disabled
rm "$marker"
check '--once while a daemon runs is refused' exits 4 "$tools/haproxy_ctld" --once
"$daemon" stop > /dev/null
check '--once decides and exits' "$tools/haproxy_ctld" --once
check '-u adds a gear' "$tools/haproxy_ctld" -u
check '-d removes one' "$tools/haproxy_ctld" -d
check 'all places agree at the end' await 20 all_agree
check 'the container that is not ours was never touched' stranger

# --- nothing is left ---
check 'teardown succeeds' "$dir/bin/teardown"
check 'the container that is not ours survives teardown' stranger
left=$(lxc-ls -P "$lxcpath" -1 2> /dev/null | xargs -n 1 | LC_ALL=C sort | xargs)
check 'no gear is left' test "$left" = "$template $app-0badcafe"
check 'no veth is left on the bridge' test -z "$(ip -o link show master "$bridge")"
check 'no cgroup directory of a gear is left' test -z "$(find /sys/fs/cgroup -type d -path "*lxc.*.$app-*" 2> /dev/null)"
lxc-destroy -P "$lxcpath" -n "$app-0badcafe" > /dev/null 2>&1
