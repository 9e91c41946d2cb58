#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Rolling replacement on real parts, under load and with clients that keep their gear by a cookie: the new gears serve before the old ones leave, no
# request fails, no session changes its gear. A template that never gets ready stops it and costs nothing.
set -euo pipefail
# shellcheck source=tests/integration/farm.sh
. "$(dirname "$0")/farm.sh"
farm_begin replace 10.77.17
farm_up --set flap_protection=300s --set check_interval=500ms --set drain_idle=1s --set boot_timeout=6s
second=$app-second third=$app-third fourth=$app-fourth broken=$app-broken
for name in "$second" "$third" "$fourth" "$broken"; do "$top/scripts/make-template" "$name" --lxc-path "$lxcpath" > /dev/null; done
# Its web server is another program, which does not listen.
sed -i 's|/bin/httpd -f -p 8080 .*|/bin/sleep 1000 \&|' "$lxcpath/$broken/rootfs/sbin/init"
grep -q '/bin/sleep 1000' "$lxcpath/$broken/rootfs/sbin/init"

templates() { jq -r '.gears[].template' "$dir/conf/gear-registry.json" | sort -u | xargs; }
status_has() { { "$tools/haproxy_ctld" --replace --status --json || true; } | jq -e "$1" > /dev/null; }
# session_clients COUNT SECONDS: each asks ten times a second, in sessions of 25 requests with a cookie of their own. One line for each session.
session_clients() {
  local i seconds_end=$((SECONDS + $2))
  : > "$work/sessions"
  for ((i = 0; i < $1; ++i)); do
    (while [[ $SECONDS -lt $seconds_end ]]; do
      curl -s -m 30 -b '' --rate 10/s -w '%{http_code}\n' "$url/gear.txt?[1-25]" | sort | uniq -c | xargs >> "$work/sessions" || true
    done) &
    clients+=("$!")
  done
}
# A session that stayed on its gear: 25 times 200, 25 times one name.
whole_sessions() { [[ $(wc -l < "$work/sessions") -ge $1 && $(grep -Evc '^25 200 25 [a-z0-9-]+$' "$work/sessions") == 0 ]]; }
# watch_serving: the fewest gears that HAProxy had in rotation, at each look, go to $work/serving.
watch_serving() {
  : > "$work/serving"
  (while :; do in_haproxy | wc -l >> "$work/serving"; sleep 0.05; done) &
  watcher=$!
}
fewest() { kill "$watcher" 2> /dev/null; wait "$watcher" 2> /dev/null || true; sort -n "$work/serving" | head -n 1; }

"$dir/hooks/set-scale-limits" 3 -1 > /dev/null
check 'the cartridge starts' "$dir/bin/control" start
check 'three gears serve' await 20 serves 3
check 'a standby is there' await 20 stands_by 1
pid=$(haproxy_pid)
check 'no replacement was begun' status_has '.state == "none"'
load_begin '/cgi-bin/wait?150'
load 8

# --- under load, with a daemon ---
old=$(in_registry)
session_clients 5 12
sleep 1
watch_serving
"$tools/haproxy_ctld" --replace --template "$second" --json > "$work/replace.json" 2> "$work/replace.err" &
tool=$!
check 'its progress can be asked for' await 20 status_has ".state == \"running\" and .template == \"$second\" and .replaced + .to_go == 3"
code=0
wait "$tool" || code=$?
check 'the replacement ends well' test "$code" = 0
check 'and prints one JSON object' test "$(jq -c '[.state, .replaced, .to_go, .template]' "$work/replace.json")" = "[\"done\",3,0,\"$second\"]"
check '--replace --status says done' status_has '.state == "done" and .replaced == 3'
check 'the old gears leave' await 20 serves 3
check 'the standby is a new one, too' await 20 stands_by 1
check 'all gears are of the new template' test "$(templates)" = "$second"
check 'none of the old ones is left' test -z "$(comm -12 <(echo "$old") <(in_registry))"
few=$(fewest)
check "never did fewer than three serve (fewest: $few)" test "$few" -ge 3
wait_for_clients
check "each of $(wc -l < "$work/sessions") sessions stayed on its gear" whole_sessions 15
grep -Evm 5 '^25 200 25 [a-z0-9-]+$' "$work/sessions" || true
check 'all places agree' await 20 all_agree
check 'a second run has nothing to do' "$tools/haproxy_ctld" --replace --template "$second"
check 'a gear can be added' "$tools/add-gear"
check 'it is of the new template, too' test "$(templates)" = "$second"
check 'the daemon said what it did' grep -q "The replacement is done, 3 gear(s) replaced by $second" "$log"

# --- a template that never gets ready ---
before=$(in_registry)
watch_serving
code=0
"$tools/haproxy_ctld" --replace --template "$broken" > "$work/out" 2> "$work/err" || code=$?
check 'a template that never gets ready stops the replacement (1)' test "$code" = 1
check 'and it is said why' grep -q 'the replacement has stopped: .*did not become ready.*connection refused' "$work/err"
check '--replace --status exits 1' exits 1 "$tools/haproxy_ctld" --replace --status
check 'and says so' status_has '.state == "stopped" and .replaced == 0 and .note != ""'
check 'all the old gears serve' test "$(in_registry)" = "$before"
few=$(fewest)
check "and did so all the time (fewest: $few)" test "$few" -ge 4
check 'all places agree after it' await 20 all_agree
check 'new gears are of the good template again' "$tools/add-gear"
check 'standbys, too' await 20 stands_by 1
check 'there is no other template' test "$(templates)" = "$second"

# --- the daemon is killed in the middle ---
before=$(serving)
check 'a replacement can be left to the daemon' "$tools/haproxy_ctld" --replace --template "$third" --no-wait
sleep 0.2
kill -KILL "$(cat "$dir/run/haproxy_ctld.pid")"
await 20 exits 1 "$tools/haproxy_ctld_daemon" status
"$tools/haproxy_ctld_daemon" start > /dev/null
check 'a daemon that starts again carries it on' await 60 status_has ".state == \"done\" and .template == \"$third\" and .replaced == $before"
check 'until the old ones are gone' await 20 serves "$before"
check 'all gears are of the third template' test "$(templates)" = "$third"

# --- without a daemon, two at a time ---
"$tools/haproxy_ctld_daemon" stop > /dev/null
session_clients 4 8
watch_serving
check 'it works without a daemon, two at a time' "$tools/haproxy_ctld" --replace --template "$fourth" --step 2
check 'all gears are of the fourth template' test "$(templates)" = "$fourth"
check 'as many as before serve' serves "$before"
few=$(fewest)
check "never fewer than $before served (fewest: $few)" test "$few" -ge "$before"
wait_for_clients
check "each of $(wc -l < "$work/sessions") sessions stayed on its gear without a daemon" whole_sessions 10
grep -Evm 5 '^25 200 25 [a-z0-9-]+$' "$work/sessions" || true
check 'all places agree without a daemon' await 20 all_agree
check 'no request of the load failed' load_end
check 'HAProxy is the same process throughout' test "$(haproxy_pid)" = "$pid"
