# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Checks of tools_test.sh: the daemon, with a real HAProxy. Sourced.
# shellcheck disable=SC2154,SC2034  # variables of the farm

controller_pid() { head -n 1 "$run/haproxy_ctld.pid"; }
log_count() { { cat "$logs/scale_events.log" 2> /dev/null || true; } | grep -cE "$1" || true; }
logged() { [[ $(log_count "$1") -ge ${2:-1} ]]; }
# milliseconds COMMAND...: sets `took`.
milliseconds() {
  local begin=${EPOCHREALTIME/./}
  "$@"
  took=$(((${EPOCHREALTIME/./} - begin) / 1000))
}

check_daemon_codes() {
  local pid output=$run/haproxy_ctld.output
  printf '%s\n' 'check_interval = 200ms' 'sample_interval = 100ms' >> "$conf/haproxy_ctld.conf"
  expect 'status before all' 3 '^haproxy_ctld is not running' '^$' haproxy_ctld_daemon status
  expect 'stop before all' 0 '^haproxy_ctld is not running' '^$' haproxy_ctld_daemon stop
  expect 'start' 0 '^haproxy_ctld started .pid [0-9]+.' '^$' haproxy_ctld_daemon start
  pid=$(controller_pid)
  expect 'status' 0 "^haproxy_ctld is running .pid $pid." '^$' haproxy_ctld_daemon status
  expect 'start again' 1 '^$' "^haproxy_ctld_daemon: already running .pid $pid." haproxy_ctld_daemon start
  result ".controller == {\"running\": true, \"pid\": $pid}" '--status names the controller' haproxy_ctld --status --json
  expect 'restart' 0 "stopped .pid $pid.*started .pid" '^$' haproxy_ctld_daemon restart
  check 'restart: another process' test "$(controller_pid)" != "$pid"
  pid=$(controller_pid)
  expect 'stop' 0 "^haproxy_ctld stopped .pid $pid." '^$' haproxy_ctld_daemon stop
  check 'stop: it is gone' await 20 is_dead "$pid"
  expect 'status after stop' 3 'not running' '^$' haproxy_ctld_daemon status
  expect 'stop after stop' 0 'not running' '^$' haproxy_ctld_daemon stop
  expect 'restart of a stopped one' 0 'started' '^$' haproxy_ctld_daemon restart
  tool haproxy_ctld_daemon stop > /dev/null || fail 'stop after restart'

  rm -f "$output"
  expect 'start with wrong configuration' 2 '^$' '^haproxy_ctld: there is no template nowhere' haproxy_ctld_daemon start -- --template nowhere
  check 'errors go to the output file too' grep -q 'there is no template nowhere' "$output"
  expect 'a failed start leaves nothing' 3 'not running' '^$' haproxy_ctld_daemon status
  with_text "$limits_file" $'scale_max=many\n' expect 'start with malformed limits' 2 '^$' "^haproxy_ctld: .*scale_limits.txt.*'many'" haproxy_ctld_daemon start
  chmod 700 "$run"
  runner=(setpriv --reuid 65534 --regid 65534 --clear-groups)
  expect 'status that cannot be known' 4 '^$' 'permission denied' haproxy_ctld_daemon status
  expect 'stop by somebody else' 2 '^$' 'permission denied: run it as root' haproxy_ctld_daemon stop
  expect 'start by somebody else' 2 '^$' 'permission denied: run it as root' haproxy_ctld_daemon start
  runner=()
  chmod 755 "$run"
}

check_daemon_without_haproxy() {
  local took pid
  stop_haproxy
  rm -f "$logs/scale_events.log"
  milliseconds expect 'start without HAProxy' 0 'started' '^haproxy_ctld: warning: .* connect.2. for .*stats.*; the controller stays and keeps trying' haproxy_ctld_daemon start
  check "start without HAProxy takes 5 s (took $took ms)" test "$took" -ge 4900 -a "$took" -lt 20000
  pid=$(controller_pid)
  await 20 logged 'A retryable error occurred' || fail 'the loss is not in the log'
  start_haproxy
  await 20 logged 'HAProxy answers again' || fail 'the return is not in the log'
  check 'lost: said once' test "$(log_count 'A retryable error occurred')" -eq 1
  check 'back: said once' test "$(log_count 'HAProxy answers again')" -eq 1
  check 'it stayed all the time' test "$(controller_pid)" = "$pid"
  stop_haproxy
  await 20 logged 'A retryable error occurred' 2 || fail 'the second loss is not in the log'
  start_haproxy
  await 20 logged 'HAProxy answers again' 2 || fail 'the second return is not in the log'
  await 20 answers || fail 'the gears do not serve after the return of HAProxy'
  tool haproxy_ctld_daemon stop > /dev/null || fail 'stop'
}

