#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The cartridge's setup, control, hooks and teardown with a real HAProxy and stand-ins for the tools: what they write, keep, refuse and take away.
# What the tools themselves do is tested elsewhere. $1: the directory of the real tools, for haproxy_ctld, which knows what settings mean.
set -euo pipefail
[[ $EUID -eq 0 ]] || { echo "SKIPPED: the cartridge is installed by root"; exit 77; }
export PATH=$PATH:/usr/sbin LC_ALL=C
for tool in haproxy socat curl; do
  command -v "$tool" > /dev/null || { echo "SKIPPED: $tool is not installed"; exit 77; }
done
top=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/support/cartridge_twins.sh
source "$top/tests/support/cartridge_twins.sh"
work=$(mktemp -d /tmp/gst-cartridge.XXXXXX)
home=$work/home dir=$work/home/haproxy-1.4 port=$((22000 + $$ % 20000)) passed=0 failed=0
unset "${!OPENSHIFT_@}" "${!GEARSCALE_@}"

clean_up() {
  trap - EXIT INT TERM
  [[ ! -x $dir/bin/control ]] || "$dir/bin/control" stop > /dev/null 2>&1 || true
  rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

check() { # check SENTENCE COMMAND...
  local sentence=$1
  shift
  if "$@" > "$work/said" 2>&1; then passed=$((passed + 1)); else
    failed=$((failed + 1))
    printf 'FAILED: %s\n  said: %s\n' "$sentence" "$(cat "$work/said" "$work/last" 2> /dev/null)"
  fi
}

exits() { # exits CODE COMMAND...
  local wanted=$1 code=0
  shift
  "$@" > "$work/last" 2>&1 || code=$?
  [[ $code -eq $wanted ]]
}
is() { [[ "$1" == "$2" ]]; }
has() { grep -qF -- "$2" "$1"; }
not() { ! "$@"; }
contents() { (cd "$home" && find . -type f -exec md5sum {} + | sort -k 2); }
haproxy_says() { socat -t 5 - "UNIX-CONNECT:$dir/run/stats" <<< "$1"; }

make_stand_ins() {
  mkdir -p "$work/tools/bin" "$work/tools/lib" "$work/lxc"
  echo library > "$work/tools/lib/libgearscale.so.0"
  local tool
  for tool in add-gear remove-gear gear-shell; do printf '#!/bin/bash\n' > "$work/tools/bin/$tool"; done
  printf '#!/bin/bash\nexec %q "$@"\n' "$1/haproxy_ctld" > "$work/tools/bin/haproxy_ctld"
  cat > "$work/tools/bin/haproxy_ctld_daemon" << 'END'
#!/bin/bash
state=$OPENSHIFT_HAPROXY_DIR/run/stand-in
case $1 in
  start) [[ ! -e $state ]] || exit 1; touch "$state" ;;
  stop) rm -f "$state" ;;
  status) [[ -e $state ]] || exit 3 ;;
