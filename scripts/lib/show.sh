# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# How the quickstart shows what happens: step lines with the seconds so far, one live line on a terminal, event lines as they are written.
# Sourced after common.sh.

began=$SECONDS
line_open=no

is_terminal() { [[ -t 1 ]]; }

# A live line that is on the screen goes away before anything else is printed.
clear_live() {
  [[ $line_open == no ]] || printf '\r\033[K'
  line_open=no
}

step() {
  clear_live
  printf '[%3d s] %s\n' $((SECONDS - began)) "$*"
}

detail() {
  clear_live
  printf '         %s\n' "$*"
}

# details: each line of stdin as a detail.
details() {
  local line
  while IFS= read -r line; do detail "$line"; done
}

live() {
  local text=$1 width=${COLUMNS:-0}
  [[ $width -gt 20 ]] || width=$(tput cols 2> /dev/null || echo 100)
  printf '\r\033[K%s' "${text:0:width-1}"
  line_open=yes
}

# bar VALUE FULL WIDTH: a picture of VALUE.
bar() {
  local filled=$(($1 * $3 / $2)) text
  [[ $filled -le $3 ]] || filled=$3
  printf -v text '%*s' "$filled" ''
  printf '%s' "${text// /#}"
  printf '%*s' $(($3 - filled)) ''
}

# field JSON KEY: the first number called KEY, nothing when there is none.
field() {
  if [[ $1 =~ \"$2\":(-?[0-9.]+) ]]; then printf '%s' "${BASH_REMATCH[1]}"; fi
}

# run COMMAND...: its output as details; when it fails, so do we, with its exit code (it has said why).
run() { "$@" | details || exit "${PIPESTATUS[0]}"; }

seconds_since() { # MILLISECONDS_THEN MILLISECONDS_NOW
  local tenths=$((($2 - $1 + 50) / 100))
  printf '%d.%d' $((tenths / 10)) $((tenths % 10))
}

now_ms() { date +%s%3N; }

# The load of the demonstration for one policy: seconds and requests in flight, when its rise ends, the page, and words for it.
# shellcheck disable=SC2034 # read by who sources this
choose_load() {
  case $1 in
    sessions) # 9 are 90% of one gear, 18 of two, 27 of three
      load_steps=4s:0,12s:9,12s:18,12s:27 load_end_s=40 load_page='cgi-bin/wait?1000'
      load_text='9, 18, then 27 requests in flight for 12 s each, each taking a second in the gear' ;;
    response-time) # a gear answers ten requests a second, one after the other: 15 in flight make 1.5 s of one gear, 0.75 s of two
      load_steps=4s:1,15s:15,15s:30,60s:1 load_end_s=34 load_page='cgi-bin/turn?100'
      load_text='15, then 30 requests in flight for 15 s each at a gear that takes them one after the other, 0.1 s each; then one at a time' ;;
    *) die_usage "--policy $1: sessions or response-time" ;;
  esac
}
