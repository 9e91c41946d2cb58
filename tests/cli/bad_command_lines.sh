# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Rows of bad_input.sh: what can be wrong in a command line. Sourced.
# shellcheck disable=SC2154,SC2034  # variables of the farm

rows_of_command_lines() {
  local tool all=(add-gear remove-gear haproxy_ctld)
  for tool in "${all[@]}"; do
    row "$tool: unknown option" 2 "unknown option '--bogus'.Try '$tool --help'" "$tool" --bogus
    row "$tool: unknown letter" 2 "unknown option '-x'" "$tool" -x
    row "$tool: abbreviated option" 2 "unknown option '--up-pc'" "$tool" --up-pc 80
    row "$tool: positional argument" 2 "unexpected argument 'now'" "$tool" now
    row "$tool: positional argument after --" 2 "unexpected argument '--count'" "$tool" -- --count
    row "$tool: empty argument" 2 "unexpected argument ''" "$tool" ''
    row "$tool: option without its value" 2 "option '--up-pct' needs a value" "$tool" --up-pct
    row "$tool: option in place of a value" 2 "option '--app' needs a value, but '--debug' follows" "$tool" --app --debug
    row "$tool: value for a switch" 2 "option '--json' takes no value" "$tool" --json=yes
    row "$tool: option twice" 2 "option '--up-pct' is given twice" "$tool" --up-pct 80 --up-pct 81
    row "$tool: a setting by both names" 2 '--scale-max and --max-gears cannot be used together' "$tool" --max-gears 8 --scale-max 8
    row "$tool: a former option" 2 "unknown option '--drain-timeout'; drain_idle, drain_soft and drain_hard took its place" "$tool" --drain-timeout 60s
    row "$tool: --config without a name" 2 "'--config' needs" "$tool" --config=
  done
  row 'letter twice' 2 "option '--app' is given twice" add-gear -a shop -a shop
  row 'letter without its value' 2 "option '-n' needs a value|option '--namespace' needs a value" add-gear -n

  for tool in add-gear remove-gear; do
    row "$tool: --count without a number" 2 "option '--count' needs a value" "$tool" --count
    for count in 0 -1 1000000000 1e9 1001 99999999999999999999 1.5 two ' 1' '' 0x1 +1; do
      row "$tool: --count '$count'" 2 "--count = '.*must be a whole number, 1 to 1000" "$tool" "--count=$count"
    done
    row "$tool: --count twice" 2 "option '--count' is given twice" "$tool" --count 1 --count 1
    row "$tool: --pin with --count" 2 '--pin and --count cannot be used together' "$tool" --pin "${gears[0]}" --count 1
    row "$tool: --unpin with --no-wait" 2 '--unpin and --no-wait cannot be used together' "$tool" --unpin "${gears[0]}" --no-wait
    row "$tool: --pin and --unpin of one gear" 2 "--pin and --unpin both name ${gears[0]}" "$tool" --pin "${gears[0]}" --unpin "${gears[0]}"
  done
  row '--gear with --count' 2 '--gear and --count cannot be used together' remove-gear --gear "${gears[0]}" --count 1
  row '--gear with --pin' 2 '--pin and --gear cannot be used together' remove-gear --gear "${gears[0]}" --pin "${gears[1]}"
  row '--now with --pin' 2 '--pin and --now cannot be used together' remove-gear --pin "${gears[0]}" --now
  row '--now with --unpin' 2 '--unpin and --now cannot be used together' remove-gear --now --unpin "${gears[0]}"
  row '--now with a value' 2 "option '--now' takes no value" remove-gear --now=1
  row 'add-gear has no --now' 2 "unknown option '--now'" add-gear --now
  row 'add-gear has no --gear' 2 "unknown option '--gear'" add-gear --gear "${gears[0]}"

  row '--up with --down' 2 '--up and --down cannot be used together' haproxy_ctld --up --down
  row '--up with --down by letters' 2 '--up and --down cannot be used together' haproxy_ctld -ud
  row '--once with --status' 2 '--once and --status cannot be used together' haproxy_ctld --status --once
  row '--auto with --print-config' 2 '--auto and --print-config cannot be used together' haproxy_ctld --auto --print-config
  row '--replace with --once' 2 '--once and --replace cannot be used together' haproxy_ctld --replace --once
  row '--replace --status with a third mode' 2 '--up and --status cannot be used together' haproxy_ctld --replace --status --up
  row '--replace with a value' 2 "option '--replace' takes no value" haproxy_ctld --replace=new
  for count in 0 -1 1001 1.5 two ''; do
    row "--step '$count'" 2 "--step = '.*must be a whole number, 1 to 1000" haproxy_ctld --replace "--step=$count"
  done
  row '--step without --replace' 2 '--step needs --replace' haproxy_ctld --once --step 2
  row '--step with --replace --status' 2 '--status and --step cannot be used together' haproxy_ctld --replace --status --step 2
  row '--no-wait without --replace' 2 '--no-wait needs --replace' haproxy_ctld --no-wait
  row '--no-wait with --replace --status' 2 '--status and --no-wait cannot be used together' haproxy_ctld --replace --status --no-wait
  row '--json of the loop' 2 '--json needs --status' haproxy_ctld --json
  row '--count of the controller' 2 "unknown option '--count'" haproxy_ctld --up --count 2

  row 'daemon: no command' 2 'no command: expected start, stop, restart, status or run' haproxy_ctld_daemon
  row 'daemon: unknown command' 2 "unknown command 'begin': expected start" haproxy_ctld_daemon begin
  row 'daemon: two commands' 2 "unexpected argument 'stop'" haproxy_ctld_daemon start stop
  row 'daemon: option of the controller without --' 2 "unknown option '--debug'.*after '--'" haproxy_ctld_daemon start --debug
  row 'daemon: unknown option after --' 2 "after '--': unknown option '--bogus'" haproxy_ctld_daemon start -- --bogus
  row 'daemon: another mode after --' 2 "after '--': a daemon runs in --auto mode only" haproxy_ctld_daemon start -- --once
  row 'daemon: a replacement after --' 2 "after '--': a daemon runs in --auto mode only" haproxy_ctld_daemon start -- --replace
  row 'daemon: a setting by both names after --' 2 "after '--': --scale-min and --stable-gears cannot" haproxy_ctld_daemon start -- --scale-min 1 --stable-gears 1
  row 'daemon: bad value after --' 2 "up_pct = 'high' .command line.: must be a number, 1 to 1000" haproxy_ctld_daemon start -- --up-pct high
}

