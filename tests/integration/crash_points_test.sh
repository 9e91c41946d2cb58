#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every crash point of every scenario on real parts, under load: the process that comes there first dies by SIGKILL, the daemon is started again, and
# within 5 s haproxy_ctld --check finds nothing wrong; then the farm is what the scenario was to make of it, or what it was before; nothing is left
# over, and no request has failed.
#
# Under ctest it runs for a limited time, and the seed that it prints chooses the scenarios and points: over many runs all have their turn.
# GEARSCALE_SOAK=1 runs all of them: a point as often as the scenario passes it, up to GEARSCALE_PASSES (3) times, and one of a helper process once
# alone and once with its parent; with GEARSCALE_PASSES=1 each point once. GEARSCALE_SEED=N repeats a choice. GEARSCALE_SCENARIOS='add drain' and
# GEARSCALE_POINTS=REGEX take some only; GEARSCALE_FARM and GEARSCALE_NET let two parts run side by side.
set -euo pipefail
: "${GEARSCALE_BIN_DIR:=$(dirname "$(readlink -f "$0")")/../../build/asan/bin}"
# shellcheck source=tests/integration/farm.sh
. "$(dirname "$0")/farm.sh"
grep -qa GEARSCALE_CRASH_AT "$bin"/../lib/libgearscale.so 2> /dev/null || {
  printf 'SKIPPED: the programs in %s have no crash points: cmake --preset asan && cmake --build --preset asan\n' "$bin"
  exit 0
}
farm_begin "${GEARSCALE_FARM:-crash}" "${GEARSCALE_NET:-10.77.44}"
# Leaks are looked for, too: liblxc, which has some, is only called in helper processes, which end by _exit.
mkdir "$work/sanitizer"
export ASAN_OPTIONS=log_path=$work/sanitizer/report UBSAN_OPTIONS=log_path=$work/sanitizer/report
export GEARSCALE_CRASH_LOG=$work/passed GEARSCALE_CRASH_AT=$work/order
registry=$dir/conf/gear-registry.json
daemon=$dir/info/bin/haproxy_ctld_daemon
first=$template second=$app-second
daemon_options='' # what it was started with last
seed=${GEARSCALE_SEED:-$(($(date +%s) % 1000000))}
RANDOM=$((seed % 32768))
time_limit=${GEARSCALE_CRASH_SECONDS:-72} # of the kills; the farm's making and end come on top

# --- the scenarios: daemon options, what the farm is before ("serving+standby"), what it is to become; what else may become of it when only a helper
# --- process dies, which is a failure of its gear; and what when the first of two commands dies ---
declare -A options need want partial first_only
scenario() { options[$1]=$2 need[$1]=$3 want[$1]=$4 partial[$1]=${5:-} first_only[$1]=${6:-}; scenarios+=("$1"); }
scenarios=()
scenario add '' 2+0 3+0
scenario several '' 2+0 4+0 3+0
scenario drain '' 3+0 2+0
scenario remove_now '' 3+0 2+0
scenario cut '--drain-hard 3s' 3+0 2+0
scenario recall '' 3+0 3+0 '' 2+0
scenario recall_by_load '' 3+0 3+0
scenario replace '' 2+0 2+0 3+0
scenario death '' 2+0 2+0
scenario rebuild '' 2+0 2+0
scenario tool_add '' 2+0 3+0
scenario tool_remove '' 3+0 2+0
scenario wake '--standby-count 1' 2+1 3+1
scenario rouse '--standby-count 1' 2+1 3+1
scenario refill '--standby-count 1' 2+1 2+1
scenario standby_death '--standby-count 1' 2+1 2+1
scenario park '--standby-count 1 --memory-reserve 1000G' 3+0 2+1 2+0

