#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `bench lossless`: gears come and go, by hand and by the controller's own decisions, under keep-alive clients at full speed, long requests
# and visitors with cookies. Counts what a client could have noticed: it has to be nothing.
set -euo pipefail
usage() {
  cat << 'END'
Usage: lossless.sh [--events N]
At least N additions and N removals (default 200) under load; N is 1 to 10000. Prints what the clients saw.
Exit codes: 0 nothing was lost, 1 something was, or it failed, 2 wrong usage, or not root.
END
}
events=200
case ${1:-} in
  -h | --help) usage; exit 0 ;;
  --events) events=${2:-} ;;
  '') ;;
  *) events='' ;;
esac
[[ $# -le 2 && $events =~ ^[1-9][0-9]{0,3}$ ]] || { usage >&2; exit 2; }
[[ $EUID -eq 0 ]] || { echo 'lossless.sh: not root: run it with sudo' >&2; exit 2; }
command -v wrk > /dev/null || { echo 'lossless.sh: wrk is not there: run scripts/install-deps test' >&2; exit 2; }
# shellcheck source=tests/integration/farm.sh
. "$(dirname "$0")/../integration/farm.sh"

keepalive=8 held=6 wave=30 visitors=20  # clients of each kind; `wave` of the long requests make the controller add gears by itself
step=6                                 # gears that come and go at a time by hand
farm_begin lossless 10.99.7
# A visitor thinks for 0.1 s and stays for 3 s: with a drain_idle of 1 s no gear may leave before its visitors have.
farm_up --set drain_idle=1s --set standby_count=2 --set scale_min=3 --set flap_protection=3s --set check_interval=1s
# busybox's httpd takes one request a connection. A real application keeps connections open, also towards HAProxy, which then holds idle ones
# to a gear that is to go: so an HAProxy (the machine's own, /usr is shared) stands in for it, and httpd answers the long requests.
keep_connections_open() {
  local root=$lxcpath/$template/rootfs
  printf 'lxc.mount.entry = /usr usr none bind,ro 0 0\n' >> "$lxcpath/$template/config"
  rm -rf "${root:?}/lib" "${root:?}/lib64"
  ln -s usr/lib "$root/lib"
  ln -s usr/lib64 "$root/lib64"
  sed -i 's/-p 8080/-p 8081/' "$root/sbin/init"
  printf '/usr/sbin/haproxy -D -f /etc/application.cfg\n' >> "$root/etc/init.d/rcS"
  cat > "$root/etc/application.cfg" << 'END'
global
    nbthread 1
defaults
    mode http
    timeout connect 5s
    timeout client 1m
    timeout server 1m
frontend application
    bind :8080
    http-request return status 200 content-type text/plain lf-string "%H\n" if !{ path_beg /cgi-bin/ }
    default_backend programs
backend programs
    retries 10
    server httpd 127.0.0.1:8081
END
}
keep_connections_open
jsonl=${log%.log}.jsonl
"$dir/bin/control" start > /dev/null
await 20 serves 3 || { farm_tell; exit 1; }
pid=$(haproxy_pid)
hooks_of_wrk=$work/wrk.lua
cat > "$hooks_of_wrk" << 'END'
function done(summary)
  local e = summary.errors
  local file = io.open(os.getenv("WRK_REPORT"), "w")
  file:write(string.format('{"requests":%d,"seconds":%.2f,"failed":%d,"connect":%d,"read":%d,"write":%d,"status":%d,"timeout":%d}\n',
    summary.requests, summary.duration / 1e6, e.connect + e.read + e.write + e.status + e.timeout, e.connect, e.read, e.write, e.status, e.timeout))
  file:close()
end
END

# --- the clients ---
WRK_REPORT=$work/wrk.json wrk -t 1 -c "$keepalive" -d 3600s --timeout 10s -s "$hooks_of_wrk" "$url/" > "$work/wrk.log" 2>&1 &
wrk=$!
mkfifo "$work/held"
"$bin/gearscale-load" --url "$url/cgi-bin/wait?4000" --hold "$held" --stdin --grace 20 < "$work/held" > "$work/held.json" 2> "$work/held.errors" &
holder=$!
exec 8> "$work/held"
"$bin/gearscale-load" --url "$url/gear.txt" --hold "$visitors" --cookies --think 0.1 --session 3 --grace 20 > "$work/visitors.json" 2> "$work/visitors.errors" &
visitor=$!
clients=("$wrk" "$holder" "$visitor")

# --- the events ---
first=$(wc -l < "$jsonl")
count() { tail -n +$((first + 1)) "$jsonl" | jq -s "[.[] | select(.event == \"outcome\" and $1)] | length"; }
standby='.step == "serving" and .ok and (.detail | startswith("recalled") or contains("clone") | not)'
recalled='.step == "serving" and .ok and (.detail | startswith("recalled"))'
created='.step == "serving" and .ok and (.detail | contains("clone"))'
parked='.step == "removed" and .ok and (.detail | startswith("kept"))'
destroyed='.step == "removed" and .ok and (.detail | startswith("kept") | not)'
additions() { count '.step == "serving" and .ok'; }
removals() { count '.step == "removed" and .ok'; }
settled() { status_json | jq -e '[.gears[].state] | all(. == "serving" or . == "standby" or . == "preparing")' > /dev/null; }
newest() { status_json | jq -r "[.gears[] | select(.state == \"serving\")] | .[-$step:] | .[].name"; }
# What was asked for may be refused when the controller was quicker: scale_min is kept (3).
tool() {
  local code=0
  "$@" > "$work/tool.log" 2>&1 || code=$?
  [[ $code -eq 0 || $code -eq 3 ]] || { cat "$work/tool.log" >&2; exit 1; }
}

round() {
  local name
  local -a names=()
  if (($1 % 2)); then tool "$tools/add-gear" --count "$step"; else tool "$tools/add-gear" --count "$step" --no-wait; await 10 settled; fi
  if (($1 % 3 == 0)); then  # by name: these are not kept as standbys
    for name in $(newest); do names+=(--gear "$name"); done
    tool "$tools/remove-gear" --no-wait "${names[@]}"
  else
    tool "$tools/remove-gear" --no-wait --count "$step"
  fi
  if (($1 % 4 == 1)); then  # load comes back during the drain, and goes again
    sleep 0.5
    tool "$tools/add-gear" --count 2
    tool "$tools/remove-gear" --no-wait --count 2
  fi
  if (($1 % 8 == 2)); then  # the controller adds for these by itself, and removes what is too much after flap_protection
    echo "$wave" >&8
    sleep 3
    echo "$held" >&8
  fi
  await 20 settled || { farm_tell; exit 1; }
}

began=$SECONDS
rounds=0
while [[ $(additions) -lt $events || $(removals) -lt $events ]]; do
  rounds=$((rounds + 1))
  round "$rounds"
  [[ $rounds -lt $((events * 2 + 10)) ]] || { echo 'the farm does not scale' >&2; farm_tell; exit 1; }
done
seconds=$((SECONDS - began))

# --- what the clients saw ---
kill -INT "$wrk"
exec 8>&-
kill -USR1 "$visitor"
for client in "${clients[@]}"; do wait "$client" || true; done
clients=()
[[ -s $work/wrk.json && -s $work/held.json && -s $work/visitors.json ]] || { cat "$work"/wrk.log "$work"/*.errors >&2; exit 1; }
cat "$work/held.errors" "$work/visitors.errors" >&2
# column NAME: of the backend's own row
column() { runtime 'show stat' | awk -F, -v name="$1" 'NR == 1 { sub(/^# /, ""); for (i = 1; i <= NF; i++) if ($i == name) c = i } $1 == "express" && $2 == "BACKEND" { print $c + 0 }'; }
field() { jq -r "$2" "$work/$1.json"; }
failed_requests=$(($(field wrk .failed) + $(field held .failed) + $(field visitors .failed)))
changes=$(field visitors .gear_changes)
retried=$(column wretr) redispatched=$(column wredis)
reloaded=no
[[ $(haproxy_pid) == "$pid" ]] || reloaded=yes
added=$(additions) removed=$(removals)
printf '%d s, %d additions (%d standbys, %d created, %d recalled during their drain), %d removals (%d destroyed, %d kept as standbys), %d by the controller itself, %d steps failed\n' \
  "$seconds" "$added" "$(count "$standby")" "$(count "$created")" "$(count "$recalled")" "$removed" "$(count "$destroyed")" "$(count "$parked")" \
  "$(tail -n +$((first + 1)) "$jsonl" | jq -s '[.[] | select(.event == "action" and .decision.reason != "forced") | .gears | length] | add // 0')" "$(count '(.ok | not)')"
printf 'keep-alive  %7d requests of %d connections at full speed (%d/s), %d failed\n' "$(field wrk .requests)" "$keepalive" "$(field wrk '.requests / .seconds | floor')" "$(field wrk .failed)"
printf 'long        %7d requests of 4 s, %d to %d at a time, %d failed\n' "$(field held .requests)" "$held" "$wave" "$(field held .failed)"
printf 'cookies     %7d requests in %d sessions of 3 s, %d visitors who think for 0.1 s, %d failed, %d sessions changed gear (drain_idle 1 s)\n' \
  "$(field visitors .requests)" "$(field visitors .sessions)" "$visitors" "$(field visitors .failed)" "$changes"
printf 'HAProxy     %d connections retried, %d redispatched, %d answers 5xx, %d aborted by a gear; reloaded: %s\n' "$retried" "$redispatched" "$(column hrsp_5xx)" \
  "$(column srv_abrt)" "$reloaded"
good=yes
[[ $failed_requests == 0 && $changes == 0 && $reloaded == no && $added -ge $events && $removed -ge $events ]] || { good=no; farm_tell; }
await 30 all_agree || { echo 'registry, HAProxy, haproxy.cfg and LXC do not agree' >&2; good=no; farm_tell; }
passed=1
trap - EXIT
(farm_end > "$work.end") || { cat "$work.end"; good=no; }
rm -f "$work.end"
printf 'bench lossless: %d failed requests, %d cookie sessions that changed gear, %d retried connections in %d additions and %d removals (target 0, 0; HAProxy never reloaded)\n' \
  "$failed_requests" "$changes" "$retried" "$added" "$removed"
[[ $good == yes ]]
