# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Rows of bad_input.sh: other processes in the way, and a full disk. Sourced.
# shellcheck disable=SC2154,SC2034  # variables of the farm

# with_lock FILE ROW...: another process holds the lock on this file.
with_lock() {
  local file=$1 pid
  shift
  "$hold_lock" "$file" > "$work/held" &
  pid=$!
  helpers+=("$pid")
  await 20 grep -q held "$work/held" || die "no lock on $file"
  "$@"
  end_process "$pid"
}

rows_of_processes() {
  local pid started
  [[ -x $hold_lock ]] || die "$hold_lock: not built"
  row '--no-wait without a daemon: add-gear' 4 '--no-wait needs a running haproxy_ctld_daemon .*: start it, or wait' add-gear --no-wait
  row '--no-wait without a daemon: remove-gear' 4 '--no-wait needs a running haproxy_ctld_daemon' remove-gear --no-wait
  with_lock "$run/gearscale.lock" row 'registry locked' 4 "cannot lock $run/gearscale.lock: held by process [0-9]+; try again" add-gear
  with_lock "$run/gearscale.lock" row 'registry locked: --once' 4 "cannot lock $run/gearscale.lock: held by process [0-9]+; try again" haproxy_ctld --once
  with_lock "$run/gearscale.driver" row 'another driver: --once' 4 'another command is carrying gears on at this moment; try again' haproxy_ctld --once


  # A pid file whose pid belongs to somebody else by now.
  sleep 600 &
  pid=$!
  helpers+=("$pid")
  printf '%s\n' "$pid" > "$run/haproxy_ctld.pid"
  expect 'stale pid file: status' 1 'dead but its pid file exists' '^$' haproxy_ctld_daemon status
  something_was_done
  tool haproxy_ctld_daemon start -- --standby-count 0 > "$work/stdout" 2> "$work/stderr" || fail 'stale pid file: start' "$(< "$work/stderr")"
  expect 'stale pid file: start works' 0 'is running' '^$' haproxy_ctld_daemon status
  check 'stale pid file: the other program lives' is_alive "$pid"
  started=$(< "$run/haproxy_ctld.pid")
  something_was_done
  check 'stale pid file: it has the new pid' test "$started" != "$pid"

  row 'second daemon' 1 "already running .pid $started." haproxy_ctld_daemon start
  row 'second daemon: run' 1 "already running .pid $started." haproxy_ctld_daemon run
  row 'second controller' 4 "held by process $started" haproxy_ctld
  row 'second controller: --once' 4 "held by process $started" haproxy_ctld --once
  tool haproxy_ctld_daemon stop > /dev/null || fail 'the daemon does not stop'
  something_was_done
  end_process "$pid"
  rows_with_a_full_disk
}

# conf/ on a file system of its own that has no room for another file.
rows_with_a_full_disk() {
  local copy=$work/conf.copy
  cp -a "$conf" "$copy"
  mount -t tmpfs -o size=64k,mode=755 gst-bad "$conf"
  cp -a "$copy/." "$conf"
  dd if=/dev/zero of="$conf/filler" bs=1k count=1000 2> /dev/null || true
  something_was_done
  row 'disk full: add-gear' 1 "cannot write $registry: no space left on device" add-gear
  row 'disk full: remove-gear' 1 "cannot write $registry: no space left on device" remove-gear
  row 'disk full: --pin' 1 "cannot write $registry: no space left on device" remove-gear --pin "${gears[0]}"
  umount "$conf"
  rm -rf "$copy"
  something_was_done
}


