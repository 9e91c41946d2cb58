#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What the tools do when all is well, and how the daemon is controlled, on a real farm.
#   tools_test.sh BIN_DIR [GROUP...]     BIN_DIR: the tools (or GEARSCALE_BIN_DIR); groups: see the end; VERBOSE=1 names the checks that pass
set -euo pipefail
self=tools_test
here=$(dirname "$(readlink -f "$0")")
# shellcheck source=tests/cli/farm.sh
source "$here/farm.sh"
# shellcheck source=tests/cli/rows.sh
source "$here/rows.sh"
# shellcheck source=tests/cli/daemon_checks.sh
source "$here/daemon_checks.sh"

all_tools=(add-gear remove-gear haproxy_ctld haproxy_ctld_daemon)

check_help() {
  local name option
  for name in "${all_tools[@]}"; do
    for option in --help -h; do
      expect "$name $option" 0 "^Usage: $name .*Environment .*Exit codes:.*Example:" '^$' "$name" "$option"
    done
    expect "$name --version" 0 "^$name .gearscale. [0-9]+[.][0-9]+[.][0-9]+.?$" '^$' "$name" --version
  done
  expect 'help before anything else' 0 '^Usage: add-gear' '^$' add-gear --count 5 --help --up-pct nonsense --config /nowhere
  expect 'help of a command' 0 '^Usage: haproxy_ctld_daemon' '^$' haproxy_ctld_daemon start --help
  expect 'help of the controller through the daemon' 0 '^Usage: haproxy_ctld ' '^$' haproxy_ctld_daemon start -- --help
  check 'help starts nothing' test -z "$(find "$run" -name 'haproxy_ctld*' -o -name 'gearscale*')"
  check 'help makes no registry' test ! -e "$registry"
  tool add-gear --help > /dev/full 2> "$work/stderr" && fail 'help to a full disk' 'exit code 0'
  check 'help to a full disk' grep -q '^add-gear: cannot write the results to stdout' "$work/stderr"
}

# value_of KEY [ARGUMENT...]: "VALUE from SOURCE", as --print-config --json has it.
value_of() {
  local key=$1
  shift
  tool haproxy_ctld --print-config --json "$@" | jq -r --arg key "$key" '.[$key] | "\(.value) from \(.source)"'
}
# has KEY WHAT [ARGUMENT...]
has() {
  local got
  got=$(value_of "$1" "${@:3}")
  if [[ $got == "$2" ]]; then pass "$1 is $2"; else fail "$1 $*" "expected: $2" "got:      $got"; fi
}
env_file() { with_text "$work/nobody/.env/$1" "$2"$'\n' "${@:3}"; }

check_sources() {
  local file=$conf/haproxy_ctld.conf
  # As the cartridge's environment names them; the directories end with a slash there.
  variables=(OPENSHIFT_APP_NAME=shop OPENSHIFT_NAMESPACE=prod OPENSHIFT_APP_UUID=0123abcd "OPENSHIFT_HAPROXY_DIR=$home/haproxy-1.4/" "OPENSHIFT_HAPROXY_LOG_DIR=$logs/"
    "OPENSHIFT_DATA_DIR=$data/" "OPENSHIFT_REPO_DIR=$home/repo/" OPENSHIFT_MAX_SESSIONS_PER_GEAR=25)
  has app 'shop from environment OPENSHIFT_APP_NAME'
  has namespace 'prod from environment OPENSHIFT_NAMESPACE'
  has uuid '0123abcd from environment OPENSHIFT_APP_UUID'
  has home_dir "$home from environment OPENSHIFT_HOMEDIR"
  has haproxy_dir "$home/haproxy-1.4/ from environment OPENSHIFT_HAPROXY_DIR"
  has stats_socket "$run/stats from default"
  has log_dir "$logs/ from environment OPENSHIFT_HAPROXY_LOG_DIR"
  has data_dir "$data/ from environment OPENSHIFT_DATA_DIR"
  has repo_dir "$home/repo/ from environment OPENSHIFT_REPO_DIR"
  has sessions_per_gear '25 from environment OPENSHIFT_MAX_SESSIONS_PER_GEAR'
  variables=(OPENSHIFT_GEAR_DNS=shop-stage.example.com)
  has namespace 'stage from environment OPENSHIFT_GEAR_DNS'
  variables=(OPENSHIFT_APP_NAME=)
  env_file OPENSHIFT_APP_NAME shop has app "shop from $work/nobody/.env/OPENSHIFT_APP_NAME"
  env_file OPENSHIFT_APP_NAME "export OPENSHIFT_APP_NAME='older'" has app "older from $work/nobody/.env/OPENSHIFT_APP_NAME"
  variables=()
  has haproxy_dir "$home/haproxy-1.4 from default"
  variables=(OPENSHIFT_HOMEDIR=)
  has home_dir "/var/lib/gearscale/$app from default"
  variables=()

  # From the weakest to the strongest.
  has up_pct '90.0 from default'
  with_text "$file" "$(< "$file")"$'\nup_pct = 81   # a comment\n' check_stronger
  has scale_max '-1 from default'
  with_text "$file" "$(< "$file")"$'\nscale_max = 7\n' has scale_max '7 from conf/haproxy_ctld.conf line 10'
  with_text "$limits_file" $'scale_min=2\nscale_max=8\n' check_limits_between
}