esac
END
  chmod 755 "$work/tools/bin"/*
}

setup() { "$top/cartridge/bin/setup" --app shop --home "$home" --bin-dir "$work/tools/bin" --set "lxc_path=$work/lxc" "$@"; }

own_haproxy() {
  check "setup makes the tree" exits 0 setup --namespace prod --bind "127.0.0.1:$port" --stats-page "127.0.0.1:$((port + 1))" --set flap_protection=15s
  check "HAProxy accepts its configuration" haproxy -c -f "$dir/conf/haproxy.cfg"
  check "nothing is open to everybody" is "" "$(find "$home" ! -type l -perm /007)"
  check "every OPENSHIFT_ variable has its file" is "$dir" "$(cat "$home/.env/OPENSHIFT_HAPROXY_DIR")"
  check "a setting is put beside its commented default" is "flap_protection = 15s" "$(grep -A 1 '^#flap_protection' "$dir/conf/haproxy_ctld.conf" | tail -n 1)"
  check "its log of requests is kept in memory, for the daemon to read" has "$dir/conf/haproxy.cfg" "log ring@requests"
  check "the application's hooks have a place, and words about them" has "$home/repo/.openshift/action_hooks/README" post_start_gear
  echo "# my own line" >> "$dir/conf/haproxy.cfg"
  local before
  before=$(contents)
  check "a second setup succeeds" exits 0 setup
  check "and changes nothing" is "$before" "$(contents)"
  check "nothing is said of retries that are right" not has "$work/last" "note:"
  sed -i.right '/retry-on/d' "$dir/conf/haproxy.cfg"
  check "a file that an older setup made is told of them" exits 0 setup
  check "(it says what is lost)" has "$work/last" "loses a GET whose gear dies"
  mv "$dir/conf/haproxy.cfg.right" "$dir/conf/haproxy.cfg"
  check "another bind is not put over an existing configuration" exits 2 setup --bind 127.0.0.1:1
  check "another namespace is refused" exits 2 setup --namespace other
  check "a changed setting changes its line only" exits 0 setup --set flap_protection=20s
  check "(one line)" is 1 "$(grep -c '^flap_protection' "$dir/conf/haproxy_ctld.conf")"
  rm "$dir/conf/haproxy.cfg"
  check "a lost configuration is made again" exits 0 setup --bind "127.0.0.1:$port" --stats-page "127.0.0.1:$((port + 1))"
  check "with the same key" has "$dir/conf/haproxy.cfg" "dynamic-cookie-key $(cat "$dir/conf/dynamic-cookie.key")"
}

run_it() {
  local pid server
  check "status of what does not run is 3" exits 3 "$dir/bin/control" status
  check "start starts" exits 0 "$dir/bin/control" start
  check "status of what runs is 0" exits 0 "$dir/bin/control" status
  pid=$(cat "$dir/run/haproxy.pid")
  check "nobody but root gets at the Runtime API" is "600 0 socket" "$(stat -c '%a %u %F' "$dir/run/stats")"
  check "a second start is no error" exits 0 "$dir/bin/control" start
  check "reload lets a new process take over" exits 0 "$dir/bin/control" reload
  check "under the same master" is "$pid" "$(cat "$dir/run/haproxy.pid")"
  deadly_gear
  haproxy_says 'add server express/gear-1f3a9c02-prod 127.0.0.1:1' > /dev/null
  for server in 1f3a9c02 1f3a9c02-prod gear-1f3a9c02-prod shop-1f3a9c02-prod; do
    check "a gear is enabled as $server" exits 0 "$dir/bin/control" enable-server "$server"
    check "and disabled" exits 0 "$dir/bin/control" disable-server "$server"
  done
  check "an unknown server is an error" exits 1 "$dir/bin/control" disable-server nosuch
  check "an unsafe name is a usage error" exits 2 "$dir/bin/control" disable-server 'a; shutdown sessions server express/b'
  check "a hook lists the gears" is "gear-1f3a9c02-prod 127.0.0.1:1 MAINT" "$("$dir/hooks/publish-gear-endpoints")"
  check "a hook names the status page" is "http://127.0.0.1:$((port + 1))/haproxy-status/" "$("$dir/hooks/publish-haproxy-status-url")"
  check "a hook sets the limits" exits 0 "$dir/hooks/set-scale-limits" 2 -1
  check "(as a file)" is $'scale_min=2\nscale_max=-1' "$(cat "$home/data/scale_limits.txt")"
  check "wrong limits are refused" exits 2 "$dir/hooks/set-scale-limits" 3 2
  echo nonsense >> "$dir/conf/haproxy.cfg"
  check "a broken configuration is not loaded" exits 2 "$dir/bin/control" reload
  sed -i '$d' "$dir/conf/haproxy.cfg"
  touch "$dir/logs/scale_events.jsonl.1" "$dir/conf/gear-registry.json.corrupt-1"
  check "tidy tidies" exits 0 "$dir/bin/control" tidy
  check "(the old log is gone)" not test -e "$dir/logs/scale_events.jsonl.1"
  check "stop stops" exits 0 "$dir/bin/control" stop
  check "a second stop is no error" exits 0 "$dir/bin/control" stop
  # The pid now belongs to somebody else: to this test.
  echo "$$" > "$dir/run/haproxy.pid"
  check "a stale pid file is no running HAProxy" exits 1 "$dir/bin/control" status
  check "start is not misled by it" exits 0 "$dir/bin/control" start
  check "stop neither" exits 0 "$dir/bin/control" stop
  touch "$home/data/mine"
  check "teardown takes all away" exits 0 "$dir/bin/teardown"
  check "but what setup did not make" is "$home/data/mine" "$(find "$home" -type f)"
  check "a second teardown is no error" exits 0 "$top/cartridge/bin/teardown" --home "$home"
  rm -r "$home"
}

# A gear that takes each request, notes its method, and dies before it answers.
deadly_gear() {
  local pid
  # shellcheck disable=SC2016  # $method is for the gear
  printf '#!/bin/sh\nread -r method rest\necho "$method" >> "%s"\n' "$work/methods" > "$work/deadly"
  chmod 755 "$work/deadly"
  socat "TCP-LISTEN:$((port + 2)),bind=127.0.0.1,reuseaddr,fork" "EXEC:$work/deadly" 2> /dev/null &
  pid=$!
  haproxy_says "add server express/gear-0000000d-prod 127.0.0.1:$((port + 2)); set server express/gear-0000000d-prod state ready" > /dev/null
  for _ in {1..100}; do socat -u /dev/null "TCP:127.0.0.1:$((port + 2))" 2> /dev/null && break; sleep 0.02; done
  rm -f "$work/methods"
  request() { curl -s -o /dev/null -m 10 -w '%{http_code}' "$@" "http://127.0.0.1:$port/"; }
  asked() { grep -c "^$1\$" "$work/methods"; }
  check "a GET whose gear dies is sent again, as often as 'retries' says" is "502 4" "$(request) $(asked GET)"
  check "so are HEAD and OPTIONS" is "502 4 502 4" "$(request -I) $(asked HEAD) $(request -X OPTIONS) $(asked OPTIONS)"
  check "a POST is not" is "502 1" "$(request -d x) $(asked POST)"
  check "nor PUT, PATCH and DELETE" is "502 1 502 1 502 1" \
    "$(request -X PUT -d x) $(asked PUT) $(request -X PATCH -d x) $(asked PATCH) $(request -X DELETE) $(asked DELETE)"
  haproxy_says 'set server express/gear-0000000d-prod state maint; del server express/gear-0000000d-prod' > /dev/null
  kill "$pid"
}

users_cfg() {
  printf 'global\n    stats socket %s/sock mode 600 level admin\ndefaults\n    mode http\n    timeout connect 1s\n    timeout client 9s\n    timeout server 9s\n' "$work"
  printf 'frontend f\n    bind 127.0.0.1:%s\n    default_backend mine\n\nbackend mine # shop\n\tserver a 127.0.0.1:1\n\n# of the other\nbackend other\n    server b 127.0.0.1:2\n' "$port"
}

users_haproxy() { # users_haproxy BACKEND FILTER...
  local backend=$1
  shift
  users_cfg | "$@" > "$work/user.cfg"
  chmod 604 "$work/user.cfg"
  cp "$work/user.cfg" "$work/user.before"
  check "setup works on a user's file ($backend, $*)" exits 0 setup --haproxy-cfg "$work/user.cfg" --backend "$backend"
  check "it has the markers" is 2 "$(grep -c "gearscale gears of $backend" "$work/user.cfg")"
  check "and HAProxy accepts it" haproxy -c -f "$work/user.cfg"
  check "a second setup needs no options" exits 0 setup
  check "the markers are there once" is 2 "$(grep -c "gearscale gears of $backend" "$work/user.cfg")"
  [[ $backend == mine ]] || echo "my own words" > "$home/repo/.openshift/action_hooks/README"
  check "a third one neither" exits 0 setup
  check "control start starts the controller only" exits 0 "$dir/bin/control" start
  check "no HAProxy of our own" not test -e "$dir/run/haproxy.pid"
  sed -i 's/^\([ \t]*\)# END gearscale/\1server gear-1f3a9c02 10.0.0.9:8080\n&/' "$work/user.cfg"
  check "teardown gives the file back" exits 0 "$dir/bin/teardown"
  check "byte for byte" cmp "$work/user.before" "$work/user.cfg"
  check "with its mode" is 604 "$(stat -c %a "$work/user.cfg")"
  check "a README of the hooks that was changed stays, ours goes" is "$([[ $backend == mine ]] || echo "my own words")" \
    "$(cat "$home/repo/.openshift/action_hooks/README" 2> /dev/null)"
  rm -rf "$home"
}

# What setup says of the retries in a user's file: only what is missing.
users_retries() {
  local again='retry-on conn-failure empty-response' once='http-request disable-l7-retry if !{ method GET HEAD OPTIONS }'
  says_of() { # says_of DEFAULTS BACKEND: with these lines in the one and the other
    users_cfg | sed "s/^    timeout connect/    ${1:-# none}\n&/; s/^backend mine.*/&\n    ${2:-# none}/" > "$work/user.cfg"
    setup --haproxy-cfg "$work/user.cfg" --backend mine > "$work/last" 2>&1
    "$dir/bin/teardown" > /dev/null 2>&1
    sed -n 's/.*note: .mine. in .* \(loses\|repeats\) .*/\1/p' "$work/last" | xargs
  }
  check "a file without retries is told of them" is loses "$(says_of '' '')"
  check "one that tries again when the connection fails only, too" is loses "$(says_of 'retry-on conn-failure' '')"
  check "one that repeats whatever it was is warned" is repeats "$(says_of "$again" '')"
  check "also when it asks for all errors that can be" is repeats "$(says_of '' 'retry-on all-retryable-errors')"
  check "one that repeats what is safe is right" is "" "$(says_of "$again" "$once")"
  check "a backend's own line counts, not that of the defaults" is loses "$(says_of "$again" 'retry-on conn-failure')"
  check "nothing is said of TCP" is "" "$(says_of '' 'mode tcp')"
  rm -rf "$home"
}