victim() { jq -r --arg state "$1" '[.gears[] | select(.state == $state)][-1].name' "$registry"; }
act_add() { "$tools/add-gear" --no-wait; }
act_several() { "$tools/add-gear" --count 2 --no-wait; }
act_drain() { "$tools/remove-gear" --no-wait; }
act_remove_now() { "$tools/remove-gear" --now --no-wait; }
act_cut() { "$tools/remove-gear" --now --no-wait --drain-hard 3s; } # begin_cut has begun requests that do not end in time
act_recall() { "$tools/remove-gear" --no-wait && "$tools/add-gear" --no-wait; }
act_recall_by_load() { "$tools/remove-gear" --no-wait; load 22; }
act_replace() { "$tools/haproxy_ctld" --replace --template "$next_template" --no-wait; }
act_death() { lxc-stop -k -P "$lxcpath" -n "$app-$(victim serving)"; }
act_rebuild() { start_daemon; } # begin_rebuild has spoilt the registry
act_tool_add() { "$tools/add-gear"; }
act_tool_remove() { "$tools/remove-gear"; }
act_wake() { load 22; }
act_rouse() { "$tools/add-gear" --no-wait; }
act_refill() { "$tools/remove-gear" --gear "$(victim standby)" --no-wait; }
act_standby_death() { lxc-stop -k -P "$lxcpath" -n "$app-$(victim standby)"; }
act_park() { "$tools/remove-gear" --no-wait; }

begin_cut() {
  local i
  for i in 1 2 3 4 5 6; do curl -s -o /dev/null -m 30 "$url/cgi-bin/wait?20000" & clients+=("$!"); done
  await 5 test "$(runtime 'show stat' | awk -F, '$1 == "express" && $2 == "BACKEND" { print $5 }')" -ge 6 || true
}
end_cut() { kill "${clients[@]}" 2> /dev/null || true; wait_for_clients; }
end_recall_by_load() { load 4; }
end_wake() { load 4; }
begin_replace() { next_template=$second; [[ $(templates) != "$second" ]] || next_template=$first; }
# Requests that are under way in a gear that dies are lost with it, and no balancer can help that: only those that come after it count.
begin_death() { limits 2; load 0; await 5 idle || true; }
end_death() { limits 1; load 4; }
begin_rebuild() { "$daemon" stop; printf '{"version":1,' > "$registry"; }
end_rebuild() { rm -f "$registry".corrupt-*; }
begin_tool_add() { "$daemon" stop; }
begin_tool_remove() { "$daemon" stop; }

# --- questions ---
# Without a program: it is asked over and over.
state() {
  local text='' serving=0 standby=0
  { read -r -d '' text < "$registry" || true; } 2> /dev/null # to its end
  [[ -n $text ]] || { echo none; return; }
  text=${text#*'"gears": ['}
  while [[ $text =~ \"state\":\ \"([a-z]+)\"(.*) ]]; do
    text=${BASH_REMATCH[2]}
    case ${BASH_REMATCH[1]} in
      serving) serving=$((serving + 1)) ;;
      standby) standby=$((standby + 1)) ;;
      *) echo moving; return ;;
    esac
  done
  echo "$serving+$standby"
}
serving_entries() { jq '[.gears[] | select(.state == "serving")] | length' "$registry"; }
templates() { jq -r '.gears[].template' "$registry" | sort -u | xargs; }
replacement() { jq -r '.replacement.state // "none"' "$registry"; }
failed_requests() {
  local text=''
  read -r text < "$work/load.now" || true
  if [[ $text =~ \"failed\":([0-9]+) ]]; then echo "${BASH_REMATCH[1]}"; else echo 0; fi
}
idle() { [[ $(jq -c '[.target, .in_flight]' "$work/load.now") == '[0,0]' ]]; }
# Without a program, too. One that was killed and waits for its parent to notice is dead.
daemon_runs() {
  local pid='' stat=''
  { read -r pid < "$dir/run/haproxy_ctld.pid" && read -r stat < "/proc/$pid/stat"; } 2> /dev/null || return 1
  [[ $stat != *') Z '* && $stat != *') X '* ]]
}
millis() { date +%s%3N; }
limits() { "$dir/hooks/set-scale-limits" "$1" -1 > /dev/null; }
is_helpers() { [[ $1 =~ ^(write.haproxy.cfg|file.job|clone|destroy|start|probe|freeze|thaw|stop|clean_up) ]]; }

# settled SCENARIO POINT: is the farm at rest, and what it may be after a death at that point?
settled() {
  local is
  is=$(state)
  [[ $is == "${need[$1]}" || $is == "${want[$1]}" || $is == "${first_only[$1]}" || ($2 != *[:!]* && $is == "${partial[$1]}") ]] || return 1
  case $1 in
    # All gears of one template, whichever; a replacement stops by itself when a new gear fails.
    replace) [[ $(replacement) == stopped || ($(replacement) != running && $(templates) != *' '*) ]] ;;
    wake | recall_by_load) [[ $is == "${want[$1]}" ]] ;; # the load is still there
  esac
}