check_stronger() {
  has up_pct '81 from conf/haproxy_ctld.conf line 10'
  env_file GEARSCALE_UP_PCT 82 has up_pct "82 from $work/nobody/.env/GEARSCALE_UP_PCT"
  env_file GEARSCALE_UP_PCT 82 with_variable GEARSCALE_UP_PCT=83 has up_pct '83 from environment GEARSCALE_UP_PCT'
  with_variable GEARSCALE_UP_PCT=83 has up_pct '84 from command line' --up-pct 84
  with_variable GEARSCALE_UP_PCT=83 has up_pct '84 from command line' --up-pct=84
}

check_limits_between() {
  local file=$conf/haproxy_ctld.conf
  has scale_min '2 from scale_limits.txt'
  with_text "$file" "$(< "$file")"$'\nscale_max = 7\n' has scale_max '8 from scale_limits.txt'
  with_variable GEARSCALE_SCALE_MAX=9 has scale_max '9 from environment GEARSCALE_SCALE_MAX'
  with_variable GEARSCALE_SCALE_MAX=9 has scale_max '10 from command line' --scale-max 10
}

check_print_config() {
  local first=$work/first.conf again=$work/again.conf
  tool haproxy_ctld --print-config --up-pct 77.5 --debug --namespace prod > "$first" || fail '--print-config'
  tool haproxy_ctld --print-config --config "$first" > "$again" || fail '--print-config as --config'
  check 'what --print-config prints is a --config with the same values' cmp <(sed 's/ *#.*//' "$first") <(sed 's/ *#.*//' "$again")
  check '--print-config and its JSON agree' cmp <(sed 's/ *#.*//; s/ *= */=/' "$first") \
    <(tool haproxy_ctld --print-config --json --config "$first" | jq -r 'to_entries[] | "\(.key)=\(.value.value)"')
  expect '--print-config without root' 0 'up_pct +=' '^$' haproxy_ctld --print-config --config "$first"
  expect '--print-config of some settings' 0 '^77.5.true.prod$' '^$' haproxy_ctld --print-config --config "$first" up_pct debug namespace
  with_text "$limits_file" $'scale_max=abc\n' expect '--print-config with malformed limits' 0 'scale_max +=' \
    "^haproxy_ctld: warning: nothing would start, .*scale_limits.txt, line 1: 'abc' is not a whole number" haproxy_ctld --print-config
  with_text "$limits_file" $'scale_min=9\n' expect '--print-config with limits that clash' 0 'scale_max +=' \
    "^haproxy_ctld: warning: nothing would start, .*scale_min .9. must be at most scale_max .4." haproxy_ctld --print-config --scale-max 4
}

# result FILTER NAME TOOL ARGUMENT...: the JSON that the tool prints makes jq's filter true.
result() {
  local filter=$1 name=$2 code=0
  shift 2
  tool "$@" > "$work/stdout" 2> "$work/stderr" < /dev/null || code=$?
  if [[ $code -eq 0 && $(wc -l < "$work/stdout") -eq 1 ]] && jq -e "$filter" "$work/stdout" > "$work/jq" 2>&1; then
    pass "$name"
  else
    fail "$name: $*" "exit code $code, filter $filter" "stdout: $(head -c 1000 "$work/stdout")" "stderr: $(head -c 1000 "$work/stderr")"
  fi
}

