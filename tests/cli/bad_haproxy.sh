# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Rows of bad_input.sh: an HAProxy that is not there, not ours, not well, or too old. Sourced.
# shellcheck disable=SC2154,SC2034  # variables of the farm

# each_command ROW_NAME CODE REGEX: a row for each tool that asks HAProxy.
each_command() {
  local command
  for command in add-gear remove-gear 'haproxy_ctld --once' 'haproxy_ctld --status'; do
    # shellcheck disable=SC2086  # two words
    row "$command: $1" "$2" "$3" $command
  done
}

rows_of_haproxy() {
  local mode command
  mkdir -p "$work/replies"
  haproxy_says 'show info' > "$work/replies/info"
  haproxy_says 'show stat express 6 -1' > "$work/replies/stat"
  with_variable "GEARSCALE_HAPROXY_DEADLINE=500ms" rows_with_fakes

  with_variable "GEARSCALE_STATS_SOCKET=$run/nowhere" each_command 'socket missing' 4 "No such file or directory - connect.2. for $run/nowhere: is HAProxy running"
  # What a killed HAProxy leaves: a socket that nobody listens on.
  socat -u "UNIX-LISTEN:$work/stale" OPEN:/dev/null &
  disown
  await 20 test -S "$work/stale" || die "no socket"
  end_process "$!" KILL
  with_variable "GEARSCALE_STATS_SOCKET=$work/stale" each_command 'stale socket' 4 "Connection refused - connect.2. for $work/stale: HAProxy is not running"
  : > "$work/plain"
  with_variable "GEARSCALE_STATS_SOCKET=$work/plain" each_command 'a file in place of the socket' 4 "Connection refused - connect.2. for $work/plain"

  # For somebody else: a place with files that are readable, but for the socket.
  mkdir -p "$work/other/conf" "$work/other/run"
  as_nobody with_variable "GEARSCALE_STATS_SOCKET=$run/stats" with_variable "GEARSCALE_HAPROXY_DIR=$work/other" row 'socket not permitted' 4 \
    "Permission denied - connect.2. for $run/stats: run as" haproxy_ctld --status
  with_variable GEARSCALE_BACKEND=nosuch row '--status: no such backend' 2 "HAProxy has no backend 'nosuch': check the setting 'backend' and haproxy.cfg" haproxy_ctld --status
  with_edit "$conf/haproxy.cfg" 's/^backend other/backend nosuch/;s/gears of express/gears of nosuch/' row 'no such backend' 2 '(missing|not both inside)' add-gear --backend nosuch
  local late=$'$a backend late\\n# BEGIN gearscale gears of late - managed, do not edit\\n# END gearscale gears of late'
  with_edit "$conf/haproxy.cfg" "$late" row 'a backend that only the file has' 2 "HAProxy has no backend 'late'" add-gear --backend late
  with_edit "$conf/haproxy.cfg" "$late" row 'daemon: a backend that only the file has' 2 "HAProxy has no backend 'late'" haproxy_ctld_daemon start -- --backend late
  for command in add-gear remove-gear 'haproxy_ctld --once' 'haproxy_ctld_daemon start'; do
    # shellcheck disable=SC2086  # two words
    with_variable "GEARSCALE_STATS_SOCKET=$run/stats-operator" row "$command: a socket that permits too little" 2 \
      "stats socket gives level operator only: it needs 'level admin' in haproxy.cfg" $command
  done
  with_variable "GEARSCALE_STATS_SOCKET=$run/stats-operator" expect '--status needs no more' 0 '2 serving' '^$' haproxy_ctld --status
  with_fake old row 'daemon: HAProxy too old' 2 'HAProxy 2.4.22-1 is too old: .*; install 2.6 or later' haproxy_ctld_daemon start
}

rows_with_fakes() {
  local mode
  with_fake hang each_command 'hanging' 4 'HAProxy did not answer within 500 ms - Runtime API socket'
  with_fake empty each_command 'empty reply' 4 'HAProxy closed its stats socket without a reply: is it starting or stopping'
  with_fake text each_command 'not an HAProxy' 4 "HAProxy's reply to 'show info' has no"
  with_fake noise each_command 'garbage' 4 "HAProxy's reply to 'show info' has"
  with_fake endless each_command 'endless reply' 4 '(longer than 64 MiB|did not answer within)'
  with_fake strange-version each_command 'strange version' 4 "strange version 'newest'"
  with_fake cut-info each_command 'truncated reply' 4 "HAProxy's reply to 'show info' has"
  with_fake old each_command 'HAProxy too old' 2 'HAProxy 2.4.22-1 is too old: it cannot add and remove servers at run time as needed; install 2.6 or later'
  with_fake stat-hangs each_command 'hanging at show stat' 4 'HAProxy did not answer within 500 ms'
  for mode in empty noise cut no-end no-column bad-number bad-state; do
    with_fake "stat-$mode" each_command "show stat: $mode" 4 "HAProxy's reply to 'show stat'|show stat"
  done
  with_fake stat-no-backend each_command 'show stat: no backend' 2 "HAProxy has no backend 'express': check the setting 'backend'"
}
