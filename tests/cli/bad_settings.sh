# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Rows of bad_input.sh: values of settings, and the places that they come from. Sourced.
# shellcheck disable=SC2154,SC2034  # variables of the farm

# each_value OPTION REGEX VALUE...: a row for each value.
each_value() {
  local option=$1 regex=$2 value
  shift 2
  for value in "$@"; do row "$option '$value'" 2 "${option//-/_} = '.*' .command line.: must be $regex" add-gear "--$option=$value"; done
}

# changed COMMAND PATH ROW...: chmod or chown while the row runs.
changed() {
  local how=$1 path=$2 before
  before=$(stat -c '%a %u' "$path")
  shift 2
  $how "$path"
  "$@"
  chown -h "${before#* }" "$path"
  [[ -L $path ]] || chmod "${before% *}" "$path"
}

# Whoever may change what is done here as root could as well do it himself.
rows_of_trust() {
  local path command
  for path in "$conf" "$conf/haproxy_ctld.conf" "$conf/haproxy.cfg" "$registry" "$run" "$logs" "$lxc_path" "$home" "$work"; do
    changed 'chmod o+w' "$path" row "everybody may write $path" 2 "^add-gear: $path: everybody may write it and so change what is done here. Run: chmod o-w $path" add-gear
    changed 'chown 12345' "$path" row "$path of somebody else" 2 "^add-gear: $path: a (file|directory) of user 12345, who .*: it must be root's. Run: chown -h root $path" add-gear
  done
  for command in remove-gear 'haproxy_ctld --once' 'haproxy_ctld --status' 'haproxy_ctld -u' 'haproxy_ctld_daemon start' 'haproxy_ctld_daemon run'; do
    # shellcheck disable=SC2086  # two words
    changed 'chmod o+w' "$conf" row "everybody may write conf: $command" 2 "$conf: everybody may write it" $command
  done
  something_was_done
  changed 'chmod o+w' "$conf" expect 'everybody may write conf: --print-config goes on' 0 'up_pct += 90.0' \
    "^haproxy_ctld: warning: nothing else would run: $conf: everybody may write it" haproxy_ctld --print-config
  changed 'chmod o+w' "$conf" expect 'everybody may write conf: stop works' 0 'not running' '^$' haproxy_ctld_daemon stop
  changed 'chmod 1777' "$work" expect 'everybody may write a directory above, but it is sticky' 0 'planned' '^$' add-gear --dry-run
  mv "$conf/haproxy_ctld.conf" "$data/settings"
  ln -s "$data/settings" "$conf/haproxy_ctld.conf"
  changed 'chmod o+w' "$data" row 'a conf file that is a link into a directory of everybody' 2 "$data: everybody may write it" add-gear
  changed 'chown -h 12345' "$conf/haproxy_ctld.conf" row 'a conf file that is a link of somebody else' 2 "haproxy_ctld.conf: a link of user 12345" add-gear
  rm "$conf/haproxy_ctld.conf"
  mv "$data/settings" "$conf/haproxy_ctld.conf"
  something_was_done
  cp "$conf/haproxy_ctld.conf" "$data/other.conf"
  changed 'chmod o+w' "$data/other.conf" row 'a file given with --config that everybody may write' 2 "$data/other.conf: everybody may write it" add-gear --config "$data/other.conf"
  rm "$data/other.conf"
  something_was_done
  with_text "$work/nobody/.env/GEARSCALE_UP_PCT" 91 changed 'chown 12345' "$work/nobody" \
    row 'an .env of somebody else' 2 "$work/nobody: a directory of user 12345" add-gear
  printf '#!/bin/sh\nexit 0\n' > "$data/haproxy"
  chmod 757 "$data/haproxy"
  something_was_done
  row 'a haproxy_binary that everybody may write' 2 "$data/haproxy: everybody may write it" add-gear --haproxy-binary "$data/haproxy"
  rm "$data/haproxy"
  something_was_done
}

