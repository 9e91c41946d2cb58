#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Gears that leave, on real parts: a drain keeps its sessions, load that returns recalls the gear, one that a person named leaves all the same,
# what remove-gear shows and cuts, and a reload of HAProxy that is no idle farm.
set -euo pipefail
# shellcheck source=tests/integration/farm.sh
. "$(dirname "$0")/farm.sh"
farm_begin drain 10.77.14
farm_up --set flap_protection=3s --set check_interval=300ms --set drain_idle=1s
state_of() { jq -r --arg id "${1#gear-}" '.gears[] | select(.id == $id) | .state' "$dir/conf/gear-registry.json"; }
server_state() { status_json | jq -r --arg server "$1" '.gears[] | select(.server == $server) | .server_state'; }
is() { [[ $("$2" "$3") == "$1" ]]; } # is WHAT COMMAND SERVER
gone() { [[ -z $(state_of "$1") && $(container_state "$1") == ABSENT ]]; }
drains() { [[ $(in_registry draining | wc -l) == "$1" ]]; }
known() { lxc-ls -P "$lxcpath" -1 | xargs; }
codes_begin() { : > "$work/codes"; }

check 'the cartridge starts' "$dir/bin/control" start
check 'a gear serves' await 20 serves 1
check 'a standby is there' await 20 stands_by 1
load_begin '/cgi-bin/wait?300'

# --- recalled ---
"$tools/add-gear" > /dev/null
check 'two serve' await 20 serves 2
check 'and the pool is full' await 20 stands_by 1
codes_begin
hold 6 12000
check 'with few sessions one of two drains' await 20 drains 1
leaving=$(in_registry draining)
check 'HAProxy drains it' await 20 is DRAIN server_state "$leaving"
before=$(known)
sleep 1.5
check 'a drain longer than drain_idle keeps a gear with sessions' test "$(state_of "$leaving")" = draining
load 10
check 'load that returns recalls it' await 20 is serving state_of "$leaving"
check 'its event says so' await 20 outcome_is "$leaving" serving recalled
check 'HAProxy sends it new clients again' await 20 is UP server_state "$leaving"
check 'no other container was made' test "$(known)" = "$before"
wait_for_clients
check 'the held requests were answered' all_answered 6
check 'all places agree after the recall' await 20 all_agree

# --- named by a person: not recalled; what remove-gear shows meanwhile ---
load 0
codes_begin
hold 6 6000
victim=$(in_registry | tail -n 1)
if script --version > /dev/null 2>&1; then
  script -qec "'$tools/remove-gear' --gear '$victim'" /dev/null < /dev/null > "$work/terminal" 2>&1 &
else
  printf 'note: script(1) is not there: progress on a terminal is not looked at\n'
  "$tools/remove-gear" --gear "$victim" > "$work/terminal" 2>&1 &
fi
tool=$!
check 'a gear is named for removal and drains' await 20 is draining state_of "$victim"
load 8
check 'load that returns wakes the standby instead' await 20 serves_beside 2 "$victim"
check 'the named one leaves all the same' await 20 gone "$victim"
code=0
wait "$tool" || code=$?
check 'remove-gear ends well' test "$code" = 0
if script --version > /dev/null 2>&1; then
  check 'on a terminal it shows how the drain goes' grep -Eq "draining: 0 of 1 gone, ${victim#gear-} draining \([0-9]+ sessions?, at most [0-9]+ s more\), [0-9]+ s" "$work/terminal"
fi
wait_for_clients
check 'its held requests were answered' all_answered 6

# --- --now ---
check 'a standby is there again' await 20 stands_by 1
load 0
codes_begin
hold 8 4000
victim=$(in_registry | tail -n 1)
start=$SECONDS
"$tools/remove-gear" --gear "$victim" --now > /dev/null &
tool=$!
check '--now takes it out of service at once' await 20 is MAINT server_state "$victim"
code=0
wait "$tool" || code=$?
check 'remove-gear --now ends well' test "$code" = 0
cut() { [[ -n $(events_json "select(.step == \"cut_sessions\" and .gear == \"${1#gear-}\").gear") ]]; }
check 'it waited for the requests that the gear had' not cut "$victim"
check 'and not for drain_hard, which is 60 s' test $((SECONDS - start)) -lt 40
wait_for_clients
check 'they were answered' all_answered 8

# --- a reload of HAProxy ---
load 10
check 'two serve before the reload' await 20 serves 2
check 'and all agree' await 20 all_agree
sleep 2.8
load 0
old=$(haproxy_pid)
"$dir/bin/control" reload > /dev/null
check 'HAProxy is another process' test "$(haproxy_pid)" != "$old"
noticed() { [[ $(events 'flap protection starts again') == 1 ]]; }
check 'the reload is noticed' await 20 noticed
check 'without load a gear leaves in the end' await 20 serves 1
check 'the reload is said once' noticed
millis() { jq -rs "$1 | .at | (.[0:19] + \"Z\" | fromdate) * 1000 + (.[20:23] | tonumber)" "${log%.log}.jsonl"; }
reloaded=$(millis 'map(select(.event == "notice" and (.text | contains("flap protection starts again")))) | last')
removed=$(millis 'map(select(.event == "action" and .decision.action == "down")) | last')
check "no removal within flap_protection of it (it came $((removed - reloaded)) ms later)" test $((removed - reloaded)) -ge 3000
check 'all places agree after the reload' await 20 all_agree
check 'every request of the load was answered' load_end

# --- a reload of HAProxy, and then the controller goes: the old process has sessions that only those know who were there ---
"$dir/hooks/set-scale-limits" 4 8 > /dev/null
check 'four serve' await 20 serves 4
codes_begin
hold 4 10000
one_each() { [[ $(runtime 'show stat' | awk -F, '$1 == "express" && $2 ~ /^gear-/ { print $5 }' | sort | uniq -c | xargs) == '4 1' ]]; }
check 'each of them has a long request' await 8 one_each
"$dir/bin/control" reload > /dev/null
"$dir/hooks/set-scale-limits" 1 8 > /dev/null
mapfile -t busy < <(in_registry)
said=$(events 'Configuration re-read')
kill -HUP "$(cat "$dir/run/haproxy_ctld.pid")"
re_read() { [[ $(events 'Configuration re-read') -gt $said ]]; }
check 'the controller reads its configuration again' await 10 re_read
check 'one of them is to leave' "$tools/remove-gear" --no-wait --gear "${busy[0]}"
kill -KILL "$(cat "$dir/run/haproxy_ctld.pid")"
await 10 not "$tools/haproxy_ctld_daemon" status > /dev/null
check 'the controller starts after its crash' "$tools/haproxy_ctld_daemon" start
check 'the second one is to leave' "$tools/remove-gear" --no-wait --gear "${busy[1]}"
check 'the controller stops' "$tools/haproxy_ctld_daemon" stop
check 'a tool alone waits for the third' "$tools/remove-gear" --gear "${busy[2]}"
wait_for_clients
check 'all of them were answered' all_answered 4
check 'the controller starts again' "$tools/haproxy_ctld_daemon" start
check 'one serves' await 20 serves 1
check 'all places agree at the end' await 20 all_agree
