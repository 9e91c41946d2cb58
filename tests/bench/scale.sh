#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `bench scale`: one gear to many and back with a running controller; what a gear costs at 10, 50, 100 and 200, beside what LXC and the kernel
# alone cost there.
set -euo pipefail
usage() {
  cat << 'END'
Usage: scale.sh [GEARS]
From 1 gear to GEARS (20 to 230, default 200) and back; the targets are for 200.
Exit codes: 0 the targets are met, 1 missed or failed, 2 wrong usage, or not root.
END
}
most=${1:-200}
case $most in -h | --help) usage; exit 0 ;; esac
[[ $# -le 1 && $most =~ ^[1-9][0-9]{1,2}$ && $most -ge 20 && $most -le 230 ]] || { usage >&2; exit 2; }
[[ $EUID -eq 0 ]] || { echo 'scale.sh: not root: run it with sudo' >&2; exit 2; }
# shellcheck source=tests/integration/farm.sh
. "$(dirname "$0")/../integration/farm.sh"

batch=10 tries=7
farm_begin scale 10.99.8
farm_up --address-pool "$net.2-$net.240/24" --set standby_count=0 --set flap_protection=1h
jsonl=${log%.log}.jsonl
"$dir/bin/control" start > /dev/null
await 20 serves 1 || { farm_tell; exit 1; }
pid=$(haproxy_pid)

now_ms() { echo $(($(date +%s%N) / 1000000)); }
in_rotation() { in_haproxy | wc -l; }
# timed COMMAND...: its milliseconds in $took
timed() {
  local begin
  begin=$(now_ms)
  "$@" > "$work/tool.log" 2>&1 || { cat "$work/tool.log" >&2; farm_tell; exit 1; }
  took=$(($(now_ms) - begin))
}
grow_to() { # $took: milliseconds until add-gear says that all serve; $cost: of each gear, from the decision to the last one's first request
  local lines
  lines=$(wc -l < "$jsonl")
  timed "$tools/add-gear" --count "$(($1 - $(serving)))"
  [[ $(in_rotation) == "$1" ]] || { echo "HAProxy has $(in_rotation) gears UP, not $1" >&2; farm_tell; exit 1; }
  cost=$(tail -n +$((lines + 1)) "$jsonl" | jq -s 'def ms: ((.at[0:19] + "Z" | fromdate) + ("0" + .at[19:26] | tonumber)) * 1000;
    (map(select(.event == "action"))[0] | ms) as $begin | map(select(.event == "outcome" and .step == "serving" and .ok) | ms)
    | ((max - $begin) / length * 10 | round) / 10')
}
median() { sort -n | awk '{ all[NR] = $1 } END { print all[int((NR + 1) / 2)] }'; }
per() { awk -v all="$1" -v count="$2" 'BEGIN { printf "%.1f", all / count }'; }

back_to_one() { if ! serves 1 || ! all_agree; then echo 'not all places agree on one gear' >&2; farm_tell; exit 1; fi; }

# The least that a gear costs: one overlay clone and its start, without any of ours.
bare_gear() {
  local i begin name=$app-bare
  for ((i = 0; i < tries; ++i)); do
    begin=$(now_ms)
    lxc-copy -P "$lxcpath" -n "$template" -N "$name" -s -B overlay > /dev/null 2>&1 || true
    printf 'lxc.net.0.link = %s\nlxc.net.0.ipv4.address = %s/24\n%s\n' "$bridge" "$net.250" "$userxattr" >> "$lxcpath/$name/config"
    chmod o+x "$lxcpath/$name"
    lxc-start -P "$lxcpath" -n "$name"
    echo $(($(now_ms) - begin))
    lxc-destroy -f -P "$lxcpath" -n "$name" > /dev/null 2>&1
  done | median
}
userxattr=''
! grep -q '^lxc.idmap' "$lxcpath/$template/config" || userxattr='lxc.rootfs.options = userxattr'

# --- from one to all of them and back, by one command each ---
grow_to "$most"
all_up=$took
all_gears=$((most - 1))
timed "$tools/remove-gear" --now --count "$all_gears"
all_down=$took
back_to_one
printf '1 -> %d gears: %s s, back to 1: %s s\n' "$most" "$(per "$all_up" 1000)" "$(per "$all_down" 1000)"

# --- what one costs, by how many there are ---
printf '%-6s %28s %16s %26s\n' gears "ms a gear of $batch, median of 3" 'ms, one alone' 'ms, lxc-copy and lxc-start'
costs=() bares=() last=10
for size in 10 50 100 200; do
  ((size <= most)) || continue
  last=$size
  base=$((size > batch ? size - batch : 1))
  ((base == 1)) || grow_to "$base"
  batch_cost=$(for _ in 1 2 3; do
    [[ $(serving) == "$base" ]] || timed "$tools/remove-gear" --now --count $((size - base))
    grow_to "$size"
    echo "$cost"
  done | median)
  bare=$(bare_gear)
  grow_to $((size + 1))
  timed "$tools/remove-gear" --now
  costs+=("$batch_cost") bares+=("$bare")
  printf '%-6d %28s %16s %26s   %s\n' "$size" "$batch_cost" "$cost" "$bare" \
    "$(jq -r 'select(.event == "outcome" and .step == "serving" and .ok) | .detail' "$jsonl" | tail -n 1)"
done
timed "$tools/remove-gear" --now --count "$(($(serving) - 1))"
back_to_one
good=yes
[[ $(haproxy_pid) == "$pid" ]] || { echo 'HAProxy was reloaded' >&2; good=no; }
growth=$(awk -v a="${costs[0]}" -v b="${costs[-1]}" 'BEGIN { printf "%.2f", b / a }')
bare_growth=$(awk -v a="${bares[0]}" -v b="${bares[-1]}" 'BEGIN { printf "%.2f", b / a }')
awk -v seconds="$(per "$all_up" 1000)" -v growth="$growth" 'BEGIN { exit !(seconds < 15 && growth <= 2) }' || good=no
passed=1
trap - EXIT
(farm_end > "$work.end") || { cat "$work.end"; good=no; }
rm -f "$work.end"
printf 'bench scale: %s s from 1 to %d gears, cost per gear times %s from 10 to %d (target under 15 s and at most 2; LXC and the kernel alone: times %s)\n' \
  "$(per "$all_up" 1000)" "$most" "$growth" "$last" "$bare_growth"
[[ $good == yes ]]
