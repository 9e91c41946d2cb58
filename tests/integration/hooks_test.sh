#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The application's own programs around a gear's life: when they run, what they are told, where their words go; and one that fails or hangs.
set -euo pipefail
# shellcheck source=tests/integration/farm.sh
. "$(dirname "$0")/farm.sh"
farm_begin hooks 10.77.15
farm_up --set flap_protection=2s --set check_interval=300ms --set drain_idle=500ms --set hook_timeout=2s
hooks=$home/repo/.openshift/action_hooks
records=$work/records
mkdir "$records"

# hook NAME: a program from stdin.
hook() {
  cat > "$hooks/$1"
  chmod 755 "$hooks/$1"
}
# A hook that writes down when it ran, in what environment, and whether HAProxy knew the gear and the gear answered.
witness() {
  hook "$1" << END
#!/bin/sh
env | grep -v '^_=\|^PWD=\|^SHLVL=' | sort > $records/\$GEAR_ID.$1
asked=no
curl -s -m 1 -o /dev/null "http://\$GEAR_ADDRESS:\$GEAR_PORT/" && asked=answers
known=no
echo 'show servers state' | socat -t 2 - UNIX-CONNECT:$dir/run/stats | grep -q "gear-\$GEAR_ID" && known=known
echo "$1 \$GEAR_STATE \$asked \$known" >> $records/\$GEAR_ID.order
echo "the word of $1 for \$GEAR_NAME"
END
}
witness pre_start_gear
witness post_start_gear
witness pre_stop_gear
order_is() { [[ -f $records/${1#gear-}.order && $(paste -sd, "$records/${1#gear-}.order") == "$2" ]]; }
gone() { [[ $(container_state "$1") == ABSENT ]]; }
failing() { [[ $(events "$1") -ge ${2:-1} ]]; }
is_dead() { ! kill -0 "$1" 2> /dev/null; }
logged() { grep -q -- "$1" "$log"; }

check 'the cartridge starts' "$dir/bin/control" start
check 'a gear serves' await 20 serves 1
gear=$(in_registry)
check 'before its start and before it serves its hooks ran' order_is "$gear" 'pre_start_gear starting no no,post_start_gear starting answers no'
address=$(jq -r '.gears[0].address' "$dir/conf/gear-registry.json")
wanted=$(sort << END
GEAR_ADDRESS=$address
GEAR_APP=$app
GEAR_CONTAINER=$app-${gear#gear-}
GEAR_ID=${gear#gear-}
GEAR_NAME=${gear#gear-}
GEAR_NAMESPACE=
GEAR_PORT=8080
GEAR_SERVER=$gear
GEAR_STATE=starting
GEAR_TEMPLATE=$template
LC_ALL=C
END
)
check 'they were told about the gear, and nothing else' test "$(grep -v '^PATH=' "$records/${gear#gear-}.post_start_gear")" = "$wanted"
check 'what they print is in the log' logged "${gear#gear-} - post_start_gear: the word of post_start_gear for ${gear#gear-}"
check 'a standby is there' await 20 stands_by 1
standby=$(in_registry standby)
check 'its hooks ran, too' order_is "$standby" 'pre_start_gear preparing no no,post_start_gear preparing answers no'
check 'the standby is woken by add-gear' "$tools/add-gear"
check 'without the hooks of its start again' test "$(grep -c . "$records/${standby#gear-}.order")" = 2
check 'remove-gear removes it' "$tools/remove-gear" --gear "$standby"
check 'pre_stop_gear ran when HAProxy had let go of it, and it still answered' await 20 order_is "$standby" \
  'pre_start_gear preparing no no,post_start_gear preparing answers no,pre_stop_gear stopping answers no'
check 'a standby is there again' await 20 stands_by 1
"$tools/haproxy_ctld_daemon" stop > /dev/null

# --- one that fails; without a daemon ---
"$tools/remove-gear" --gear "$(in_registry standby)" > /dev/null
hook post_start_gear << END
#!/bin/sh
echo \$GEAR_ID >> $records/failed
echo 'the cache is cold'
exit 3
END
code=0
"$tools/add-gear" > "$work/out" 2> "$work/err" || code=$?
failed_gear=gear-$(tail -n 1 "$records/failed")
check 'add-gear fails when post_start_gear does' test "$code" = 1
check 'and says why' grep -Eq "post_start_gear of gear ${failed_gear#gear-} failed with exit code 3; it said last: the cache is cold" "$work/err"
check 'the gear is gone' gone "$failed_gear"
check 'one serves' await 20 serves 1

# --- under load, with a daemon ---
load_begin '/cgi-bin/wait?300'
"$tools/haproxy_ctld_daemon" start > /dev/null
load 12
up_failures() { [[ $(events 'GEAR_UP.*post_start_gear of gear .* failed with exit code 3') -ge $1 ]]; }
check 'the failure is in the log' await 20 up_failures 1
before=$(wc -l < "$records/failed")
sleep 2
check 'and not tried over and over' test $(($(wc -l < "$records/failed") - before)) -le 2
check 'no such gear ever served' test "$(in_haproxy)" = "$gear"
check 'nor is in haproxy.cfg' test "$(in_file)" = "$gear"

# --- one that hangs ---
hook post_start_gear << END
#!/bin/sh
echo \$\$ > $records/hanging
exec sleep 1000
END
check 'a hook that hangs is ended at hook_timeout' await 20 failing 'post_start_gear of gear .* was killed because it took longer than 2000 ms'
check 'its process is gone' await 20 is_dead "$(cat "$records/hanging")"
check 'the daemon goes on' "$tools/haproxy_ctld_daemon" status
check 'the gear serves on' test "$(in_haproxy)" = "$gear"

# --- one that may not run, one that is well again ---
hook post_start_gear < /dev/null
chmod 666 "$hooks/post_start_gear"
code=0
"$tools/add-gear" > "$work/out" 2> "$work/err" || code=$?
check 'a hook that is no program is refused' test "$code" != 0
check 'with what to do' grep -q "post_start_gear is not executable. Run: chmod +x" "$work/err"
witness post_start_gear
hook pre_stop_gear << 'END'
#!/bin/sh
echo 'cannot say goodbye'
exit 1
END
check 'with good hooks the load gets its gear' await 75 serves 2
load 0
check 'every request was answered' load_end
check 'a pre_stop_gear that fails does not keep a gear' await 20 serves 1
check 'and is in the log' logged 'pre_stop_gear.*failed with exit code 1.*the gear is stopped all the same'
check 'all places agree' await 20 all_agree