check_gears() {
  local first second
  result '.action == "hold" or .action == "up"' '--once --dry-run' haproxy_ctld --once --dry-run --json
  check 'a dry run makes no gear' test -z "$(gears_in serving)"
  result '.action == "add" and .reason == "forced" and .serving_before == 0 and .target == 2 and (.gears | length == 2) and all(.gears[]; .outcome == "serving")' \
    'add-gear' add-gear --count 2 --json
  result ".gears | all(.container == \"$app-\" + .name and .server == \"gear-\" + .name and (.address | test(\"^$network.*:8080\$\")))" 'names and addresses' remove-gear --pin "$(gears_in serving | head -n 1)" --json
  first=$(gears_in serving | head -n 1) second=$(gears_in serving | tail -n 1)
  result '.action == "pin" and (.gears == [])' 'pinning twice' remove-gear --pin "gear-$first" --json
  expect 'pinning twice, in words' 0 'nothing to do' '^$' add-gear --pin "$app-$first"
  result ".gears | length == 1 and .[0].name == \"$second\" and .[0].outcome == \"planned\"" 'a pinned gear is not chosen' remove-gear --dry-run --json
  result '.gears | any(.pinned)' '--status shows the pin' haproxy_ctld --status --json
  expect '--unpin' 0 "^$first unpinned" '^$' remove-gear --unpin "$first"
  result '.serving == 2 and .coming == 0 and .limits.max == -1 and .thresholds.up_pct == 90 and .controller == {"running": false, "pid": null} and (.gears | length == 2) and all(.gears[]; .state == "serving" and .server_state == "UP")' \
    '--status' haproxy_ctld --status --json
  expect '--status as a table' 0 "2 serving.*$first +$network.*serving +UP" '^$' haproxy_ctld --status
  result '.action == "hold" and .gears == []' '--once' haproxy_ctld --once --json --scale-min 2
  expect '--once in words' 0 '^hold .at_min., target 2' '^$' haproxy_ctld --once --scale-min 2
  expect '-u' 0 '^[0-9a-f]{8} planned' '^$' haproxy_ctld -u --dry-run
  result '.action == "add" and (.gears | length == 1 and .[0].outcome == "serving")' '--up' haproxy_ctld --up --json
  expect '-d' 0 '^[0-9a-f]{8} planned' '^$' haproxy_ctld -d --dry-run
  result '.action == "remove" and (.gears | length == 1 and .[0].outcome == "removed")' '--down' haproxy_ctld --down --json
  mkdir -p "$work"/other/{conf,run}
  expect '-s' 0 'planned' '^add-gear: note: -s/--server is ignored' add-gear -s balancer.example.com --dry-run
  expect '--server' 0 'planned' '^remove-gear: note: -s/--server is ignored' remove-gear --server=x --dry-run
  result '.gears[0] | (.name | test("^[0-9a-f]{8}-prod$")) and (.container | test("^other-[0-9a-f]{8}-prod$"))' '-a -n -u' \
    add-gear -a other -n prod -u 0123 --haproxy-dir "$work/other" --haproxy-cfg "$conf/haproxy.cfg" --stats-socket "$run/stats" --config "$conf/haproxy_ctld.conf" --dry-run --json
  second=$(gears_in serving | tail -n 1)
  result ".gears[0].name == \"$second\" and .gears[0].outcome == \"planned\"" 'a removal needs no bridge' remove-gear --gear "$second" --bridge gst-none --dry-run --json
  result ".gears == [{\"name\": \"$second\", \"server\": \"gear-$second\", \"container\": \"$app-$second\", \"address\": .gears[0].address, \"outcome\": \"removed\"}]" \
    'remove-gear by its server name' remove-gear --gear "gear-$second" --json
  check 'a removed gear is gone everywhere' test -z "$({ cat "$registry" "$conf/haproxy.cfg"; haproxy_says 'show servers state'; ls -A "$lxc_path"; } | grep "$second" || true)"
  check 'the gear that is left serves' answers
  # Nothing stays of a gear that does not become ready.
  snapshot | without_counters > "$work/before"
  expect 'a gear that does not become ready' 1 'failed' 'add-gear: [0-9a-f]{8} did not become ready: .*GET http://.*/nowhere: status 404' add-gear --probe-path /nowhere --boot-timeout 5s
  check 'a failed gear leaves nothing' cmp "$work/before" <(snapshot | without_counters)
}