refusals() {
  users_cfg > "$work/user.cfg"
  check "a backend that is not there" exits 2 setup --haproxy-cfg "$work/user.cfg" --backend nosuch
  check "a file that is not there" exits 2 setup --haproxy-cfg "$work/nosuch.cfg"
  users_cfg | grep -v 'stats socket' > "$work/user.cfg"
  check "no Runtime API" exits 2 setup --haproxy-cfg "$work/user.cfg" --backend mine
  { users_cfg; echo '    # BEGIN gearscale gears of other - managed, do not edit'; } > "$work/user.cfg"
  check "half a block" exits 2 setup --haproxy-cfg "$work/user.cfg" --backend other
  { users_cfg; echo '    nonsense'; } > "$work/user.cfg"
  check "a file that HAProxy refuses" exits 2 setup --haproxy-cfg "$work/user.cfg" --backend mine
  local app
  for app in '' 'a b' '../x' $'a\nb' '"' "$(printf 'a%.0s' {1..300})"; do
    check "the name '${app:0:10}'" exits 2 "$top/cartridge/bin/setup" --app "$app" --home "$home" --bin-dir "$work/tools/bin"
  done
  check "a bind without a port" exits 2 setup --bind 127.0.0.1
  check "no tools" exits 2 "$top/cartridge/bin/setup" --app shop --home "$home" --bin-dir "$work"
  check "an unknown option" exits 2 setup --nonsense
  check "none of them made anything" not test -e "$home"
}

