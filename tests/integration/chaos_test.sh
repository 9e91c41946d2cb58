#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Many tools at once under limits; then everything at once under load, by clients that keep their connections and such that do not: SIGKILLs at
# random (daemon, tools, their children, HAProxy, gears), reloads of HAProxy, replacements, other limits. After each restart of the daemon
# everything agrees within 5 s, at the end nothing is left over, and no request failed but those that a gear or an HAProxy took with it.
set -euo pipefail
# shellcheck source=tests/integration/farm.sh
. "$(dirname "$0")/farm.sh"
farm_begin chaos 10.77.45
# shellcheck source=tests/integration/chaos.sh
. "$(dirname "$0")/chaos.sh"
farm_up --set flap_protection=300s --set check_interval=1s --set drain_idle=200ms --set down_timeout=10s --set scale_min=2
second=$app-second
"$top/scripts/make-template" "$second" --lxc-path "$lxcpath" > /dev/null
daemon=$tools/haproxy_ctld_daemon
check 'HAProxy and its supervisor start' haproxy_begin
check 'the daemon starts' "$daemon" start
check 'two gears serve' await 30 serves 2

# --- many tools at once ---
many=$(soak_or 50 20)
"$dir/hooks/set-scale-limits" 2 8 > /dev/null
"$tools/add-gear" --count 3 > /dev/null
before=$(serving)
touch "$work/sampling"
sample() { while [[ -e $work/sampling ]]; do "$1" >> "$work/$2"; done; }
counted() { jq '[.gears[] | select(.state == "serving" or .state == "starting")] | length' "$dir/conf/gear-registry.json"; }
in_rotation() { in_haproxy | wc -l; }
sample counted counted &
samplers=("$!")
sample in_rotation rotating &
samplers+=("$!")
tools_at_once() {
  local i tool
  local -a pids=()
  for ((i = 0; i < many; ++i)); do
    tool=$(one_of add-gear remove-gear)
    (code=0; "$tools/$tool" > "$work/tool.$i" 2>&1 || code=$?; echo "$tool $code" >> "$work/exits") &
    pids+=("$!")
  done
  wait "${pids[@]}"
}
tools_at_once
rm "$work/sampling"
wait "${samplers[@]}"
exits_of() { grep -c "^$1 $2$" "$work/exits" || true; }
added=$(exits_of add-gear 0) removed=$(exits_of remove-gear 0)
# One that the plan chose for removal may be recalled by an addition that comes at the same time: that remove-gear ends with 1 and says so.
recalled() { grep -lx 'remove-gear: .* and it was recalled' "$work"/tool.* | wc -l; }
only_good_exits() {
  [[ $(wc -l < "$work/exits") == "$many" && $(exits_of remove-gear 1) == "$(recalled)" ]] && ! grep -Ev ' (0|3|4)$|^remove-gear 1$' "$work/exits" && return
  sort "$work"/tool.* | uniq -c | sed 's/^/        /'
  return 1
}
within() { awk -v min="$2" -v max="$3" '$1 < min || $1 > max { bad = 1; print "        " $1 } END { exit bad || NR < 5 }' "$1"; } # within FILE MIN MAX
printf '        %s tools at once: %s added, %s removed, %s recalled, %s refused by a limit, %s to try again; %s looks at the registry, %s at HAProxy\n' "$many" "$added" "$removed" \
  "$(recalled)" "$(exits_of '.*' 3)" "$(exits_of '.*' 4)" "$(wc -l < "$work/counted")" "$(wc -l < "$work/rotating")"
check 'all tools exit with 0, 3 or 4' only_good_exits
check 'the registry never had fewer than scale_min or more than scale_max' within "$work/counted" 2 8
check 'HAProxy never had more than scale_max in rotation' within "$work/rotating" 0 8
check 'as many gears came and went as tools say' serves $((before + added - removed - $(recalled)))
check 'all agree after that' checks
"$dir/hooks/set-scale-limits" 3 -1 > /dev/null

