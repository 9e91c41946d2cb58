# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What the tests that kill things share: an HAProxy with a supervisor, load whose failed requests are judged one by one, deaths that are measured.
# Sourced after farm_begin, never run. The numbers are small in ordinary test runs and the issue's own with GEARSCALE_SOAK=1.

: "${work:?source farm.sh, and farm_begin}" "${lxcpath:?}" "${app:?}" "${dir:?}" "${url:?}" "${bin:?}"
soak=${GEARSCALE_SOAK:-0} tools=$dir/info/bin
seed=${GEARSCALE_SEED:-$(date +%s)}
RANDOM=$((seed % 32768))
deaths=$work/deaths kills=$work/kills failures=$work/failures
mkdir "$deaths"
: > "$kills"
: > "$failures"
supervisor='' loads=() mounts=()
trap chaos_end EXIT

chaos_end() {
  local status=$? mount
  set +e
  [[ $status -eq 0 && $failed -eq 0 ]] || printf 'the seed was %s (GEARSCALE_SEED=%s repeats its choices)\n' "$seed" "$seed"
  [[ ${#loads[@]} -eq 0 ]] || kill "${loads[@]}" 2> /dev/null
  [[ ! -x $tools/haproxy_ctld_daemon ]] || "$tools/haproxy_ctld_daemon" stop > /dev/null 2>&1
  haproxy_end
  farm_clients_end
  [[ ! -x $dir/bin/teardown ]] || "$dir/bin/teardown" > "$work/teardown.log" 2>&1 || { cat "$work/teardown.log"; failed=$((failed + 1)); }
  for mount in "${mounts[@]}"; do umount -l "$mount"; done
  (exit "$status")
  farm_end
}

soak_or() { if [[ $soak == 1 ]]; then echo "$1"; else echo "$2"; fi; } # soak_or FULL SHORT
now_ms() { date +%s%3N; }
pause_up_to() { sleep "$(printf '0.%03d' $((RANDOM % $1)))"; } # pause_up_to MILLISECONDS (at most 1000)
one_of() { local all=("$@"); [[ ${#all[@]} -gt 0 ]] && echo "${all[RANDOM % ${#all[@]}]}"; }
daemon_pid() { cat "$dir/run/haproxy_ctld.pid" 2> /dev/null; }
checks() { "$tools/haproxy_ctld" --check > "$work/check.out" 2>&1 || { cat "$work/check.out"; return 1; }; } # looks again for up to 5 s by itself
init_of() { lxc-info -P "$lxcpath" -n "$app-${1#gear-}" -pH 2> /dev/null; }
state_of() { jq -r --arg id "${1#gear-}" '.gears[] | select(.id == $id) | .state' "$dir/conf/gear-registry.json"; }
at_least() { [[ $(in_haproxy | wc -l) -ge $1 ]]; } # gears that HAProxy finds UP
known() { lxc-ls -P "$lxcpath" -1 2> /dev/null | xargs -n 1 | LC_ALL=C sort | xargs; }

# --- HAProxy and who starts it again ---

# As systemd would: HAProxy is started again 20 ms after its end, from haproxy.cfg, for as long as the mark is there.
haproxy_begin() {
  # Each answer, those that HAProxy makes itself too, tells which server had the request.
  sed -i 's/^frontend .*/&\n    http-after-response set-header X-Server %[srv_name]/' "$dir/conf/haproxy.cfg"
  touch "$work/haproxy.up"
  (
    trap - EXIT INT TERM
    exec 2>> "$work/haproxy.log"  # bash tells there who was killed
    while [[ -e $work/haproxy.up ]]; do
      haproxy -W -db -f "$dir/conf/haproxy.cfg" >> "$work/haproxy.log" 2>&1 < /dev/null &
      printf '%s\n' "$!" > "$work/haproxy.pid"
      code=0
      wait "$!" || code=$?
      printf '%s %s\n' "$(now_ms)" "$code" >> "$work/haproxy.ends"
      sleep 0.02
    done
  ) &
  supervisor=$!
  await 10 answers
}
haproxy_end() {
  [[ -n $supervisor ]] || return 0
  rm -f "$work/haproxy.up"
  kill -TERM "$(cat "$work/haproxy.pid")" 2> /dev/null || true
  wait "$supervisor" 2> /dev/null || true
  supervisor=''
}
answers() { [[ $(curl -s -o /dev/null -m 2 -w '%{http_code}' "$url/gear.txt") != 000 ]]; }
serves_clients() { [[ $(curl -s -o /dev/null -m 5 -w '%{http_code}' "$url/gear.txt") == 200 ]]; }
# kill_haproxy worker|master: and waits for the next one. Whatever was under way meanwhile may fail.
kill_haproxy() {
  local pid from old back=0
  old=$(haproxy_pid)
  pid=$old
  [[ $1 == worker ]] || pid=$(cat "$work/haproxy.pid")
  [[ -n $pid && -n $old ]] || return 1
  from=$(now_ms)
  kill -KILL "$pid" || return 1
  await 20 another_haproxy "$old" || back=1
  printf '{"what":"haproxy","from":%s,"to":%s}\n' "$from" "$(now_ms)" >> "$kills"  # also when it came to nothing: it was killed
  return "$back"
}
another_haproxy() { local pid; pid=$(haproxy_pid 2> /dev/null) && [[ -n $pid && $pid != "$1" && ! -d /proc/$1 ]] && answers; }

# --- the death of gears ---

deaths_begun=0 watchers=()
# kill_gear SERVER [quietly]: from outside, by lxc-stop -k or by SIGKILL of its init. How long it stays in rotation is measured beside.
# A quiet one is not written down: the control, which has to be found.
kill_gear() {
  local server=$1 init by=()
  init=$(init_of "$server") && [[ -n $init ]] || return 1
  ((RANDOM % 2)) || by=(lxc-stop -k -P "$lxcpath" -n "$app-${server#gear-}")
  [[ -z ${2:-} ]] || { "$bin/gearscale-death" "$dir/run/stats" express "$server" "$init" > /dev/null; return; }
  deaths_begun=$((deaths_begun + 1))
  "$bin/gearscale-death" "$dir/run/stats" express "$server" "$init" "${by[@]}" > "$deaths/$deaths_begun" 2>> "$work/deaths.errors" &
  death=$!
  watchers+=("$death")
  await 5 grep -qs died "$deaths/$deaths_begun"
}
wait_for_death() { wait "$death"; }
# Milliseconds of all deaths until out of rotation, sorted.
rotation_times() { cat "$deaths"/* | awk '$2 == "maint" || $2 == "gone" { print $3 }' | sort -n; }
# percentile P: of the numbers on stdin, sorted; the nearest rank
percentile() { awk -v p="$1" '{ all[NR] = $1 } END { n = int(p / 100 * NR + 0.999999); print NR ? all[n < 1 ? 1 : n] : "none" }'; }

# --- load whose failures are judged ---

# judged_load_begin PATH COUNT [option]: COUNT GETs at a time, until judged_load_end: by clients that keep their connections, or with --close by
# such that have one for each request.
judged_load_begin() {
  local url_path=$1 count=$2
  shift 2
  "$bin/gearscale-load" --url "$url$url_path" --hold "$count" --grace 20 --timeout 30 --failures "$failures" "$@" > "$work/load.${#loads[@]}.json" 2> /dev/null &
  loads+=("$!")
}
judged_load_end() {
  local load
  kill -USR1 "${loads[@]}"
  for load in "${loads[@]}"; do wait "$load" || true; done
  loads=()
}
requests() { jq -s 'map(.requests) | add' "$work"/load.*.json; }

# Every failed request has to have been in the hands of something that was killed:
#   haproxy  it was under way between a kill of HAProxy and the moment when the next one answered, or when HAProxy ended by itself (own_ends);
#   gear     X-Server names a gear that died, the request had begun before that gear's init ended, and it ended half a second before that or later
#            (a container's other processes die a little before its init does); or
#            nobody is named, HAProxy answered 503 or closed a kept connection without an answer, and the request had begun in the second before a
#            gear's death, or 0.1 s after it at most: it had been given to that gear, and HAProxy found no other one when it tried again;
#   begun    the same, but the answer was on its way to the client already. HAProxy cannot send such a request to another gear.
# What is left was lost by a healthy gear, or by nobody: a request that began after a gear's death and failed there is one of these.
# The ends of HAProxy that nobody asked for, by its exit code: 2.6.12 was seen to abort (134) while servers came and went.
own_ends() { awk '$2 != 0 && $2 != 137 && $2 != 143' "$work/haproxy.ends" 2> /dev/null || true; }
judge() {
  awk '$2 == "died" { printf "{\"what\":\"gear\",\"server\":\"%s\",\"at\":%s}\n", $1, $3 }' "$deaths"/* /dev/null | cat - "$kills" \
    <(own_ends | awk '{ printf "{\"what\":\"haproxy\",\"from\":%d,\"to\":%d}\n", $1 - 1000, $1 + 2000 }') > "$work/all-kills"
  jq -c -s --slurpfile kills "$work/all-kills" 'map(. as $r | (if .failure == "status" or .bytes == 0 then "gear" else "begun" end) as $gear | first(
      ($kills[] | select(.what == "haproxy" and $r.begun <= .to and $r.ended >= .from) | "haproxy"),
      ($kills[] | select(.what == "gear" and .server == $r.server and $r.begun <= .at and $r.ended >= .at - 500) | $gear),
      ($kills[] | select(.what == "gear" and $r.server == "" and ($r.status == 503 or $r.failure == "unanswered") and $r.begun >= .at - 1000 and
        $r.begun <= .at + 100) | $gear),
      "healthy") as $by | {by: $by, request: .})' "$failures" > "$work/judged"
}
tell_own_ends() { [[ -z $(own_ends) ]] || printf '        HAProxy ended by itself %s time(s): %s\n' "$(own_ends | wc -l)" "$(grep -oE 'exited with code [0-9]+ \([^)]*\)' "$work/haproxy.log" | sort | uniq -c | xargs)"; }
judged_as() { judge; jq --arg by "$1" 'map(select(.by == $by)) | length' "$work/judged"; }
tell_judged() {
  printf '        %s requests, %s failed: %s with HAProxy, %s with their gear before it began to answer, %s after that, %s on healthy gears\n' "$(requests)" \
    "$(wc -l < "$failures")" "$(judged_as haproxy)" "$(judged_as gear)" "$(judged_as begun)" "$(judged_as healthy)"
  printf '        %s\n' "$(jq -s 'map({connections, closed_idle, sent_again, unanswered: .failures.unanswered})' "$work"/load.*.json | jq -c .)"
}
no_healthy_gear_failed() { tell_own_ends; none_judged_as healthy; }
# HAProxy sends a GET that no gear had begun to answer to another one.
no_unanswered_get_failed() { none_judged_as gear; }
none_judged_as() {
  [[ $(judged_as "$1") != 0 ]] || return 0
  jq -c --arg by "$1" '.[] | select(.by == $by) | .request' "$work/judged" | head -5 | sed 's/^/        /'
  [[ -z ${GEARSCALE_KEEP:-} ]] || cp "$work/haproxy.log" "$work/haproxy.ends" "$kills" "$work/judged" "$GEARSCALE_KEEP"
  return 1
}
