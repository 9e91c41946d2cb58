#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What goes wrong without anybody being killed: full disks, hung applications, a template whose gears never answer, strangers, and containers and
# servers that somebody else changed.
set -euo pipefail
# shellcheck source=tests/integration/farm.sh
. "$(dirname "$0")/farm.sh"
farm_begin trouble 10.77.47
# shellcheck source=tests/integration/chaos.sh
. "$(dirname "$0")/chaos.sh"
farm_up --set flap_protection=1h --set check_interval=500ms --set drain_idle=200ms --set down_timeout=2s --set boot_timeout=3s --set scale_min=3
daemon=$tools/haproxy_ctld_daemon
set_to() { # set_to KEY VALUE: a setting, and the daemon that has it
  sed -i "/^$1 *=/d" "$dir/conf/haproxy_ctld.conf"
  printf '%s = %s\n' "$1" "$2" >> "$dir/conf/haproxy_ctld.conf"
  "$daemon" restart > /dev/null
}
said() { [[ $(events "$2") == "$1" ]]; } # said TIMES TEXT

# A stranger's container, named like one of ours, and a stranger's server.
lxc-copy -P "$lxcpath" -n "$template" -N "$app-0badcafe" > /dev/null 2>&1
sed -i 's/^    # BEGIN gearscale/    server stranger 127.0.0.1:9 weight 0\n&/' "$dir/conf/haproxy.cfg"
stranger() { [[ $(container_state gear-0badcafe) == STOPPED && $(runtime 'show servers state express' | grep -c ' stranger ') == 1 ]]; }