# The one that came to its point a moment later is found dead here.
settled_alive() { daemon_runs || start_daemon; settled "$@"; }

# What no gear of the registry has to do with, as the tools of the system show it; not by the code under test.
orphans() {
  local known name
  known=$(jq -r '.gears[].name' "$registry")
  known=" ${known//$'\n'/ } "
  for name in "$lxcpath"/* "$lxcpath"/.*gearscale*; do
    [[ -e $name ]] || continue
    name=${name##*/}
    [[ $name != ".gearscale-application.$app" ]] || continue  # that setup's: teardown takes it away
    [[ $name =~ ^\.?"$app"-([0-9a-f]{8}) && $known == *" ${BASH_REMATCH[1]} "* || $name == "$first" || $name == "$second" ]] || echo "$name"
  done
  find "$dir" "$(dirname "$log")" \( -name '.gearscale-*' -o -name '.*.new.*' \) -printf 'temp file %f\n'
  for name in $(find /sys/fs/cgroup -type d -name "lxc.*.$app-*" -prune -printf '%f\n' 2> /dev/null | sed -E "s/^lxc\.[a-z]*\.$app-([0-9a-f]{8}).*/\1/" | sort -u); do
    [[ $known == *" $name "* ]] || echo "cgroup directory of $name"
  done
  for name in $(ip -o link show master "$bridge" | sed -E 's/^[0-9]+: ([^@:]+).*/\1/'); do
    [[ $known == *" ${name:2} "* ]] || echo "network device $name"
  done
  awk -v path="$lxcpath/" 'index($5, path) == 1 { print "mount " $5 }' /proc/self/mountinfo
}
no_orphans() { orphans > "$work/orphans" 2> /dev/null; [[ ! -s $work/orphans ]]; }

# --- one run ---
# shellcheck disable=SC2086 # words on purpose
start_daemon() { "$daemon" start -- $daemon_options > /dev/null; }
kills=0 breaks=0 lost_orphans=0 not_reached=0 slowest=0 in_scenario=0
told=' '

complain() { # complain WHAT: what broke, where, with what the farm knows
  printf 'BROKEN  %s\n' "$1"
  farm_tell
}

# to_need SCENARIO: the farm as the scenario wants to find it.
to_need() {
  local wish=${need[$1]} count
  # Gears that are killed again and again soon after their start would be their template's fault: here they are not.
  if ! grep -q '"failures": 0' "$registry"; then
    "$daemon" stop > /dev/null 2>&1 || true
    jq '.breaker |= (.failures = 0 | .open_until_ms = 0)' "$registry" > "$work/registry" && cat "$work/registry" > "$registry"
  fi
  if [[ $daemon_options != "${options[$1]}" ]] || ! daemon_runs; then
    daemon_options=${options[$1]}
    "$daemon" stop > /dev/null 2>&1 || true
    start_daemon
  fi
  for _ in 1 2 3 4; do
    await 8 test_state not moving || true
    [[ $(state) != "$wish" ]] || break
    count=$(serving_entries)
    count=$((count - ${wish%+*}))
    if [[ $count -gt 0 ]]; then "$tools/remove-gear" --now --count "$count" > /dev/null 2>&1 || true; fi
    if [[ $count -lt 0 ]]; then "$tools/add-gear" --count "$((-count))" > /dev/null 2>&1 || true; fi
    await 8 test_state is "$wish" || true
  done
  if [[ $1 == replace && $(templates) == *' '* ]]; then "$tools/haproxy_ctld" --replace --template "$first" > /dev/null 2>&1 || true; fi
  await 10 test_state is "$wish"
}
test_state() { if [[ $1 == is ]]; then [[ $(state) == "$2" ]]; else [[ $(state) != "$2" ]]; fi; }

