#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The pool of standbys on real parts: there after the start, woken by load, refilled, replaced when one dies; what happens when there is none, when
# the daemon is killed in the middle, and with stopped standbys. No request fails in all of it.
set -euo pipefail
# shellcheck source=tests/integration/farm.sh
. "$(dirname "$0")/farm.sh"
farm_begin standby 10.77.13
farm_up --set flap_protection=1s --set check_interval=300ms --set drain_idle=300ms
daemon=$tools/haproxy_ctld_daemon
gone() { ! grep -q "\"${1#gear-}\"" "$dir/conf/gear-registry.json" && [[ $(container_state "$1") == ABSENT ]]; }
nothing_moves() { [[ $(jq '[.gears[] | select(.state != "serving" and .state != "standby")] | length' "$dir/conf/gear-registry.json") == 0 ]]; }

check 'the cartridge starts' "$dir/bin/control" start
check 'a gear serves' await 20 serves 1
check 'a standby is there' await 20 stands_by 1
standby=$(in_registry standby)
is_frozen() { [[ $(container_state "$1") == FROZEN ]]; }
check 'LXC has it FROZEN when its boot has ended' await 20 is_frozen "$standby"
check 'an event says so' await 5 outcome_is "$standby" frozen 'boot'
check 'HAProxy does not know it' not grep -q "$standby" <<< "$(runtime 'show servers state')"
check 'nor does haproxy.cfg' not grep -q "$standby" "$dir/conf/haproxy.cfg"
pid=$(haproxy_pid)

# --- woken, refilled, several at once ---
load_begin '/cgi-bin/wait?400'
load 10
check 'load wakes it' await 20 is_in "$standby" in_haproxy
check 'its event says so' await 20 outcome_is "$standby" serving 'woken from standby'
runs() { [[ $(container_state "$1") == RUNNING ]]; }
check 'it is the same container, which runs as soon as it is confirmed' await 10 runs "$standby"
check 'the pool is refilled' await 20 stands_by 1
check 'by another gear' test "$(in_registry standby)" != "$standby"
check 'haproxy.cfg agrees' await 20 all_agree
load 28
check 'two more gears are needed' await 20 serves 4
check 'a standby is woken for one of them' test "$(events_json 'select(.event == "outcome" and .step == "serving").detail' | tail -n 2 | grep -c 'woken')" -ge 1
check 'all places agree on four' await 20 all_agree

# --- a gear that leaves is kept where the pool has room: here nothing can be cloned ---
check 'a standby is there beside four' await 20 stands_by 1
"$daemon" restart -- --address-pool "$net.10-$net.14/24" > /dev/null
load 44
check 'what cannot be cloned is woken' await 20 serves 5
check 'no standby can be made' await 20 grep -q 'No standby can be made now: every address of the pool is in use' "$log"
load 0
kept() { [[ -n $(events_json 'select(.event == "outcome" and .step == "removed" and .detail == "kept as a standby").gear') ]]; }
check 'without load a gear that leaves is kept as a standby' await 20 kept
check 'frozen' await 20 stands_by 1
check 'the others leave' await 20 serves 1
check 'one standby stays' await 20 stands_by 1
check 'all places agree on one' await 20 all_agree
"$daemon" restart > /dev/null

# --- a standby dies while it is frozen ---
standby=$(in_registry standby)
lxc-stop -k -P "$lxcpath" -n "$app-${standby#gear-}"
check 'a standby that died is noticed' await 20 gone "$standby"
check 'and replaced' await 20 stands_by 1
standby=$(in_registry standby)
kill -KILL "$(lxc-info -P "$lxcpath" -n "$app-${standby#gear-}" -pH)"
load 10
check 'load that comes when the standby was killed is served by two' await 20 serves 2
check 'the killed one is gone' await 20 gone "$standby"
check 'and replaced, too' await 25 stands_by 1
check 'two serve after all' await 20 serves 2
check 'all places agree after deaths' await 20 all_agree

# --- none is left ---
"$daemon" stop > /dev/null
standby=$(in_registry standby)
check 'remove-gear removes a standby by name' "$tools/remove-gear" --gear "$standby"
check 'no standby is left' test -z "$(in_pool)"
before=$(events_json . | wc -l)
load 42
"$daemon" start > /dev/null
check 'without a standby three gears are cloned' await 20 serves 5
new_events() { tail -n "+$((before + 1))" "${log%.log}.jsonl"; }
check 'by one decision' test "$(new_events | jq -c 'select(.event == "action" and .decision.action == "up") | (.gears | length)' | xargs)" = 3
steps=$(new_events | jq -r 'select(.event == "outcome" and (.step == "bring_up" or .step == "serving")).step' | head -n 4 | xargs)
check 'all of them started before the first one served' test "$steps" = 'bring_up bring_up bring_up serving'
check 'then the pool is refilled' await 20 stands_by 1

# --- killed right after a load step ---
for delay in 0.25 0.45; do
  load 0
  check "the farm shrinks (before a kill $delay s after the step)" await 20 serves 1
  check 'with a standby' await 20 stands_by 1
  load 28
  sleep "$delay"
  kill -KILL "$(cat "$dir/run/haproxy_ctld.pid")"
  await 20 exits 1 "$daemon" status
  "$daemon" start > /dev/null
  check 'a daemon that starts again brings what is needed' await 20 serves 4
  check 'nothing is left half done' await 20 nothing_moves
  check 'all places agree' await 20 all_agree
done
load 0
check 'the farm shrinks at the end of the load' await 20 serves 1
check 'every request was answered' load_end

# --- stopped standbys ---
"$daemon" stop > /dev/null
"$tools/remove-gear" --gear "$(in_registry standby)" > /dev/null
"$daemon" start -- --standby-state stopped > /dev/null
check 'a stopped standby is made' await 20 stands_by 1
standby=$(in_registry standby)
check 'LXC has it STOPPED' test "$(container_state "$standby")" = STOPPED
load_begin '/cgi-bin/wait?400'
load 10
check 'load starts it' await 20 is_in "$standby" in_haproxy
load 0
check 'every request was answered with a stopped standby' load_end
check 'all places agree at the end' await 20 all_agree
check 'HAProxy is the same process throughout' test "$(haproxy_pid)" = "$pid"
