# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# A farm of its own for the shell tests: bridge, template, cartridge, HAProxy, and questions about them. Sourced, never run.
# Everything has the test's own name in it and is taken away at the end, also after a failure or Ctrl-C.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$here/../.." && pwd)
bin=${GEARSCALE_BIN_DIR:-$top/build/release/bin}
passed=0 failed=0

# farm_begin NAME NET: names and places. NET is the first three bytes of the farm's /24.
farm_begin() {
  app=$1 net=$2
  bridge=gst-${app:0:8}
  template=gst-$app-template
  work=$(mktemp -d "/var/lib/gearscale-test-$app.XXXXXX")
  chmod 755 "$work"
  lxcpath=$work/lxc
  mkdir -m 755 "$lxcpath"
  home=$work/home
  dir=$home/haproxy-1.4
  port=$((20000 + $$ % 20000))
  url=http://127.0.0.1:$port
  export HOME=$home  # the tools read ~/.env
  trap farm_end EXIT
  trap 'exit 130' INT TERM
}

farm_end() {
  local status=$?
  trap - EXIT INT TERM
  set +e
  farm_clients_end
  [[ ! -x $dir/bin/teardown ]] || "$dir/bin/teardown" > "$work/teardown.log" 2>&1 || { cat "$work/teardown.log"; failed=$((failed + 1)); }
  "$top/scripts/make-template" --remove "$template" --lxc-path "$lxcpath" > /dev/null 2>&1
  local name
  for name in $(lxc-ls -P "$lxcpath" -1 2> /dev/null); do lxc-destroy -f -P "$lxcpath" -n "$name" > /dev/null 2>&1; done
  ip link del "$bridge" 2> /dev/null
  rm -rf "$work"
  printf '%d passed, %d failed\n' "$passed" "$failed"
  [[ $status -eq 0 && $failed -eq 0 && $passed -gt 0 ]] || exit 1
  exit 0
}

# farm_up [setup options]: bridge, template, cartridge; nothing runs yet.
farm_up() {
  ip link add "$bridge" type bridge
  ip addr add "$net.1/24" dev "$bridge"
  ip link set "$bridge" up
  "$top/scripts/make-template" "$template" --lxc-path "$lxcpath" > "$work/make-template.log"
  "$top/cartridge/bin/setup" --app "$app" --home "$home" --bin-dir "$bin" --template "$template" --bridge "$bridge" \
    --address-pool "$net.10-$net.200/24" --bind "127.0.0.1:$port" --set "lxc_path=$lxcpath" "$@" > "$work/setup.log"
  tools=$dir/info/bin
  log=$(cat "$home/.env/OPENSHIFT_HAPROXY_LOG_DIR")/scale_events.log
}

check() { # check SENTENCE COMMAND...: counts and tells
  local sentence=$1
  shift
  if "$@"; then
    passed=$((passed + 1))
    printf 'ok      %s\n' "$sentence"
  else
    failed=$((failed + 1))
    printf 'FAILED  %s\n' "$sentence"
    farm_tell
  fi
}

# What somebody who looks at a failure wants to see.
farm_tell() {
  "$tools/haproxy_ctld" --status 2>&1 | sed 's/^/        /'
  [[ ! -f $log ]] || grep -v GEAR_INFO "$log" | tail -12 | sed 's/^/        /'
}

await() { # await SECONDS COMMAND...: until it succeeds
  local end=$(($(date +%s%N) + $1 * 1000000000))
  shift
  until "$@"; do
    [[ $(date +%s%N) -lt $end ]] || return 1
    sleep 0.1
  done
}

status_json() { "$tools/haproxy_ctld" --status --json 2> /dev/null; }
serving() { status_json | jq -r '[.gears[] | select(.state == "serving")] | length'; }
serves() { [[ $(serving) == "$1" && $(status_json | jq '.gears | length') == "$1" ]]; }
runtime() { printf '%s\n' "$1" | socat -t 5 - "UNIX-CONNECT:$dir/run/stats"; }
haproxy_pid() { runtime 'show info' | awk -F': ' '$1 == "Pid" { print $2 }'; }
events() { grep -c -- "$1" "$log" || true; } # how many lines of the log match

# The four places that know gears, as sorted lists of server names.
in_registry() { jq -r '.gears[] | select(.state == "serving") | "gear-" + .name' "$dir/conf/gear-registry.json" | sort; }
in_haproxy() { runtime 'show stat' | awk -F, '$1 == "express" && $2 ~ /^gear-/ && $18 ~ /^UP/ { print $2 }' | sort; }
in_file() { sed -n '/# BEGIN gearscale/,/# END gearscale/s/^ *server \([^ ]*\).*/\1/p' "$dir/conf/haproxy.cfg" | sort; }
in_lxc() { lxc-ls -P "$lxcpath" -1 --running 2> /dev/null | sed "s/^$app-/gear-/; s/ *\$//" | sort; }

all_agree() {
  local registry
  registry=$(in_registry)
  [[ -n $registry && $registry == "$(in_haproxy)" && $registry == "$(in_file)" && $registry == "$(in_lxc)" ]] || return 1
  haproxy -c -q -f "$dir/conf/haproxy.cfg" > /dev/null 2>&1
}

# --- clients ---

clients=()
# hold COUNT MS: so many requests, each of which takes so long; their status codes go to $work/codes.
hold() {
  local i
  for ((i = 0; i < $1; ++i)); do
    curl -s -o /dev/null -w '%{http_code}\n' "$url/cgi-bin/wait?$2" >> "$work/codes" 2> /dev/null &
    clients+=("$!")
  done
}
wait_for_clients() { [[ ${#clients[@]} -eq 0 ]] || wait "${clients[@]}" 2> /dev/null || true; clients=(); }
farm_clients_end() { [[ ${#clients[@]} -eq 0 ]] || kill "${clients[@]}" 2> /dev/null; clients=(); }
all_answered() { [[ $(wc -l < "$work/codes") == "$1" && $(grep -c '^200$' "$work/codes") == "$1" ]]; }