# done_or_dead SCENARIO: has the order been carried out, or is the scenario over without it?
done_or_dead() {
  [[ -e $work/order ]] || return 0
  if settled "$1" '' && [[ $(state) == "${want[$1]}" ]]; then
    quiet=$((quiet + 1))
  else
    quiet=0
  fi
  [[ $quiet -gt 12 ]]
}

call_if_there() { if declare -F "$1" > /dev/null; then "$1" >> "$work/acts" 2>&1 || true; fi; }

# run SCENARIO [POINT]: without a point it only learns, into $work/learned.
run() {
  local scenario=$1 point=${2:-} begin failed_before quiet=0 died=no
  to_need "$scenario" || { complain "$scenario: the farm cannot be made ${need[$scenario]}, it is $(state)"; breaks=$((breaks + 1)); return 0; }
  call_if_there "begin_$scenario"
  failed_before=$(failed_requests)
  rm -f "$GEARSCALE_CRASH_LOG"
  printf '%s' "${point:-none.before}" > "$work/order"
  ("act_$scenario" >> "$work/acts" 2>&1) > /dev/null 2>&1 || true
  [[ $scenario != death ]] || load 4
  await 20 done_or_dead "$scenario" || true
  if [[ -e $work/order ]]; then rm -f "$work/order"; else died=yes; fi
  [[ -n $point || ! -e $GEARSCALE_CRASH_LOG ]] || cp "$GEARSCALE_CRASH_LOG" "$work/learned"
  if [[ -n $point && $died == no ]]; then
    not_reached=$((not_reached + 1))
    printf '        %s at %s: not passed this time\n' "$scenario" "$point"
  fi
  [[ $died == no ]] || { kills=$((kills + 1)) in_scenario=$((in_scenario + 1)); sleep 0.1; }
  begin=$(millis)
  daemon_runs || start_daemon || complain "$scenario at $point: the daemon does not start again"
  if ! await_holds; then
    breaks=$((breaks + 1))
    complain "$scenario at $point: haproxy_ctld --check finds the above"
  fi
  await 15 settled_alive "$scenario" "${point:-none}" || {
    breaks=$((breaks + 1))
    complain "$scenario at $point: the farm is $(state), wanted ${want[$scenario]} or ${need[$scenario]}"
  }
  begin=$(($(millis) - begin))
  [[ $died == no || $begin -le $slowest ]] || slowest=$begin
  [[ $begin -le 5000 ]] || printf '        %s at %s: %s ms until it was at rest\n' "$scenario" "$point" "$begin"
  call_if_there "end_$scenario"
  await 5 no_orphans || {
    lost_orphans=$((lost_orphans + $(wc -l < "$work/orphans")))
    complain "$scenario at $point: left over: $(xargs -d '\n' < "$work/orphans")"
  }
  if [[ $(failed_requests) != "$failed_before" ]]; then
    printf 'BROKEN  %s at %s: %s requests failed\n' "$scenario" "$point" $(($(failed_requests) - failed_before))
  fi
}

# points_of: the orders that follow from what was learned.
points_of() {
  local count name i
  sort "$work/learned" | uniq -c | while read -r count name; do
    if is_helpers "$name" && [[ ${GEARSCALE_PASSES:-3} == 1 ]]; then
      if ((RANDOM % 2)); then echo "$name"; else echo "$name!"; fi
    elif is_helpers "$name"; then
      printf '%s\n%s!\n' "$name" "$name"
    else
      for ((i = 1; i <= count && i <= ${GEARSCALE_PASSES:-3}; ++i)); do printf '%s:%s\n' "$name" "$i"; done
    fi
  done | grep -E "${GEARSCALE_POINTS:-.}" || true
}

