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