# --- everything at once ---
wanted=$(soak_or 300 40) lasting=$(soak_or 600 0)
printf '        %s kills with the seed %s\n' "$wanted" "$seed"
await 20 at_least 3 || true
judged_load_begin '/cgi-bin/wait?100' 3
judged_load_begin '/cgi-bin/wait?100' 3 --close
judged_load_begin '/cgi-bin/wait?100' 4 --close
judged_load_begin '/cgi-bin/wait?700' 3
judged_load_begin '/cgi-bin/begin?100' 1
judged_load_begin '/gear.txt' 3 --cookies --session 2 --think 0.05
killed=0 recovered=0 slow=0
declare -A kinds=([daemon]=0 [tool]=0 [child]=0 [haproxy]=0 [gear]=0)
hit() { kinds[$1]=$((kinds[$1] + 1)) killed=$((killed + 1)); }
children_of() {
  local child
  while read -r child; do [[ -z $child ]] || { echo "$child"; children_of "$child"; }; done < <(cat "/proc/$1/task/"*/children 2> /dev/null | tr " " "\n")
}
direction() { # of a tool: so that there is always something to kill and to remove
  local count
  count=$(in_haproxy | wc -l)
  if [[ $count -lt 4 ]]; then echo add-gear; elif [[ $count -gt 7 ]]; then echo remove-gear; else one_of add-gear remove-gear; fi
}
kill_some_gear() {
  at_least 3 || return 0
  kill_gear "$(in_haproxy | shuf -n 1 --random-source=<(yes "$RANDOM"))" && hit gear
}
kill_daemon() {
  local pid
  pid=$(daemon_pid)
  kill -KILL "$pid" || return 0
  hit daemon
  await 20 is_gone "$pid"  # until then a start says, rightly, that it runs
  ((RANDOM % 3)) || kill_some_gear
  pause_up_to 500
  "$daemon" start > /dev/null || { slow=$((slow + 1)); return; }
  if checks; then recovered=$((recovered + 1)); else slow=$((slow + 1)); fi
}
is_gone() { [[ ! -d /proc/$1 ]]; }
kill_tool() {
  local tool
  "$tools/$(direction)" > /dev/null 2>&1 &
  tool=$!
  pause_up_to 120
  kill -KILL "$tool" 2> /dev/null && hit tool
  wait "$tool" 2> /dev/null || true
}
kill_child() {
  local try child parent
  parent=$(daemon_pid)
  "$tools/$(direction)" --no-wait > /dev/null 2>&1 || return 0
  for try in {1..60}; do
    child=$(children_of "$parent" | shuf -n 1 --random-source=<(yes "$RANDOM$try"))
    [[ -z $child ]] || ! kill -KILL "$child" 2> /dev/null || { hit child; return; }
    sleep 0.005
  done
}
reloads=0 replacements=0 limits=0 replacing=()
reload() {
  local old
  old=$(haproxy_pid) && kill -USR2 "$(cat "$work/haproxy.pid")" || return 0
  await 10 another_pid "$old" && reloads=$((reloads + 1))
}
another_pid() { local pid; pid=$(haproxy_pid 2> /dev/null) && [[ -n $pid && $pid != "$1" ]]; }
# Over to the other template; the command may be killed as any tool.
replace() {
  "$tools/haproxy_ctld" --replace --template "$(one_of "$template" "$second")" --step "$(one_of 1 2)" > /dev/null 2>&1 &
  replacing+=("$!")
  replacements=$((replacements + 1))
  pause_up_to 900
  ((RANDOM % 3)) || ! kill -KILL "$!" 2> /dev/null || hit tool
}
change_limits() { "$dir/hooks/set-scale-limits" "$(one_of 2 3)" "$(one_of 6 8 10 -1)" > /dev/null; limits=$((limits + 1)); }
round() {
  case $((RANDOM % 13)) in
    0 | 1 | 2) kill_daemon ;;
    3 | 4) kill_tool ;;
    5 | 6) kill_child ;;
    7) kill_haproxy "$(one_of worker master)" && hit haproxy ;;
    8) reload ;;
    9) replace ;;
    10) change_limits ;;
    *) kill_some_gear ;;
  esac
  pause_up_to 300
  # Gears that die young open the template's breaker, which is right, and people may go on by hand, as here.
  at_least 3 || "$tools/add-gear" --count 2 > /dev/null 2>&1 || true
}
began=$SECONDS
while [[ ($killed -lt $wanted || $SECONDS -lt $((began + lasting))) && $SECONDS -lt $((begin_seconds + $(soak_or 3000 200))) ]]; do round; done
"$dir/hooks/set-scale-limits" 3 -1 > /dev/null
sleep 1
judged_load_end
printf '        killed: daemon %s, tools %s, children %s, HAProxy %s, gears %s\n' "${kinds[daemon]}" "${kinds[tool]}" "${kinds[child]}" "${kinds[haproxy]}" "${kinds[gear]}"
printf '        in %s s beside that: %s reloads, %s replacements begun, limits changed %s times\n' $((SECONDS - began)) "$reloads" "$replacements" "$limits"
tell_judged
printf '        %s of %s restarts of the daemon agreed within 5 s\n' "$recovered" $((recovered + slow))
check "$wanted processes were killed" test "$killed" -ge "$wanted"
check 'after each restart of the daemon all agreed within 5 s' test "$slow" = 0
check 'no request failed on a healthy gear' no_healthy_gear_failed
check 'no GET that a gear had not begun to answer failed with it' no_unanswered_get_failed
check 'clients were served' test "$(requests)" -gt $((wanted * 10))
check 'all agree at the end' checks
settled() { [[ $(jq '[.gears[] | select(.state != "serving" and .state != "standby")] | length' "$dir/conf/gear-registry.json") == 0 ]]; }
check 'nothing is under way at the end' await 180 settled
check 'all agree then' checks
orphans() { comm -3 <(lxc-ls -P "$lxcpath" -1 | xargs -n 1 | grep -vxF -e "$template" -e "$second" | sort) <(jq -r --arg app "$app" '.gears[] | $app + "-" + .id' "$dir/conf/gear-registry.json" | sort); }
check 'no container is an orphan' test -z "$(orphans)"

