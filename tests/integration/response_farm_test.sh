#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The policy response-time on a real HAProxy's own log: slow pages bring gears, fast ones let them go, a reload in the middle costs nothing,
# and without the log nothing is removed.
set -euo pipefail
# shellcheck source=tests/integration/farm.sh
. "$(dirname "$0")/farm.sh"
farm_begin response 10.77.16
farm_up --set policy=response-time --set response_up=700ms --set response_remove=300ms --set response_window=2s --set response_min_requests=5 \
  --set flap_protection=2s --set check_interval=300ms --set drain_idle=500ms
reasons() { events_json "select(.event == \"action\" and .decision.action == \"$1\").decision.reason" | sort -u | xargs; }
serves_at_least() { [[ $(serving) -ge $1 ]]; }

check 'the cartridge starts' "$dir/bin/control" start
check 'a gear serves' await 20 serves 1
check 'a standby is there' await 20 stands_by 1

# One request after the other, 100 ms each: ten at a time take a second on one gear, half of it on two.
load_begin '/cgi-bin/turn?100'
load 10
check 'a slow page brings a second gear' await 20 serves_at_least 2
check 'for that reason' test "$(reasons up)" = 'below_min response_slow'
check 'the log of events has the percentile' grep -Eq 'GEAR_UP - capacity: .* response_p90: [0-9]+ms' "$log"
sleep 3
count=$(serving)
check 'as many as make it fast enough' serves_at_least 2
check 'and no more' test "$count" -le 3
load 1
check 'fast again: the others leave' await 30 serves 1
check 'because response time is low' test -n "$(reasons down)"
check 'all places agree' await 20 all_agree

# --- HAProxy is reloaded while requests come ---
load 2
sleep 0.5
"$dir/bin/control" reload > /dev/null
noticed() { [[ $(events 'flap protection starts again') == 1 ]]; }
check 'the reload is noticed' await 20 noticed
ups() { events_json 'select(.event == "action" and .decision.reason == "response_slow")' | wc -l; }
before=$(ups)
load 10
more() { [[ $(ups) -gt $before ]]; }
check 'the new process is listened to: a slow page brings a gear again' await 20 more
check 'response times were never lost' test "$(events 'Response times are not known')" = 0
load 1
check 'and fast ones let it go' await 30 serves 1
check 'every request was answered' load_end

# --- with the sessions, too ---
"$tools/haproxy_ctld_daemon" restart -- --policy sessions,response-time > /dev/null
load_begin '/cgi-bin/wait?200'
load 10
check 'with both policies sessions bring a gear though the page is fast' await 20 serves 2
check 'for that reason, too' grep -q capacity_reached <<< "$(reasons up)"
load 1
check 'without load it leaves, as both agree' await 30 serves 1
check 'every request was answered with both policies' load_end

# --- no log ---
"$tools/add-gear" > /dev/null
"$dir/bin/control" stop > /dev/null
gears=$(in_registry | wc -l)
sed -i 's/^ring requests/ring others/; s/ring@requests/ring@others/' "$dir/conf/haproxy.cfg"
check 'it starts without the ring that it is to read' "$dir/bin/control" start
lost() { [[ $(events 'Response times are not known, so no gear is removed') -ge 1 ]]; }
check 'and says what is missing' await 20 lost
check 'by name' grep -q 'Response times are not known.*requests' "$log"
sleep 5
check 'once' test "$(events 'Response times are not known')" = 1
check 'nothing is removed' serves "$gears"
check 'because the signal is lost' test "$(events_json 'select(.event == "check").decision.reason' | tail -n 1)" = '"signal_lost"'
check 'a gear can be removed by hand' "$tools/remove-gear"