# What must never become part of a path, a command to HAProxy or a line of a file.
rows_of_names() {
  local name option long
  long=$(printf 'a%.0s' {1..300})
  # shellcheck disable=SC2016  # the shell shall not run it
  local few=('two words' $'new\nline' "quo'te" 'quo"te' '../up' "$long") bad=('/etc/passwd' 'semi;colon' '$(reboot)' '`reboot`' 'star*' 'tab'$'\t' $'bell\a' 'ümlaut'
    '.hidden' 'per%sent' 'back\slash' '#hash' 'a/b' 'a,b' 'a:b')
  for name in "${few[@]}" "${bad[@]}"; do
    row "app '${name:0:20}'" 2 "app = '.*' .command line.: must be a name of letters, digits" add-gear "--app=$name"
    row "--gear '${name:0:20}'" 2 "--gear = '.*': not the name of a gear" remove-gear "--gear=$name"
  done
  for name in "${few[@]}"; do
    row "namespace '${name:0:20}'" 2 "namespace = '.*must be a name" haproxy_ctld --status "--namespace=$name"
    row "template '${name:0:20}'" 2 "template = '.*must be a name" add-gear "--template=$name"
    row "backend '${name:0:20}'" 2 "backend = '.*must be a name" haproxy_ctld --once "--backend=$name"
    row "bridge '${name:0:20}'" 2 "bridge = '.*must be an interface's name" add-gear "--bridge=$name"
    row "--pin '${name:0:20}'" 2 "--pin = '.*': not the name of a gear" add-gear "--pin=$name"
    with_variable "OPENSHIFT_APP_NAME=$name" row "OPENSHIFT_APP_NAME '${name:0:20}'" 2 "app = '.*' .environment OPENSHIFT_APP_NAME.: must be a name" add-gear
    row "daemon: app '${name:0:20}'" 2 "app = '.*'" haproxy_ctld_daemon start -- "--app=$name"
  done
  row 'namespace with a dash' 2 "namespace = 'a-b'" add-gear --namespace a-b
  row 'container names too long' 2 'container names of [0-9]+ characters .*at most 64 are possible: use shorter names' \
    add-gear --app "${long:0:40}" --namespace "${long:0:30}"
  for option in gear pin unpin; do
    for name in '' gear- 1f3a9c0 1f3a9c021 1F3A9C02 zzzzzzzz "gear-${gears[0]}-other" "$app-other-${gears[0]}" express/gear-1f3a9c02; do
      row "--$option '$name'" 2 'not the name of a gear' remove-gear "--$option=$name"
    done
  done
  row 'a gear that is not there' 2 'there is no gear 1f3a9c02' remove-gear --gear 1f3a9c02
  row 'a container that is not there' 2 'there is no gear 1f3a9c02' remove-gear --gear "$app-1f3a9c02"
  row 'pinning what is not there' 2 'there is no gear 1f3a9c02' add-gear --pin gear-1f3a9c02
  row 'pinning one that is there and one that is not' 2 'there is no gear 1f3a9c02' add-gear --pin "${gears[0]}" --pin 1f3a9c02
  for name in relative/path '/with blank' $'/new\nline' '/quo"te' "/$(printf '%04200d' 0)" '/colon:' ''; do
    row "haproxy_dir '${name:0:20}'" 2 "haproxy_dir = '.*must be an absolute path" add-gear "--haproxy-dir=$name"
    row "lxc_path '${name:0:20}'" 2 "lxc_path = '.*must be an absolute path" add-gear "--lxc-path=$name"
  done
  row 'stats_socket too long' 2 "stats_socket = '.*' .*at most 107" add-gear "--stats-socket=/${long:0:107}"
}