# What root would act on must be root's, and what reaches a path or a socket must be safe.
trust() {
  local path
  mkdir -m 755 "$home"
  chown 12345 "$home"
  check "nothing is installed in a home of somebody else" exits 2 setup
  check "(it is as it was)" is "" "$(ls -A "$home")"
  rmdir "$home"
  setup --bind "127.0.0.1:$port" > /dev/null
  for path in "$dir/conf/haproxy_ctld.conf" "$dir/conf/haproxy.cfg" "$dir/conf" "$home" "$work"; do
    chmod o+w "$path"
    check "what everybody may write is not used ($path)" exits 2 "$dir/bin/control" start
    check "(it says what to do)" has "$work/last" "$path: everybody may write it: chmod o-w $path"
    chmod o-w "$path"
    chown 12345 "$path"
    check "what is somebody else's is not used ($path)" exits 2 "$dir/bin/control" start
    check "(it says what to do, too)" has "$work/last" "chown"
    check "teardown does nothing either" exits 2 "$dir/bin/teardown"
    chown 0 "$path"
  done
  for path in 'stats_socket = /tmp/x,fork' 'stats_socket = relative' 'haproxy_cfg = /x/../y' 'haproxy_binary = sh -c id' "backend = a'b" 'lxc_path = /x;y'; do
    cp "$dir/conf/haproxy_ctld.conf" "$work/kept"
    { grep -v "^${path%% =*} =" "$work/kept"; printf '%s\n' "$path"; } > "$dir/conf/haproxy_ctld.conf"
    check "unsafe: $path" exits 2 "$dir/bin/teardown"
    cp "$work/kept" "$dir/conf/haproxy_ctld.conf"
  done
  for path in "$home/data" "$home/repo" "$home/repo/.openshift/markers"; do
    chmod o+w "$path"
    check "setup goes on where everybody may set the limits or the markers ($path)" exits 0 setup
    check "(it says so)" has "$work/last" "$path: everybody may write it and so set the limits, or stop automatic scaling: chmod o-w $path"
    chmod o-w "$path"
  done
  check "setup is content then" exits 0 setup
  check "(and says nothing of it)" not grep -q "everybody" "$work/last"
  check "nothing was started" not test -e "$dir/run/haproxy.pid"
  check "all is well again" exits 0 "$dir/bin/teardown"
}