# A command that waits for its replacement drives when the daemon is gone.
no_replacing() { local pid; for pid in "${replacing[@]}"; do ! kill -0 "$pid" 2> /dev/null || return 1; done; }
check 'no command waits for its replacement any more' await 60 no_replacing

# --- the judge can say no ---
cp "$failures" "$work/failures.before"
"$tools/add-gear" > /dev/null 2>&1 || true
judged_load_begin '/cgi-bin/begin?2000' 12  # HAProxy cannot save these: their answers have begun
all_wait() { [[ $(runtime 'show stat' | awk -F, '$1 == "express" && $2 == "BACKEND" { print $5 }') == 12 ]]; }
check 'twelve requests are under way' await 10 all_wait
busiest() { runtime 'show stat' | awk -F, '$1 == "express" && $2 ~ /^gear-/ { print $5, $2 }' | sort -n | tail -n 1 | cut -d " " -f 2; }
kill_gear "$(busiest)" quietly
wronged() { [[ $(judged_as healthy) -ge 1 ]]; }
check 'a gear that is killed and not written down counts as healthy' await 10 wronged
: > "$failures"
check 'twelve requests are under way again' await 20 all_wait
kill -KILL "$(haproxy_pid)"
check 'so does an HAProxy that is killed and not written down' await 10 wronged
judged_load_end

# --- nothing is left ---
haproxy_end
check 'teardown succeeds' "$dir/bin/teardown"
check 'no gear is left' test "$(known)" = "$second $template"
check 'no veth is left on the bridge' test -z "$(ip -o link show master "$bridge")"
check 'no cgroup directory of a gear is left' test -z "$(find /sys/fs/cgroup -type d -path "*lxc.*.$app-*" 2> /dev/null)"
# The pattern is no argument: grep would find itself.
processes() { printf '%s\n' "$lxcpath" | grep -lsaF -f /dev/stdin /proc/[0-9]*/cmdline | while IFS= read -r file; do printf '        %s %s\n' "$file" "$(tr '\0' ' ' < "$file")"; done; }
no_process() { processes > "$work/processes" 2> /dev/null; [[ ! -s $work/processes ]]; }
# Who still watches how a gear leaves the rotation has its path on its command line, too.
kill "${watchers[@]}" 2> /dev/null || true
check 'no process of a gear or its monitor is left' await 10 no_process
cat "$work/processes"  # what was there at the last look