# haproxy.cfg follows the gear, which serves already: one that HAProxy refuses then is an error all the same.
check_file_afterwards() {
  local picky=$work/picky-haproxy before
  before=$(servers_in_file)
  cat > "$picky" << END
#!/bin/sh
for file; do :; done
[ "\$(grep -c '^ *server gear-' "\$file")" -le $before ] || { echo 'one server too many' >&2; exit 1; }
exec haproxy "\$@"
END
  chmod 755 "$picky"
  expect 'a file that HAProxy refuses afterwards' 1 '^[0-9a-f]{8} serving' \
    '^add-gear: the gears serve, but haproxy.cfg could not be brought up to date: .*one server too many' add-gear --haproxy-binary "$picky"
  check 'the gear serves' test "$(gears_in serving | wc -l)" -gt "$before"
  check 'the file is as it was' test "$(servers_in_file)" = "$before"
  result '.action == "add"' 'the next addition' add-gear --json
  check 'it brings the file up to date' test "$(servers_in_file)" = "$((before + 2))"
  tool remove-gear --count "$((before > 0 ? 2 : 1))" > /dev/null || fail "the gears do not go"
}
# Through gear-shell, which knows the application by ~/.env alone.
check_gear_shell() {
  local id before
  mkdir -p "$work/nobody/.env"
  printf '%s\n' "$app" > "$work/nobody/.env/OPENSHIFT_APP_NAME"
  printf '%s\n' "$home" > "$work/nobody/.env/OPENSHIFT_HOMEDIR"
  variables=(OPENSHIFT_APP_NAME=other OPENSHIFT_HOMEDIR=/nowhere)
  ask() { with_variable "SSH_ORIGINAL_COMMAND=$2" expect "gear-shell: $2" "$1" "$3" "$4" gear-shell; }
  before=$(gears_in serving | wc -l)
  ask 0 'add-gear --count 2 --dry-run --json' '"outcome":"planned"' '^$'
  ask 0 'add-gear --json' '"outcome":"serving"' '^$'
  check 'gear-shell: one more gear serves' test "$(gears_in serving | wc -l)" -eq $((before + 1))
  id=$(gears_in serving | tail -n 1)
  ask 0 'haproxy_ctld --status' "$id" '^$'
  ask 0 'haproxy_ctld -d --dry-run' 'planned' '^$'
  ask 0 "remove-gear --gear $id --now" "$id removed" '^$'
  ask 2 'remove-gear --gear 00000000' '^$' '^remove-gear: '
  ask 3 'haproxy_ctld_daemon status' 'not running' '^$'
  ask 126 'add-gear --count 2 --template other' '^$' '^gear-shell: refused: '
  check 'gear-shell: the log has it' grep -qF "asked for 'remove-gear --gear $id --now': allowed" "$logs/scale_events.log"
  rm "$work/nobody/.env"/OPENSHIFT_{APP_NAME,HOMEDIR}
  variables=()
}

servers_in_file() { grep -c '^ *server gear-' "$conf/haproxy.cfg" || true; }

without_counters() { sed '/"breaker": {/,/}/d' | grep -vE '"(generation|last_addition_ms|low_checks)"'; }  # the breaker counts the failure
answers() { [[ $(curl -s -o /dev/null -w '%{http_code}' --unix-socket "$run/web" http://gear/) == 200 ]]; }

farm_up "${1:-${GEARSCALE_BIN_DIR:-$project/build/release/bin}}"
[[ $# -eq 0 ]] || shift
groups=("$@")
[[ ${#groups[@]} -gt 0 ]] || groups=(help sources print_config gears file_afterwards gear_shell daemon_codes daemon_without_haproxy daemon_signals daemon_and_tools daemon_streams)
for group in "${groups[@]}"; do "check_$group"; done
finish