check_daemon_signals() {
  local pid took file=$conf/haproxy_ctld.conf good
  good=$(< "$file")
  rm -f "$logs/scale_events.log" "$run/haproxy_ctld.output"
  with_text "$limits_file" $'scale_min=1\nscale_max=5\n' tool haproxy_ctld_daemon start > /dev/null || fail 'start'
  pid=$(controller_pid)
  await 20 logged 'Starting haproxy_ctld' || fail 'no first line'
  kill -HUP "$pid"
  await 20 logged 'Configuration re-read' || fail 'HUP: no line'
  check 'no GEAR_INFO without debug' test "$(log_count GEAR_INFO)" -eq 0
  printf '%s\ndebug = true\n' "$good" > "$file"
  kill -HUP "$pid"
  await 20 logged 'GEAR_INFO - capacity' || fail 'HUP: the new setting does not hold'
  printf 'up_pct = nonsense\n' > "$file"
  kill -HUP "$pid"
  await 20 logged "ERROR.*The configuration stays as it was: up_pct = 'nonsense' .conf/haproxy_ctld.conf line 1.: must be a number" || fail 'HUP: a broken file is not reported'
  another_farm_after_hup "$pid"
  printf '%s\n' "$good" > "$file"
  mv "$logs/scale_events.log" "$logs/rotated"
  kill -HUP "$pid"
  await 20 logged 'Configuration re-read' || fail 'HUP: the log is not opened again'
  check 'HUP: the same process' test "$(controller_pid)" = "$pid"
  rm -f "$logs/rotated"
  malformed_limits_after_hup "$pid"

  check 'the gears serve' answers
  milliseconds end_and_wait "$pid"
  check "TERM ends it soon (took $took ms)" test "$took" -lt 10000
  check 'TERM leaves the gears serving' answers
  await 20 logged 'Stopping haproxy_ctld' || fail 'no last line'
  expect 'status after TERM' 3 'not running' '^$' haproxy_ctld_daemon status

  tool haproxy_ctld_daemon start > /dev/null || fail 'start before the crash'
  pid=$(controller_pid)
  kill -SEGV "$pid"
  await 20 is_dead "$pid" || fail 'it survived SIGSEGV'
  check 'crash: a backtrace in the output file' grep -qE 'crashed by SIGSEGV, backtrace:' "$run/haproxy_ctld.output"
  check 'no sanitizer has anything to say' test -z "$(grep Sanitizer "$run/haproxy_ctld.output" || true)"
  check 'crash: with frames' grep -qE '(haproxy_ctld|libgearscale|libc)[^ ]*\(.*\) ?\[0x' "$run/haproxy_ctld.output"
  expect 'status after a crash' 1 'dead but its pid file exists' '^$' haproxy_ctld_daemon status
  expect 'start after a crash' 0 'started' '^$' haproxy_ctld_daemon start
  kill -KILL "$(controller_pid)"
  await 20 is_dead "$(controller_pid)"
  expect 'status after a kill' 1 'dead but' '^$' haproxy_ctld_daemon status
  expect 'stop after a kill' 0 'stale pid file is removed' '^$' haproxy_ctld_daemon stop
  expect 'status at the end' 3 'not running' '^$' haproxy_ctld_daemon status
}

end_and_wait() {
  kill -TERM "$1"
  await 20 is_dead "$1" || fail 'TERM does not end it'
}

# What would make it another farm's controller: the old configuration stays, whole, and the gears with it. The tools refuse the same.
another_farm_after_hup() {
  local setting before
  await 20 answers || fail 'HUP: no gear serves before'
  before=$(gears_in serving)
  for setting in "lxc_path = $work/nobody" 'namespace = other' 'backend = other' "stats_socket = $run/stats-operator" "haproxy_cfg = $conf/other.cfg"; do
    printf '%s\n' "$good" "$setting" | awk -F ' = ' '{ last[$1] = $0 } END { for (key in last) print last[key] }' > "$file"
    kill -HUP "$1"
    await 20 logged "ERROR.*The configuration stays as it was: ${setting%% =*} would change from '.*' to '${setting#*= }', and .*: put it back, or" ||
      fail "HUP with $setting: not refused"
    check "HUP with $setting: one line says so" test "$(log_count "${setting%% =*} would change")" -eq 1
  done
  printf '%s\n' "$good" > "$file"
  expect '--check after them' 0 'agree: ' '^$' haproxy_ctld --check
  check 'HUP with all of them: the same gears serve' test "$(gears_in serving)" = "$before"
  check 'HUP with all of them: they answer' answers
  check 'HUP with all of them: no gear was lost' test "$(log_count 'lost|destroyed|skipped')" -eq 0
  for setting in 'add-gear' 'remove-gear --now' 'haproxy_ctld --check' 'haproxy_ctld --once --dry-run' 'haproxy_ctld --status'; do
    # shellcheck disable=SC2086  # words
    expect "$setting with another lxc_path" 2 '^$' "the gears of gear-registry.json are in lxc_path '$lxc_path', not in '$work/nobody': correct lxc_path" $setting "--lxc-path=$work/nobody"
  done
}

