# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# A farm of a test's own: template, bridge, HAProxy, and copies of the tools in one temporary directory. Everything goes when the test ends.
# Sourced, never run. A test sets `self` (its name in messages) before it sources this file and calls farm_up with the directory of the tools.
# shellcheck disable=SC2034  # the tests use them
: "${self:?set self before sourcing farm.sh}"
export PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
project=$(readlink -f "$(dirname "${BASH_SOURCE[0]}")/../..")

skip() { printf '%s: SKIPPED: %s\n' "$self" "$*"; exit 77; }
die() { printf '%s: %s\n' "$self" "$*" >&2; exit 1; }

# With `set -e` a command that nobody expected to fail would end the test without a word.
set -E
trap 'printf "%s: %s line %s: failed: %s\n" "$self" "${BASH_SOURCE[0]}" "$LINENO" "$BASH_COMMAND" >&2' ERR

work='' bridge='' haproxy_pid='' helpers=()  # helpers: pids to end with the test

# await SECONDS COMMAND...: true as soon as the command succeeds.
await() {
  local end=$((SECONDS + $1 + 1))
  shift
  until "$@"; do
    [[ $SECONDS -lt $end ]] || return 1
    sleep 0.02
  done
}

# What has ended stays in the table until init takes it out, which may last.
is_alive() { grep -qE '^State:[[:space:]]+[^ZX[:space:]]' "/proc/$1/status" 2> /dev/null; }
is_dead() { ! is_alive "$1"; }

# end_process PID [SIGNAL]: ends a process that this test started, and waits for it.
end_process() {
  kill "-${2:-TERM}" "$1" 2> /dev/null || return 0
  await 20 is_dead "$1" || kill -KILL "$1" 2> /dev/null || true
  wait "$1" 2> /dev/null || true
}

# haproxy_says COMMAND: one command to the farm's HAProxy.
haproxy_says() { socat -t 5 -T 5 - "UNIX-CONNECT:$run/stats" <<< "$1" 2> /dev/null; }
haproxy_answers() { [[ $(haproxy_says 'show info') == *Pid:* ]]; }

start_haproxy() {
  haproxy -W -D -f "$conf/haproxy.cfg" -p "$run/haproxy.pid" > "$work/haproxy.output" 2>&1 < /dev/null || die "HAProxy does not start: $(tail -n 2 "$work/haproxy.output")"
  await 20 haproxy_answers || die "HAProxy does not answer"
  haproxy_pid=$(head -n 1 "$run/haproxy.pid")
}

stop_haproxy() {
  [[ -n $haproxy_pid ]] || return 0
  end_process "$haproxy_pid"
  haproxy_pid=''
  rm -f "$run/haproxy.pid" "$run/stats"
}

# tool NAME ARGUMENT...: one of the tools with nothing in its environment but the farm's application. `runner` is put before it (setpriv),
# `variables` are NAME=VALUE for the environment.
runner=() variables=()
tool() {
  local name=$1
  shift
  env -i "PATH=$PATH" "HOME=$work/nobody" "OPENSHIFT_APP_NAME=$app" "OPENSHIFT_HOMEDIR=$home" "${variables[@]}" \
    "${runner[@]}" timeout -k 5 30 "$tools/$name" "$@"
}

# The gears' ids that the registry has in a state, one a line.
gears_in() { [[ ! -f $registry ]] || jq -r --arg state "$1" '.gears[] | select(.state == $state) | .id' "$registry"; }

# A network of /24 that no device of this machine is in.
free_network() {
  local try
  for try in {0..199}; do
    network=10.96.$((($$ + try) % 250))
    [[ -n $(ip -4 -o addr show | awk -v is="$network." 'index($4, is) == 1') ]] || return 0
  done
  die "no network is free below 10.96"
}

