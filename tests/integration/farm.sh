# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# A farm of its own for the shell tests: bridge, template, cartridge, HAProxy, and questions about them. Sourced, never run.
# Everything has the test's own name in it and is taken away at the end, also after a failure or Ctrl-C.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$here/../.." && pwd)
bin=${GEARSCALE_BIN_DIR:-$top/build/release/bin}
passed=0 failed=0
begin_seconds=$SECONDS
for program in haproxy lxc-create lxc-copy ip socat jq curl; do
  command -v "$program" > /dev/null || { printf 'SKIPPED: %s is not installed: run scripts/install-deps test\n' "$program"; exit 0; }
done
[[ $EUID -eq 0 ]] || { printf 'SKIPPED: it makes containers, which needs root\n'; exit 0; }

# farm_begin NAME NET: names and places. NET is the first three bytes of the farm's /24.
farm_begin() {
  app=$1 net=$2
  bridge=gst-${app:0:8}
  template=gst-$app-template
  if [[ -e /sys/class/net/$bridge ]]; then
    printf 'FAILED  the bridge %s is there: this test runs at this moment, or it was killed: ip link del %s\n' "$bridge" "$bridge"
    exit 1
  fi
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
  printf '%d passed, %d failed, %d s\n' "$passed" "$failed" $((SECONDS - begin_seconds))
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
standing_by() { status_json | jq -r '[.gears[] | select(.state == "standby")] | length'; }
# Exactly N gears serve and nothing is on its way, standbys apart.
serves() { [[ $(serving) == "$1" && $(status_json | jq '[.gears[] | select(.state != "standby" and .state != "preparing")] | length') == "$1" ]]; }
runtime() { printf '%s\n' "$1" | socat -t 5 - "UNIX-CONNECT:$dir/run/stats"; }
haproxy_pid() { runtime 'show info' | awk -F': ' '$1 == "Pid" { print $2 }'; }
events() { grep -c -- "$1" "$log" || true; } # how many lines of the log match

# events_json FILTER: the events as objects, each through jq's filter.
events_json() { jq -c "$1" "${log%.log}.jsonl"; }
# outcome_is SERVER STEP TEXT: such an outcome of the gear was recorded.
outcome_is() {
  [[ -n $(jq -c --arg gear "${1#gear-}" --arg step "$2" --arg text "$3" \
    'select(.event == "outcome" and .gear == $gear and .step == $step and (.detail | contains($text)))' "${log%.log}.jsonl") ]]
}
stands_by() { [[ $(in_registry standby | wc -l) == "$1" && -z $(in_registry preparing) ]]; }
last_step() { jq -r --arg gear "${1#gear-}" 'select(.event == "outcome" and .gear == $gear) | .step' "${log%.log}.jsonl" | tail -n 1; }
# N standbys, and each is frozen: the boot of each has ended, and the daemon has been told.
pool_rests() {
  local server
  stands_by "$1" || return 1
  for server in $(in_pool); do [[ $(last_step "$server") == frozen ]] || return 1; done
}
container_state() { lxc-info -P "$lxcpath" -n "$app-${1#gear-}" -sH 2> /dev/null || echo ABSENT; }
is_in() { "$2" | grep -qx "$1"; } # is_in SERVER PLACE
# N gears serve, this one not among them.
serves_beside() { [[ $(in_registry | grep -vcx "$2") == "$1" && $(in_haproxy | grep -vcx "$2") == "$1" ]]; }
not() { ! "$@"; }
exits() { local want=$1 code=0; shift; "$@" > /dev/null 2>&1 || code=$?; [[ $code == "$want" ]]; } # exits CODE COMMAND...

# The four places that know gears, as sorted lists of server names.
in_registry() { jq -r --arg state "${1:-serving}" '.gears[] | select(.state == $state) | "gear-" + .name' "$dir/conf/gear-registry.json" | sort; }
in_haproxy() { runtime 'show stat' | awk -F, '$1 == "express" && $2 ~ /^gear-/ && $18 ~ /^UP/ { print $2 }' | sort; }
in_file() { sed -n '/# BEGIN gearscale/,/# END gearscale/s/^ *server \([^ ]*\).*/\1/p' "$dir/conf/haproxy.cfg" | sort; }
# Standbys are frozen, or being prepared.
in_pool() { jq -r '.gears[] | select(.state == "standby" or .state == "preparing") | "gear-" + .name' "$dir/conf/gear-registry.json" | sort; }
in_lxc() { lxc-ls -P "$lxcpath" -1 --running 2> /dev/null | sed "s/^$app-/gear-/; s/ *\$//" | sort | comm -23 - <(in_pool); }

all_agree() {
  local registry
  registry=$(in_registry)
  [[ -n $registry && $registry == "$(in_haproxy)" && $registry == "$(in_file)" && $registry == "$(in_lxc)" ]] || return 1
  haproxy -c -q -f "$dir/conf/haproxy.cfg" > /dev/null 2>&1
}

# What haproxy_ctld --check judges holds, or comes to hold within the 5 s that it looks. What does not is shown.
await_holds() { "$tools/haproxy_ctld" --check > "$work/check" 2>&1 || { sed 's/^/        /' "$work/check"; return 1; }; }

# --- clients ---

clients=()
# hold COUNT MS: so many requests, each of which takes so long; their status codes go to $work/codes.
hold() {
  local i
  for ((i = 0; i < $1; ++i)); do
    curl -s -o /dev/null -m $(($2 / 1000 + 30)) -w '%{http_code}\n' "$url/cgi-bin/wait?$2" >> "$work/codes" 2> /dev/null &
    clients+=("$!")
  done
}
wait_for_clients() { [[ ${#clients[@]} -eq 0 ]] || wait "${clients[@]}" 2> /dev/null || true; clients=(); }
# load_begin PATH: from here on load N keeps N requests in flight. load_end: true when every single one was answered, whole.
loader='' load_in=''
load_begin() {
  [[ -p $work/load.in ]] || mkfifo "$work/load.in"
  "$bin/gearscale-load" --url "$url$1" --hold 0 --stdin --grace 10 --stats-file "$work/load.now" < "$work/load.in" > "$work/load.json" 2> "$work/load.errors" &
  loader=$!
  exec {load_in}> "$work/load.in"
}
load() { echo "$1" >&"$load_in"; }
load_end() {
  local code=0
  exec {load_in}>&-
  kill -USR1 "$loader" 2> /dev/null || true
  wait "$loader" || code=$?
  loader=''
  [[ $code -eq 0 ]] || cat "$work/load.json" "$work/load.errors"
  return "$code"
}
farm_clients_end() {
  [[ -z $loader ]] || kill "$loader" 2> /dev/null
  [[ ${#clients[@]} -eq 0 ]] || kill "${clients[@]}" 2> /dev/null
  clients=() loader=''
}
all_answered() { [[ $(wc -l < "$work/codes") == "$1" && $(grep -c '^200$' "$work/codes") == "$1" ]]; }