# The last good limits outlive a HUP.
malformed_limits_after_hup() {
  printf 'scale_min=1\nscale_max=5\n' > "$limits_file"
  kill -HUP "$1"
  await 20 logged 'Configuration re-read' 2 || fail 'HUP: no second line'
  sleep 0.5
  printf 'scale_max=many\n' > "$limits_file"
  await 20 logged 'the last good limits stay: scale_min=1 scale_max=5' || fail 'malformed limits are not in the log'
  kill -HUP "$1"
  await 20 logged 'the last good limits stay: scale_min=1 scale_max=5' 2 || fail 'HUP: the last good limits are lost' "$(grep 'last good' "$logs/scale_events.log")"
  printf 'scale_max=4\n' > "$limits_file"
  await 20 logged 'scale_limits.txt: in order again: ' || fail 'that the limits are in order again is not in the log'
  rm -f "$limits_file"
}

open_files() { awk '/^Max open files/ { print $4 }' "/proc/$1/limits"; }

check_daemon_and_tools() {
  local pid fresh
  rm -f "$logs/scale_events.log"
  runner=(prlimit --nofile=1000:)
  expect 'start with options after --' 0 'started' '^$' haproxy_ctld_daemon start -- --debug --scale-min 2
  await 20 two_serve || fail 'scale_min 2 after -- does not hold'
  await 20 logged 'GEAR_INFO - capacity: [0-9.]+% gear_count: 2 sessions: 0 up/remove_thresh: 90.0%/49.9%' || fail 'no GEAR_INFO line'
  expect 'add-gear --no-wait' 0 '^[0-9a-f]{8} pending' '^$' add-gear --no-wait
  fresh=$(awk '{ print $1 }' "$work/stdout")
  await 20 serves "$fresh" || fail 'the daemon did not carry the gear on'
  runner=()
  check 'the daemon may open as many files as the hard limit says' test "$(open_files "$(controller_pid)")" -gt 1000
  check 'a gear has the limit that the daemon was started with' test "$(open_files "$(lxc-info -P "$lxc_path" -n "$app-$fresh" -pH)")" -eq 1000
  expect 'remove-gear with a daemon' 0 "^$fresh removed" '^$' remove-gear --gear "$fresh"
  mkdir -p "$home/repo/.openshift/markers"
  : > "$home/repo/.openshift/markers/disable_auto_scaling"
  await 20 logged 'Automatic scaling is disabled by the disable_auto_scaling marker' || fail 'the marker is not honoured'
  rm "$home/repo/.openshift/markers/disable_auto_scaling"
  runner=(prlimit --nofile=200:200)
  expect 'restart where few files may be open' 0 'started' '^$' haproxy_ctld_daemon restart
  runner=()
  await 20 logged 'WARN.*only 200 files may be open, and 90 gears need 280: ' || fail 'that the hard limit is too low is not in the log'
  tool haproxy_ctld_daemon stop > /dev/null || fail 'stop'

  env -i "PATH=$PATH" "HOME=$work/nobody" "OPENSHIFT_APP_NAME=$app" "OPENSHIFT_HOMEDIR=$home" "$tools/haproxy_ctld_daemon" run > "$work/stdout" 2> "$work/stderr" < /dev/null &
  pid=$!
  helpers+=("$pid")
  await 20 grep -q 'Starting haproxy_ctld' "$work/stdout" || fail 'run prints no events' "$(< "$work/stderr")"
  check 'run: the pid file is its own' test "$(controller_pid)" = "$pid"
  kill -TERM "$pid"
  wait "$pid" || fail "run ends with $?"
  check 'run: the last line' grep -q 'Stopping haproxy_ctld' "$work/stdout"
}

# A controller that is started by something careless.
check_daemon_streams() {
  local pid code=0
  rm -f "$logs/scale_events.log"
  tool haproxy_ctld_daemon start <&- >&- 2>&- || code=$?
  check "start with closed streams (exit code $code)" test "$code" -eq 0
  expect 'start with closed streams: it runs' 0 'is running' '^$' haproxy_ctld_daemon status
  tool haproxy_ctld_daemon stop > /dev/null || fail 'stop'
  tool haproxy_ctld --debug > >(head -n 1 > "$work/stdout") 2> "$work/stderr" < /dev/null &
  pid=$!
  helpers+=("$pid")
  await 20 logged GEAR_INFO 3 || fail 'a foreground controller ends when its reader goes' "$(< "$work/stderr")"
  expect 'a controller whose reader has gone: it runs' 0 'is running' '^$' haproxy_ctld_daemon status
  expect 'a foreground controller is stopped like a daemon' 0 'stopped' '^$' haproxy_ctld_daemon stop
  wait "$pid" || fail "the foreground controller ends with $?"
}

two_serve() { [[ $(gears_in serving | wc -l) -ge 2 ]]; }
serves() { gears_in serving | grep -qx "$1"; }