# Conf and log directory on file systems of their own, of half a megabyte, and back.
small() {
  local aside=$work/aside
  mv "$1" "$aside"
  mkdir -m 755 "$1"
  mount -t tmpfs -o size=512k,mode=755 "$1" "$1"
  mounts+=("$1")
  cp -a "$aside/." "$1/"
  rm -rf "$aside"
}
large() {
  cp -a "$1/." "$work/aside"
  umount "$1"
  rmdir "$1"
  mv "$work/aside" "$1"
}
logs=${log%/*}
[[ $logs == "$dir"/* && $logs != "$dir/conf"* ]] || { printf 'FAILED  the logs are not where this test puts them\n'; exit 1; }
small "$dir/conf"
small "$logs"
is_full() { [[ $(df --output=avail "$1" | tail -n 1) -eq 0 ]]; }
# What was being written at that moment leaves room again.
fill() {
  local _
  for _ in {1..20}; do
    cat /dev/zero >> "$1/.full" 2> /dev/null || true
    sleep 0.05
  done
  is_full "$1"
}
free() { rm -f "$1/.full"; }

check 'HAProxy and its supervisor start' haproxy_begin
check 'the daemon starts' "$daemon" start
check 'three gears serve' await 30 serves 3
check 'a standby is there' await 10 stands_by 1

# --- everything is killed while it is young ---
# Nothing is proven of the template, so three deaths open its breaker: with nothing serving it is cloned all the same, one gear at a time.
doomed=$(in_haproxy | xargs)
lxc-stop -k -P "$lxcpath" -n "$app-$(in_registry standby | head -n 1 | sed 's/^gear-//')"
# shellcheck disable=SC2046  # several pids
kill -KILL $(for gear in $doomed; do init_of "$gear"; done)
killed_at=$(now_ms)
fresh_ones() { [[ $(in_haproxy | grep -cvxF "${doomed// /$'\n'}") -ge $1 ]]; }
check 'with three young gears and the standby killed one serves again within seconds' await 6 fresh_ones 1
printf '        three young gears killed -> one serves: %s ms\n' "$(($(now_ms) - killed_at))"
check 'the breaker is open' test "$(status_json | jq '.breaker.failures >= 3')" = true
check 'and three serve after its first pause' await 25 serves 3
check 'the standby comes back, too' await 10 stands_by 1
judged_load_begin '/cgi-bin/wait?100' 3

# --- the conf directory is full ---
whole() { jq -e '.gears | length > 0' "$dir/conf/gear-registry.json" > /dev/null && haproxy -c -q -f "$dir/conf/haproxy.cfg" > /dev/null 2>&1; }
check 'conf/ is filled' fill "$dir/conf"
before_registry=$(cksum < "$dir/conf/gear-registry.json") before_cfg=$(cksum < "$dir/conf/haproxy.cfg")
check 'add-gear fails' exits 1 "$tools/add-gear"
check 'registry and haproxy.cfg are byte for byte as before' test "$before_registry/$before_cfg" = "$(cksum < "$dir/conf/gear-registry.json")/$(cksum < "$dir/conf/haproxy.cfg")"
victim=$(in_haproxy | tail -n 1)
kill_gear "$victim"
check 'a gear that dies now is out of rotation all the same' wait_for_death
sleep 5
lines=$(wc -l < "$log")
sleep 5
more=$(($(wc -l < "$log") - lines))
check "a standby that could not be written down is said once" test "$(events 'create_standby failed')" -le 1
check "what cannot be written is not said again and again ($more lines in 5 s)" test "$more" -le 4
check 'clients are served' serves_clients
check 'both files are whole' whole
free "$dir/conf"
check 'with room again the dead gear is replaced' await 40 serves 3
# What failed is tried again after 30 s at the latest.
check 'all agree' await 30 checks

# --- the log directory is full ---
whole_events() { jq -es 'length > 0' "${log%.log}.jsonl" > /dev/null; }
check 'logs/ is filled' fill "$logs"
check 'add-gear works' "$tools/add-gear"
check 'four serve' await 10 serves 4
kill_gear "$(in_haproxy | tail -n 1)"
check 'a gear that dies now is out of rotation' wait_for_death
check 'and replaced' await 20 serves 4
free "$logs"
# Two files, and a short line may still fit where a long one did not.
dropped() { grep -c 'events are dropped' "$dir/run/haproxy_ctld.output"; }
check "that events are dropped is not said again and again ($(dropped) times)" test "$(dropped)" -le 6
"$tools/remove-gear" > /dev/null
check 'events are written again' await 5 grep -q 'GEAR_DOWN' "$log"
check 'each line of the events is whole' whole_events
check 'three serve' await 10 serves 3

# --- both are full ---
both_full() { fill "$dir/conf" && fill "$logs"; }
check 'both are filled' both_full
check 'clients are served while both are full' serves_clients
kill -KILL "$(daemon_pid)"
"$daemon" start > /dev/null 2>&1 || true
free "$dir/conf"
free "$logs"
"$daemon" status > /dev/null 2>&1 || "$daemon" start > /dev/null
check 'a daemon that was killed meanwhile finds all as it was' await 20 serves 3
check 'all agree after that' checks
judged_load_end
check 'no request failed on a healthy gear' no_healthy_gear_failed
check 'no GET that a gear had not begun to answer failed with it' no_unanswered_get_failed
"$daemon" stop > /dev/null
large "$dir/conf"
large "$logs"
# The deaths so far are of no account for what follows.
jq '.breaker |= (.failures = 0 | .deaths = 0 | .pauses = 0)' "$dir/conf/gear-registry.json" > "$work/registry"
cat "$work/registry" > "$dir/conf/gear-registry.json"
mounts=()
"$daemon" start > /dev/null

# --- hung applications ---
# The programs of a gear, its init apart, stop without ending: HAProxy's checks are not answered.
programs_of() { local init; init=$(init_of "$1"); cat "/proc/$init/task/$init/children"; }
# shellcheck disable=SC2046  # several pids
hang() { kill -STOP $(programs_of "$1"); }
others() { in_registry | grep -vx "$1" | xargs; }

hung=$(in_haproxy | tail -n 1)
before=$(others "$hung")
hang "$hung"
replaced() { serves 3 && [[ -z $(state_of "$1") ]]; }
check 'a hung gear is replaced' await 30 replaced "$hung"
check 'the reason is said' await 2 outcome_is "$hung" serving 'DOWN in HAProxy for too long: no answer: GET http://'
check 'the others stayed' test -z "$(comm -23 <(tr ' ' '\n' <<< "$before") <(in_registry))"
mapfile -t two < <(in_haproxy | tail -n 2)
hang "${two[0]}"
hang "${two[1]}"
both_replaced() { replaced "${two[0]}" && replaced "${two[1]}"; }
check 'two hung gears are replaced' await 60 both_replaced
one_at_a_time() { # the second is given up only when the first one's successor serves
  events_json 'select(.event == "outcome" and .step == "serving") | [.gear, .ok]' | awk -v a="${two[0]#gear-}" -v b="${two[1]#gear-}" '
    (index($0, a) || index($0, b)) && /false/ { if (open) bad = 1; open = 1; seen++; next } /true/ { open = 0 } END { exit bad || seen != 2 }'
}
check 'one at a time' one_at_a_time
set_to down_timeout 0s
before=$(in_registry | xargs)
for gear in $before; do hang "$gear"; done
check 'that all are DOWN is said' await 10 said 1 'All gears are DOWN in HAProxy'
sleep 3
check 'once' said 1 'All gears are DOWN in HAProxy'
check 'and none of them is touched where down_timeout is 0' test "$before" = "$(in_registry | xargs)"
# shellcheck disable=SC2046  # several pids
for gear in $before; do kill -CONT $(programs_of "$gear"); done
check 'when they go on, they serve' await 10 at_least 3
check 'the same ones' test "$before" = "$(in_haproxy | xargs)"

# --- a gear that loses its address or its link inside ---
robbed=$(in_haproxy | tail -n 1)
address=$(jq -r --arg id "${robbed#gear-}" '.gears[] | select(.id == $id) | .address' "$dir/conf/gear-registry.json")
within() { nsenter -t "$(init_of "$robbed")" -n "$@"; }
check_says() { ! "$tools/haproxy_ctld" --check > "$work/check.out" 2>&1 && grep -qF "gear ${robbed#gear-} (serving) is DOWN in HAProxy: $1" "$work/check.out"; }
check 'a serving gear has its address taken away' within ip addr del "$address/24" dev eth0
no_address="no address: none of its network devices has $address"
check 'that is said' await 15 said 1 "${robbed#gear-} is DOWN in HAProxy: $no_address"
check '--check fails, and says it' check_says "$no_address"
check 'once' said 1 "${robbed#gear-} is DOWN in HAProxy: $no_address"
check 'it gets its address back' within ip addr add "$address/24" dev eth0
check 'it serves again' await 10 is_in "$robbed" in_haproxy
check 'and all agree' checks
check 'its network device is set down' within ip link set eth0 down
check 'that is said' await 15 said 1 "${robbed#gear-} is DOWN in HAProxy: no link: its network device is down"
check '--check fails, and says it, too' check_says 'no link: its network device is down'
check 'it is set up' within ip link set eth0 up
check 'and serves again' await 10 is_in "$robbed" in_haproxy
set_to down_timeout 2s
for gear in $before; do hang "$gear"; done
check 'that all are DOWN is said again' await 10 said 2 'All gears are DOWN in HAProxy'
hung_at=$(now_ms)
check 'a fresh gear serves soon after down_timeout' await 8 at_least 1
printf '        all DOWN -> a fresh gear serves: %s ms (down_timeout 2000)\n' "$(($(now_ms) - hung_at))"
all_replaced() { serves 3 && [[ -z $(comm -12 <(tr ' ' '\n' <<< "$before" | sort) <(in_registry)) ]]; }
check 'the others are replaced' await 60 all_replaced
check 'all agree after that' await 10 checks

# --- a template whose gears never answer ---
"$top/scripts/make-template" "gst-$app-silent" --lxc-path "$lxcpath" > /dev/null
silent=$lxcpath/gst-$app-silent/rootfs/sbin/init
sed -i 's/-p 8080/-p 8081/' "$silent"
set_to standby_count 0
check 'without standbys' await 10 stands_by 0
set_to template "gst-$app-silent"
"$dir/hooks/set-scale-limits" 4 -1 > /dev/null
silent_event="Template gst-$app-silent is not cloned for"
open_for() { status_json | jq -e --arg silent "gst-$app-silent" '.breaker.template == $silent and .breaker.failures >= 3 and .breaker.open_seconds > 0' > /dev/null; }
check 'after three gears that did not answer the breaker is open' await 40 open_for
check 'that is said once' said 1 "$silent_event"
check 'the status says it, too' grep -q '^breaker  *template .* not cloned for another' <<< "$("$tools/haproxy_ctld" --status)"
created() { events_json 'select(.event == "outcome" and .step == "create" and .ok).gear' | wc -l; }
before=$(created)
sleep 4
check 'nothing is cloned meanwhile' test "$(created)" = "$before"
tried() { ! "$tools/add-gear" > "$work/tried" 2>&1 && grep -q 'did not become ready' "$work/tried"; }
check 'a person may try all the same' tried
check 'three serve all the time' at_least 3
sed -i 's/-p 8081/-p 8080/' "$silent"
check 'with the template mended the fourth comes by itself' await 60 serves 4
closed() { status_json | jq -e '.breaker.failures == 0' > /dev/null; }
check 'and the breaker is closed' await 5 closed
set_to template "$template"
set_to standby_count 1
"$dir/hooks/set-scale-limits" 3 -1 > /dev/null
check 'all agree with the old template' checks

# --- a gear that cannot be destroyed holds up no repair, and its tries do not fill the log ---
oldest() { jq -r '[.gears[] | select(.state == "serving")] | min_by(.since_ms) | "gear-" + .name' "$dir/conf/gear-registry.json"; }
stuck=$(oldest)
stuck_file=$lxcpath/$app-${stuck#gear-}/stays
irremovable() { # the kernel keeps a file that it swaps to
  head -c 1M /dev/zero > "$1" && chmod 600 "$1" && mkswap -q "$1" && swapon -p 0 "$1"
}
check 'a file is made that nobody can remove' irremovable "$stuck_file"
kill_gear "$stuck"
check 'a gear that cannot be destroyed is replaced' await 30 serves_beside 4 "$stuck"
check 'that it stays is said' await 10 outcome_is "$stuck" tear_down 'cannot destroy container'
hung=$(oldest)
hang "$hung"
check 'and so is a gear that hangs meanwhile' await 30 serves_beside 4 "$hung"
check 'it is still there' test "$(state_of "$stuck")" = failed
tries=$(events_json "select(.event == \"outcome\" and .gear == \"${stuck#gear-}\" and .step == \"tear_down\")" | wc -l)
check "it was said at doublings only ($tries)" test "$tries" -le 6
swapoff "$stuck_file"
check 'when it can be destroyed it goes' await 40 serves 4

# --- what somebody else changed ---
"$daemon" stop > /dev/null
foundling=$(in_registry | head -n 1)
jq -c --arg id "${foundling#gear-}" '.gears |= map(select(.id != $id)) | .generation += 1' "$dir/conf/gear-registry.json" > "$work/registry"
cat "$work/registry" > "$dir/conf/gear-registry.json"
check 'the daemon starts with a registry that lacks a gear' "$daemon" start
adopted() { [[ $(state_of "$foundling") == serving ]] && is_in "$foundling" in_haproxy; }
check 'its container is adopted' await 10 adopted
check 'it never left' test "$(container_state "$foundling")" = RUNNING
runtime 'add server express/gear-deadbeef 10.77.47.250:8080' > /dev/null
runtime 'enable server express/gear-deadbeef' > /dev/null
no_deadbeef() { ! grep -q gear-deadbeef <<< "$(runtime 'show servers state express')"; }
check 'a server of ours without a container leaves HAProxy' await 5 no_deadbeef
frozen=$(in_haproxy | tail -n 1)
lxc-freeze -P "$lxcpath" -n "$app-${frozen#gear-}"
thawed() { [[ $(container_state "$frozen") == RUNNING ]] && is_in "$frozen" in_haproxy; }
check 'HAProxy finds a gear that was frozen from outside DOWN' await 10 not is_in "$frozen" in_haproxy
check 'it is thawed and serves' await 20 thawed
check 'it is the same one' test "$(state_of "$frozen")" = serving
check 'all agree at the end' checks
check "the stranger's container and server were never touched" stranger
haproxy_end
check 'teardown succeeds' "$dir/bin/teardown"
check "the stranger's container is there after it" test "$(container_state gear-0badcafe)" = STOPPED
lxc-destroy -P "$lxcpath" -n "$app-0badcafe" > /dev/null 2>&1
"$top/scripts/make-template" --remove "gst-$app-silent" --lxc-path "$lxcpath" > /dev/null