write_haproxy_cfg() {
  cat > "$conf/haproxy.cfg" << END
global
    stats socket $run/stats mode 600 level admin expose-fd listeners
    stats socket $run/stats-operator mode 600 level operator
    stats timeout 30s
    maxconn 200
defaults
    mode http
    timeout connect 5s
    timeout client 1m
    timeout server 1m
    option redispatch
frontend express_in
    bind unix@$run/web
    default_backend express
backend express
    balance leastconn
    option httpchk GET /
    cookie GEAR insert indirect nocache dynamic
    dynamic-cookie-key test
    $begin_marker
    $end_marker
backend other
    server foreign 127.0.0.1:1
END
}

# farm_up BIN_DIR: a farm without gears, HAProxy running. Needs root.
farm_up() {
  local file
  [[ $EUID -eq 0 ]] || skip "it makes containers, which needs root"
  [[ -x $1/haproxy_ctld ]] || die "$1: no tools there"
  for file in haproxy socat jq curl dnsmasq setpriv lxc-create ip; do command -v "$file" > /dev/null || die "$file: not installed: run scripts/install-deps test"; done
  trap farm_down EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  work=$(mktemp -d "${TMPDIR:-/tmp}/gst-bad.XXXXXX")
  # The gears' root and the user that is nobody have to get in.
  chmod 755 "$work"
  app=gst-bad$$ home=$work/home lxc_path=$work/lxc template=gst-bad$$-template tools=$work/tools/bin
  conf=$home/haproxy-1.4/conf run=$home/haproxy-1.4/run logs=$home/haproxy-1.4/logs data=$home/data
  registry=$conf/gear-registry.json limits_file=$data/scale_limits.txt
  begin_marker='# BEGIN gearscale gears of express - managed, do not edit' end_marker='# END gearscale gears of express'
  mkdir -p "$conf" "$run" "$logs" "$data" "$lxc_path" "$tools" "$work/tools/lib" "$work/nobody"
  cp -L "$1"/{add-gear,remove-gear,haproxy_ctld,haproxy_ctld_daemon,gear-shell} "$tools"
  cp -L "$1"/../lib/libgearscale.so.0 "$work/tools/lib"
  free_network
  ip link add "gst-b$$" type bridge
  bridge=gst-b$$
  ip addr add "$network.1/24" dev "$bridge"
  ip link set "$bridge" up
  "$project/scripts/make-template" "$template" --lxc-path "$lxc_path" > "$work/template.log" 2>&1 || die "no template: $(tail -n 2 "$work/template.log")"
  pool=$network.10-$network.99/24
  printf '%s = %s\n' uuid "$(< /proc/sys/kernel/random/uuid)" template "$template" lxc_path "$lxc_path" bridge "$bridge" address_pool "$pool" memory_reserve 0 \
    stop_timeout 1s drain_idle 0s haproxy_deadline 2s > "$conf/haproxy_ctld.conf"
  write_haproxy_cfg
  start_haproxy
}

# Whatever state the test left it in.
farm_down() {
  local code=$? pid name
  trap - EXIT INT TERM ERR
  set +e
  for pid in "${helpers[@]}"; do
    kill -CONT "$pid" 2> /dev/null
    end_process "$pid"
  done
  if [[ -n $work ]]; then
    end_daemon
    stop_haproxy
    if mountpoint -q "$conf"; then umount "$conf"; fi
    for name in "$lxc_path"/*/; do
      name=$(basename "$name")
      lxc-stop -P "$lxc_path" -n "$name" -k > /dev/null 2>&1
    done
    # Templates that gears live on go in the second round.
    for name in "$lxc_path"/*/ "$lxc_path"/*/; do
      [[ ! -d $name ]] || lxc-destroy -P "$lxc_path" -n "$(basename "$name")" > /dev/null 2>&1
    done
    [[ -z $bridge ]] || ip link del "$bridge"
    find /sys/fs/cgroup -depth -type d \( -name "lxc.monitor.$app-*" -o -name "lxc.payload.$app-*" \) -exec rmdir {} + 2> /dev/null
    rm -rf --one-file-system "$work"
  fi
  exit "$code"
}

# Ends a controller that a row started and left.
end_daemon() { [[ ! -e $run/haproxy_ctld.pid ]] || tool haproxy_ctld_daemon stop > /dev/null 2>&1; }