rows_of_settings() {
  each_value up-pct 'a number, 1 to 1000' 0 0.99 1000.1 -5 high '' nan inf 1e2 '90 ' 90% 0x5a 1,5
  each_value remove-pct 'a number, 0 to 1000, below up_pct' -0.1 1001 low
  each_value remove-checks 'a whole number, 1 to 1000' 0 1001 2.5
  each_value flap-protection 'a duration such as 500ms' -1s 25h 5x 1d 's' '1 s' '1s1s'
  each_value check-interval 'a duration such as' 0 99ms 61m
  each_value policy 'sessions, response-time, or both' '' load sessions,sessions 'sessions,' 'sessions response-time' $'sessions\n' response_time
  each_value sample-interval 'a duration such as' 0 4ms 61m
  each_value up-window 'a duration such as' -1ms 61s
  each_value max-step-up 'a whole number, 1 to 1000, or 0' -1 1001 all
  each_value response-log 'ring:NAME or file:PATH' '' requests ring: file: file:haproxy.log 'ring:a b' 'ring:a;show info' $'ring:a\nb' 'file:/a b'
  each_value response-percentile 'one of p50|p90|p99' p95 90 ''
  each_value response-up 'a duration such as' 0 61m slow
  each_value response-remove 'a duration such as .*, 0s to 1h, below response_up' -1ms 61m
  each_value response-window 'a duration such as' 999ms 601s
  each_value response-min-requests 'a whole number, 1 to 1000000' 0 1000001 few
  each_value sessions-per-gear 'a number, 0.1 to 1000000' 0 0.09 1000001 ten
  each_value scale-min 'a whole number, 1 to 100000' 0 -1 100001
  each_value scale-max 'a whole number, 1 to 100000, or -1' 0 -2 100001 none
  each_value haproxy-deadline 'a duration such as' 9ms 11s
  each_value server-check 'words of letters' $'check\nuser root' 'check; del server' 'check  inter' ' check' "ch'eck" 'check "x"'
  each_value gear-maxconn 'a whole number' -1 1000001
  each_value gear-port 'a whole number, 1 to 65535' 0 65536 http
  each_value probe 'one of http|tcp' udp HTTP ''
  each_value probe-path 'a path of a URL' index.html '/a b' $'/\r\nX: y' '/"' ''
  each_value boot-timeout 'a duration such as' 0 999ms 61m
  each_value clone-mode 'one of auto|overlay|copy' btrfs
  each_value idmap 'auto, none, or BASE:COUNT' 100000 0:65536 100000:0 :1 1: 1:2:3 -1:5 4294967295:2
  each_value gear-memory 'a number of bytes such as' 1 1023K 1.5G 1T -1M G
  each_value gear-cpu 'a number, 0.01 to 4096' 0.001 -1 two
  each_value gear-pids 'a whole number' -1 4194305
  each_value memory-reserve 'a number of bytes such as' -1 lots
  each_value hooks-dir 'an absolute path' hooks '/a b' ''
  each_value hook-timeout 'a duration such as' 0 61m
  each_value standby-count 'a whole number, 0 to 1000' -1 1001 some
  each_value standby-state 'one of frozen|stopped' running ''
  each_value standby-settle 'a duration such as' -1 61s soon
  each_value parallel-starts 'a whole number, 1 to 64' 0 65
  each_value drain-idle 'a duration such as' -1 25h
  each_value drain-soft 'a duration such as' -1 169h
  each_value drain-hard 'a duration such as' -1 25h
  each_value stop-timeout 'a duration such as' 11m
  each_value gateway 'none, or an IPv4 address' 10.0.0 10.0.0.256 fe80::1 0.0.0.0
  each_value address-pool 'FIRST-LAST/PREFIX' 10.0.0.1 10.0.0.1-10.0.0.9 10.0.0.9-10.0.0.1/24 10.0.0.1-10.0.1.9/24 10.0.0.0-10.0.0.9/24 10.0.0.1-10.0.0.255/24 \
    10.0.0.1-10.0.0.9/31 10.0.0.01-10.0.0.9/24 10.0.0.1/24 a-b/c
  row 'up_pct equal to remove_pct' 2 'up_pct must be above remove_pct; now up_pct .50, command line., remove_pct .50, command line.' add-gear --up-pct 50 --remove-pct 50
  row 'up_pct below the default remove_pct' 2 "up_pct = '40' .*up_pct must be above remove_pct" haproxy_ctld --once --up-pct 40
  row 'remove_pct above the default up_pct' 2 "remove_pct = '95' .*up_pct must be above remove_pct" haproxy_ctld_daemon start -- --remove-pct 95
  row 'response_up equal to response_remove' 2 'response_up must be above response_remove; now response_up .1s, command line., response_remove .1s, command' \
    add-gear --response-up 1s --response-remove 1s
  row 'response_up below the default response_remove' 2 "response_up = '100ms' .*response_up must be above response_remove" haproxy_ctld --once --response-up 100ms
  row 'scale_min above scale_max' 2 'scale_min must be at most scale_max' remove-gear --scale-min 5 --scale-max 4
  row 'the limits by their other names' 2 'scale_min must be at most scale_max' add-gear --stable-gears 5 --max-gears 4
  row 'bad value by its other name' 2 "scale_max = '0' .command line.: must be a whole number" haproxy_ctld --once --max-gears 0
  row 'gateway outside of the network' 2 'gateway must be an address in the network of address_pool' add-gear --gateway 10.255.0.1
  row 'gateway in the pool' 2 'gateway must not be one of address_pool' add-gear --gateway "$network.20"
  row 'the network as gateway' 2 'gateway must be an address in the network' add-gear --gateway "$network.0"
  row 'pool too small' 2 'address_pool holds 90 addresses; a scale_max of 86 and a standby_count of 1 need at least 91: enlarge address_pool or lower' \
    add-gear --scale-max 86
  row 'pool too small for the standbys' 2 'a scale_max of 80 and a standby_count of 7 need at least 91' add-gear --scale-max 80 --standby-count 7
  with_text "$limits_file" $'scale_min=1\nscale_max=86\n' row 'pool too small for scale_limits.txt' 2 'need at least 91' add-gear
  with_text "$limits_file" $'scale_min=1\nscale_max=86\n' row 'daemon: pool too small' 2 'need at least 91' haproxy_ctld_daemon start
}

