#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The whole way on real parts: held sessions 0 -> 9 -> 18 -> 0 make gears 1 -> 2 -> 3 -> 1, every request is answered, all places agree,
# a client with a cookie stays on its gear, HAProxy is never reloaded, and a restart of it from the file changes nothing for clients.
set -euo pipefail
# shellcheck source=tests/integration/farm.sh
. "$(dirname "$0")/farm.sh"
farm_begin farm 10.77.11
farm_up --set flap_protection=6s --set drain_idle=2s --set debug=true

check 'the cartridge starts' "$dir/bin/control" start
check 'scale_min gears serve after the start' await 20 serves 1
check 'registry, HAProxy, haproxy.cfg and LXC agree on 1 gear' await 20 all_agree
pid=$(haproxy_pid)

# A client that keeps the oldest gear's cookie, and asks all the time.
oldest=$(status_json | jq -r '.gears[0].container')
cookie=$(curl -s -D - -o /dev/null "$url/gear.txt" | tr -d '\r' | sed -n 's/^[Ss]et-[Cc]ookie: *\(GEAR=[^;]*\).*/\1/p')
check 'a new client is given a GEAR cookie' test -n "$cookie"
(while :; do curl -s -m 5 -H "Cookie: $cookie" "$url/gear.txt" >> "$work/cookie-client" || echo failed >> "$work/cookie-client"; sleep 0.1; done) &
clients+=("$!")
sticky=$!

hold 9 20000
check '9 held sessions bring a second gear' await 20 serves 2
check 'all places agree on 2 gears' await 20 all_agree
hold 9 15000
check '18 held sessions bring a third gear' await 20 serves 3
check 'all places agree on 3 gears' await 20 all_agree
sleep 5
check 'a steady 18 sessions bring no fourth' serves 3
for client in "${clients[@]}"; do [[ $client == "$sticky" ]] || wait "$client"; done
check 'all 18 held requests were answered with 200' all_answered 18
check 'without load two gears go again' await 60 serves 1
check 'all places agree on 1 gear again' await 20 all_agree
check 'the oldest gear stayed' test "$(status_json | jq -r '.gears[0].container')" = "$oldest"

kill "$sticky" 2> /dev/null
clients=()
check 'the cookie client asked at least 100 times' test "$(wc -l < "$work/cookie-client")" -ge 100
check 'the cookie client was on the oldest gear throughout' test "$(sort -u "$work/cookie-client")" = "$oldest"
check 'HAProxy is the same process as at the start' test "$(haproxy_pid)" = "$pid"

prefix='^[DIE], \[[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{6} #[0-9]+\] '
has_line() { grep -Eq "$prefix$1" "$log"; }
check 'the log has the GEAR_UP line of the cartridge' has_line ' INFO -- : GEAR_UP - capacity: 9[0-9]\.[0-9]{1,2}% gear_count: 1 sessions: (9|10) up_thresh: 90\.0%$'
check 'the log has the second GEAR_UP line' has_line ' INFO -- : GEAR_UP - capacity: 9[0-9]\.[0-9]{1,2}% gear_count: 2 sessions: 1[89] up_thresh: 90\.0%$'
check 'the log has the GEAR_DOWN line of the cartridge' has_line ' INFO -- : GEAR_DOWN - capacity: [0-9.]+% gear_count: 3 sessions: [01] remove_thresh: 49\.9%$'
check 'the log has GEAR_INFO lines of the cartridge' has_line \
  'DEBUG -- : GEAR_INFO - capacity: [0-9]+\.[0-9]{1,2}% gear_count: [0-9]+ sessions: [0-9]+ up/remove_thresh: 90\.0%/49\.9% sec_left_til_remove: [0-9]+ gear_remove_thresh: [0-3]/3$'
check 'each line of the log has the prefix of the cartridge' test "$(grep -Evc "$prefix" "$log")" = 0
check 'two additions under load and two removals were logged' test "$(events 'GEAR_UP - capacity: 9')/$(events 'GEAR_DOWN - capacity')" = 2/2
objects() { jq -es 'length > 20 and all(.[]; has("at") and has("event"))' "${log%.log}.jsonl" > /dev/null; }
check 'scale_events.jsonl holds one object a line' objects

# --- a full restart of HAProxy from the file ---
check 'a second gear by hand' "$tools/add-gear"
gear_of() { curl -s -m 5 -H "Cookie: $1" "$url/gear.txt"; }
declare -A gear_by_cookie=()
for _ in $(seq 20); do
  answer=$(curl -s -D "$work/headers" "$url/gear.txt")
  value=$(tr -d '\r' < "$work/headers" | sed -n 's/^[Ss]et-[Cc]ookie: *\(GEAR=[^;]*\).*/\1/p')
  gear_by_cookie[$value]=$answer
done
check 'two gears hand out two cookies' test "${#gear_by_cookie[@]}" = 2
before=$(in_haproxy)
"$dir/bin/control" stop > /dev/null
check 'the gears live on without controller and HAProxy' test "$(in_lxc | wc -l)" = 2
check 'the cartridge starts again' "$dir/bin/control" start
check 'HAProxy is a new process' test "$(haproxy_pid)" != "$pid"
same=yes
for value in "${!gear_by_cookie[@]}"; do [[ $(gear_of "$value") == "${gear_by_cookie[$value]}" ]] || same=no; done
check 'the same cookies lead to the same gears' test "$same" = yes
check 'HAProxy serves the same gears' test "$(in_haproxy)" = "$before"
check 'all places agree after the restart' await 20 all_agree
