#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The whole way on real parts: held sessions 0 -> 9 -> 18 -> 0 make gears 1 -> 2 -> 3 -> 1, every request is answered, all places agree,
# a client with a cookie stays on its gear, HAProxy is never reloaded, and a restart of it from the file changes nothing for clients. At the end
# beside another application of the same name, in the same lxc_path.
set -euo pipefail
# shellcheck source=tests/integration/farm.sh
. "$(dirname "$0")/farm.sh"
farm_begin farm 10.77.11
farm_up --set flap_protection=6s --set drain_idle=2s --set debug=true
# setup refuses a second one of this name while it finds the first, by its record or by a gear.
twin_home=$work/twin twin=$work/twin/haproxy-1.4
rm "$lxcpath/.gearscale-application.$app"
twin_setup=("$top/cartridge/bin/setup" --app "$app" --home "$twin_home" --bin-dir "$bin" --template "$template" --bridge "$bridge"
  --address-pool "$net.210-$net.230/24" --bind "127.0.0.1:$((port + 20000))" --set "lxc_path=$lxcpath")
"${twin_setup[@]}" > "$work/twin.log"

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

# --- another application of the same name ---
lines=$(wc -l < "$log")
of_twin() { HOME=$twin_home "$@"; }
twin_end() { [[ ! -x $twin/bin/teardown ]] || of_twin "$twin/bin/teardown" > "$work/twin.log" 2>&1 || cat "$work/twin.log"; farm_end; }
trap twin_end EXIT
ids_of() { jq -r '.gears[].id' "$1/conf/gear-registry.json" | sort | xargs; }
twin_serves() { [[ $(of_twin "$twin/info/bin/haproxy_ctld" --status --json 2> /dev/null | jq '.serving * 10 + .standby') == 11 ]]; }
# Containers of these ids, with the pids of their inits: a gear that was restarted has another one.
inits_of() { local id; for id in "$@"; do printf '%s %s\n' "$id" "$(lxc-info -P "$lxcpath" -n "$app-$id" -pH)"; done; }
quiet() { [[ $(grep -cE 'will be destroyed|neither an entry|its container is' "$1") == 0 ]]; } # quiet LOG
check 'beside gears of the first application a second setup is refused' exits 2 "$top/cartridge/bin/setup" --app "$app" --home "$work/third" \
  --bin-dir "$bin" --bind 127.0.0.1:1 --set "lxc_path=$lxcpath"
check 'one that was made before it had any starts' of_twin "$twin/bin/control" start
check 'a gear of it serves and one stands by' await 30 twin_serves
check 'the first has a standby, at rest' await 30 pool_rests 1
read -r -a first <<< "$(ids_of "$dir")"
read -r -a second <<< "$(ids_of "$twin")"
inits=$(inits_of "${first[@]}" "${second[@]}")
"$tools/haproxy_ctld_daemon" restart > /dev/null
of_twin "$twin/info/bin/haproxy_ctld_daemon" restart > /dev/null
check 'after a restart of both controllers all holds for the first' await_holds
check 'and for the second' of_twin "$twin/info/bin/haproxy_ctld" --check
check 'neither has touched the other one'"'"'s gears' test "$(inits_of "${first[@]}" "${second[@]}")" = "$inits"
"$tools/haproxy_ctld_daemon" stop > /dev/null
check 'the first one does not work on the registry of the second' exits 2 "$tools/haproxy_ctld" --check --haproxy-dir "$twin"
rm "$dir/conf/gear-registry.json"
"$tools/haproxy_ctld_daemon" start > /dev/null
found_again() { [[ $(ids_of "$dir") == "${first[*]}" ]] && stands_by 1; }
check 'a lost registry is rebuilt from its own gears alone' await 30 found_again
check 'all holds for the first' await_holds
check 'no gear of either was restarted' test "$(inits_of "${first[@]}" "${second[@]}")" = "$inits"

# --- marks of a version without a uuid ---
"$tools/haproxy_ctld_daemon" stop > /dev/null
lxc-copy -P "$lxcpath" -n "$template" -N "$app-0badcafe" > /dev/null 2>&1
echo "lxc.group = gearscale/$app" >> "$lxcpath/$app-0badcafe/config"
for id in "${first[@]}"; do sed -i "s|^lxc.group = .*|lxc.group = gearscale/$app|" "$lxcpath/$app-$id/config"; done
jq 'del(.uuid)' "$dir/conf/gear-registry.json" > "$work/former"
cat "$work/former" > "$dir/conf/gear-registry.json"
check '--check says that they are taken over at the next start' exits 4 "$tools/haproxy_ctld" --check
"$tools/haproxy_ctld_daemon" start > /dev/null
marked() { [[ $(grep -lx "lxc.group = gearscale/$app@$(cat "$home/.env/OPENSHIFT_APP_UUID")" "$lxcpath/$app-"*/config | wc -l) == "${#first[@]}" ]]; }
check 'the registry that has them takes them over' await 30 marked
check 'which is said once' test "$(events "The containers of ${#first[@]} gear(s) carry the application's uuid from now on")" = 1
check 'all holds for the first' await_holds
check 'no gear of either was restarted' test "$(inits_of "${first[@]}" "${second[@]}")" = "$inits"
check 'one without an entry is nobody'"'"'s' grep -qx "lxc.group = gearscale/$app" "$lxcpath/$app-0badcafe/config"
check 'nothing was destroyed' quiet <(tail -n +"$((lines + 1))" "$log"; cat "$twin/logs/scale_events.log")
check 'teardown of the second' of_twin "$twin/bin/teardown"
check 'leaves the gears of the first' test "$(inits_of "${first[@]}")" = "$(grep -E "^($(IFS='|'; echo "${first[*]}")) " <<< "$inits")"
check 'and takes away its own' test -z "$(for id in "${second[@]}"; do [[ ! -e $lxcpath/$app-$id ]] || echo "$id"; done)"
check 'the first serves' await 20 all_agree
check 'all holds' await_holds