rows_of_sources() {
  local file=$conf/haproxy_ctld.conf good
  good=$(< "$file")
  row 'no application' 2 "app: no application is named: use --app NAME" add-gear "--app="
  with_variable 'OPENSHIFT_MAX_SESSIONS_PER_GEAR=many' row 'bad number in the environment' 2 \
    "sessions_per_gear = 'many' .environment OPENSHIFT_MAX_SESSIONS_PER_GEAR.: must be a number" add-gear
  with_variable 'GEARSCALE_UP_PCT=0' row 'number out of range in the environment' 2 "up_pct = '0' .environment GEARSCALE_UP_PCT." haproxy_ctld --once
  with_variable 'OPENSHIFT_GEAR_DNS=shop-ba%d.example.com' row 'bad OPENSHIFT_GEAR_DNS' 2 "namespace = 'ba%d' .environment OPENSHIFT_GEAR_DNS." add-gear
  with_text "$work/nobody/.env/GEARSCALE_UP_PCT" 'plenty' row 'bad number in ~/.env' 2 "up_pct = 'plenty' .*/.env/GEARSCALE_UP_PCT.: must be" add-gear
  mkdir -p "$work/nobody/.env/OPENSHIFT_APP_UUID"
  row 'a directory in ~/.env' 2 'uuid: .*OPENSHIFT_APP_UUID: is a directory' add-gear
  rmdir "$work/nobody/.env/OPENSHIFT_APP_UUID"

  with_text "$file" "$good"$'\nbogus = 1\n' row 'conf: unknown key' 2 "haproxy_ctld.conf line [0-9]+: unknown setting 'bogus'; 'haproxy_ctld --help' lists them" add-gear
  with_text "$file" "$good"$'\ndrain_timeout = 60s\n' row 'conf: a former key' 2 \
    "line [0-9]+: unknown setting 'drain_timeout'; drain_idle, drain_soft and drain_hard took its place" add-gear
  with_text "$file" "$good"$'\nmax_gears = 8\n' row 'conf: a name that options have only' 2 "line [0-9]+: unknown setting 'max_gears'" add-gear
  with_text "$file" "$good"$'\nup_pct 80\n' row 'conf: no equals sign' 2 "line [0-9]+: expected 'key = value', found 'up_pct 80'" haproxy_ctld --once
  with_text "$file" "$good"$'\nup_pct = 80\nup_pct = 81\n' row 'conf: a key twice' 2 'line [0-9]+: up_pct is set in line [0-9]+ already' haproxy_ctld --status
  with_text "$file" "$good"$'\nup_pct = high\n' row 'conf: bad value' 2 "up_pct = 'high' .conf/haproxy_ctld.conf line [0-9]+.: must be a number" haproxy_ctld_daemon start
  with_text "$file" "$good"$'\nup_pct = 40\n' row 'conf: up_pct below remove_pct' 2 "up_pct = '40' .conf/haproxy_ctld.conf line [0-9]+.: up_pct must be above remove_pct" add-gear
  with_text "$file" "$good"$'\nhaproxy_dir = /elsewhere\n' row 'conf: it moves itself' 2 'cannot say otherwise; use --config, --haproxy-dir or the environment' add-gear
  with_text "$file" "$good"$'\nuuid = \001\n' row 'conf: control characters' 2 'line [0-9]+: control characters are not allowed' add-gear
  with_text "$file" "$(head -c 70000 /dev/zero | tr '\0' x)" row 'conf: far too long' 2 'haproxy_ctld.conf: longer than 6553[56] bytes' add-gear
  row '--config: not there' 2 'configuration file: cannot open /nowhere/at/all: no such file or directory' add-gear --config /nowhere/at/all
  row '--config: a directory' 2 'configuration file: cannot open .*: is a directory' haproxy_ctld --print-config --config "$conf"
  row '--config: a device' 2 'configuration file: cannot open /dev/zero: not a regular file' haproxy_ctld --status --config /dev/zero
  mkfifo "$work/fifo"
  row '--config: a fifo' 2 'configuration file: cannot open .*: not a regular file' haproxy_ctld --status --config "$work/fifo"
  row '--config: a binary' 2 "$tools/haproxy_ctld" add-gear --config "$tools/haproxy_ctld"
  chmod 600 "$file"
  as_nobody row 'conf: unreadable' 2 'configuration file: cannot open .*haproxy_ctld.conf: permission denied' haproxy_ctld --status
  chmod 644 "$file"

  as_nobody row 'not root: add-gear' 2 'this needs root: .*; run it with sudo' add-gear
  as_nobody row 'not root: remove-gear' 2 'this needs root: .*; run it with sudo' remove-gear --gear "${gears[0]}"
  as_nobody row 'not root: --pin' 2 'this needs root' remove-gear --pin "${gears[0]}"
  as_nobody row 'not root: --once' 2 'this needs root' haproxy_ctld --once
  as_nobody row 'not root: --up' 2 'this needs root' haproxy_ctld --up
  as_nobody row 'not root: the loop' 2 'this needs root' haproxy_ctld
  as_nobody row 'not root: start' 2 'root' haproxy_ctld_daemon start

  row 'no HAPROXY_DIR' 2 'directory /nowhere/conf does not exist: install the cartridge first' add-gear --haproxy-dir /nowhere --template x --bridge x --address-pool 10.0.0.1-10.0.0.9/24
  row 'no HAPROXY_DIR: --once' 2 'directory /nowhere/conf does not exist: install' haproxy_ctld --once --home-dir /nowhere --haproxy-dir /nowhere
  row 'no HAPROXY_DIR: start' 2 '/nowhere/run/.*run the cartridge.s setup first' haproxy_ctld_daemon start -- --haproxy-dir /nowhere
  for command in add-gear remove-gear 'haproxy_ctld --once' 'haproxy_ctld --check' 'haproxy_ctld --replace' 'haproxy_ctld_daemon start'; do
    # shellcheck disable=SC2086  # words
    with_text "$file" "${good/uuid =/#}" row "no uuid set: $command" 2 'uuid is not set: .*cartridge/bin/setup makes one.*; set it in conf/haproxy_ctld.conf' $command
  done
  with_text "$file" "${good/template =/#}" row 'no template set' 2 'template is not set: .*; set it in conf/haproxy_ctld.conf or with an option' add-gear
  with_text "$file" "${good/bridge =/#}" row 'no bridge set' 2 'bridge is not set: ' haproxy_ctld --once
  with_text "$file" "${good/address_pool =/#}" row 'no address_pool set' 2 'address_pool is not set: ' haproxy_ctld_daemon start
}