# The conf file as a person may write it, and as --print-config prints it: what the tools take, the scripts take.
any_conf_file() {
  local conf=$dir/conf/haproxy_ctld.conf socket=$work/home/socket
  setup --bind "127.0.0.1:$port" > /dev/null
  sed -i "s|stats socket [^ ]*|stats socket $socket|" "$dir/conf/haproxy.cfg"
  printf '  stats_socket=%s\t# where it is\r\nhaproxy_binary = haproxy   # of the PATH\nlxc_path = /var/lib/lxc # ours\n' "$socket" > "$conf"
  check "a comment behind a value is none of it: start" exits 0 "$dir/bin/control" start
  check "status" exits 0 "$dir/bin/control" status
  check "a hook" exits 0 "$dir/hooks/publish-gear-endpoints"
  HOME=$work OPENSHIFT_APP_NAME=shop OPENSHIFT_HOMEDIR=$home "$dir/info/bin/haproxy_ctld" --print-config > "$work/printed"
  cp "$work/printed" "$conf"
  check "what --print-config prints is a conf file: start" exits 0 "$dir/bin/control" start
  check "reload" exits 0 "$dir/bin/control" reload
  check "a hook, too" exits 0 "$dir/hooks/publish-gear-endpoints"
  check "a second setup" exits 0 setup
  printf 'up_pct = many\nzap\n' >> "$conf"
  check "stop does its work whatever else has become wrong" exits 0 "$dir/bin/control" stop
  chmod -x "$dir/info/bin/haproxy_ctld"
  check "without the tool nothing is guessed" exits 2 "$dir/bin/control" start
  check "(it says what to do)" has "$work/last" "info/bin/haproxy_ctld: not there: run setup again"
  chmod +x "$dir/info/bin/haproxy_ctld"
  check "teardown" exits 0 "$dir/bin/teardown"
}

# Cgroups of others come and go: a find among them ends with 1 and says so.
vanishing_cgroups() {
  printf '#!/bin/bash\necho "find: /sys/fs/cgroup/x: No such file or directory" >&2\nexit 1\n' > "$work/find"
  chmod 755 "$work/find"
  # shellcheck disable=SC2016  # for the other shell
  check "a cgroup that vanishes while teardown looks is no failure, and nobody hears of it" is "" "$(PATH=$work:$PATH bash -c 'set -euo pipefail
    self=teardown; source "$1/cartridge.sh"; source "$1/containers.sh"; remove_container_traces "$2" gst-none; thaw_nested "$2" gst-none' sh "$top/cartridge/lib" "$work" 2>&1)"
}

settings_are_complete() {
  local tools=$1
  check "the settings file has every setting" is \
    "$(HOME=$work OPENSHIFT_APP_NAME=shop "$tools/haproxy_ctld" --print-config | awk '$2 == "=" { print $1 }' | sort)" \
    "$(sed -nE 's/^#?([a-z_]+) =.*/\1/p' "$top/cartridge/conf/haproxy_ctld.conf.template" | sort)"
}

make_stand_ins "${1:?the directory of the tools}"
own_haproxy
run_it
users_haproxy mine cat
users_haproxy other cat
users_haproxy mine sed 's/$/\r/'
users_retries
refusals
twins
trust
any_conf_file
vanishing_cgroups
settings_are_complete "$1"
printf '%d passed, %d failed\n' "$passed" "$failed"
[[ $failed -eq 0 ]]