# Frozen at the first answer: a scenario is over when its standby is there, and freezing is a part of it.
farm_up --set flap_protection=600s --set check_interval=300ms --set drain_idle=300ms --set standby_count=0 --set standby_settle=0s
"$top/scripts/make-template" "$second" --lxc-path "$lxcpath" > /dev/null
limits 1
check 'the cartridge starts' "$dir/bin/control" start
check 'a gear serves' await 20 serves 1
check 'the invariants hold before anything dies' await_holds
load_begin '/cgi-bin/wait?200'
load 4
printf 'seed %s\n' "$seed"
read -ra chosen <<< "${GEARSCALE_SCENARIOS:-${scenarios[*]}}"
: > "$work/all-points"
# Each point of each scenario; next comes one that finds the farm as it wants it, so that little is done in between.
declare -A queue
ran=0
pick() { # the name of the next scenario
  local name any='' same=''
  for name in "${chosen[@]}"; do
    [[ -n ${queue[$name]} ]] || continue
    any=${any:-$name}
    [[ ${options[$name]} == "$daemon_options" ]] || continue
    same=${same:-$name}
    if [[ ${need[$name]} == "$(state)" ]]; then same=$name; break; fi
  done
  next=${same:-$any}
}
run_all() {
  local name point next
  ran=${#chosen[@]}
  for name in "${chosen[@]}"; do
    run "$name"
    points_of | tee -a "$work/all-points" > "$work/points"
    queue[$name]=$(xargs < "$work/points")
    printf '        %-15s %s orders\n' "$name" "$(wc -l < "$work/points")"
  done
  while pick && [[ -n $next ]]; do
    point=${queue[$next]%% *}
    queue[$next]=${queue[$next]#"$point"}
    queue[$next]=${queue[$next]# }
    run "$next" "$point"
    [[ -n ${queue[$next]} ]] || printf '        %-15s done after %s kills and %s s, slowest until at rest %s ms\n' "$next" "$kills" "$SECONDS" "$slowest"
  done
}
# Scenarios in a random order; of each, the executor's points that had no turn yet, and then any.
run_some() {
  local name point end=$((SECONDS + time_limit)) share
  mapfile -t chosen < <(printf '%s\n' "${chosen[@]}" | awk -v seed="$seed" 'BEGIN { srand(seed) } { print rand(), $0 }' | sort | cut -d ' ' -f 2)
  for name in "${chosen[@]}"; do
    [[ $SECONDS -lt $end ]] || break
    share=$((SECONDS + (time_limit + 3) / 4)) in_scenario=0 ran=$((ran + 1))
    run "$name"
    points_of > "$work/points"
    cat "$work/points" >> "$work/all-points"
    while read -r point <&3; do
      [[ $SECONDS -lt $share && $SECONDS -lt $end ]] || break
      if ! is_helpers "$point" && [[ $told == *" ${point%:*} "* ]]; then continue; fi
      told+="${point%:*} "
      run "$name" "$point"
    done 3< <(awk -v seed="$RANDOM" 'BEGIN { srand(seed) } { print rand(), $0 }' "$work/points" | sort | cut -d ' ' -f 2)
    printf '        %-15s %3s kills\n' "$name" "$in_scenario"
  done
}
if [[ ${GEARSCALE_SOAK:-} == 1 ]]; then run_all; else run_some; fi
[[ $kills -gt 0 ]] || { printf 'FAILED  no process died\n'; failed=$((failed + 1)); }
check 'every request of the load was answered' load_end
lost=$(jq .failed "$work/load.json")
# One that is asked again until it is done is told once: no line of the log is there a hundred times.
again=$(events_json 'select(.event == "outcome" and .ok) | [.gear, .step]' | sort | uniq -c | awk '$1 > most { most = $1 } END { print most + 0 }')
check "no step of a gear is told again and again (most often: $again times)" test "$again" -lt 20
check 'no sanitizer has found anything' test -z "$(find "$work/sanitizer" -type f)"
find "$work/sanitizer" -type f -exec head -n 40 {} +
check 'no invariant is broken' test "$breaks" = 0
check 'nothing is left over' test "$lost_orphans" = 0
points=$(sed -E 's/[:!].*//' "$work/all-points" | sort -u | wc -l)
printf 'slowest until at rest: %s ms; points that were not passed a second time: %s\n' "$slowest" "$not_reached"
printf 'crash points: %s points x %s scenarios = %s kills, %s invariant breaks, %s orphans, %s failed requests (target 0, 0, 0)\n' \
  "$points" "$ran" "$kills" "$breaks" "$lost_orphans" "$lost"
