#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The load-balancer container over ssh, as an operator has it: the tools, load that makes it grow and shrink, a key that may do that and nothing
# else, a restart, what a gear with a hostile root reaches, and that nothing is left when it is destroyed.
set -euo pipefail
# shellcheck source=tests/integration/farm.sh
. "$(dirname "$0")/farm.sh"
for program in sshd nft ssh-keygen; do
  PATH=$PATH:/usr/sbin command -v "$program" > /dev/null || { printf 'SKIPPED: %s is not installed: run scripts/install-deps test\n' "$program"; exit 0; }
done
farm_begin lb 10.77.43
name=gst-lb address=$net.2 url=http://$net.2:80 shell_port=9022
lb() { "$top/scripts/lb-container" "$1" --name "$name" --lxc-path "$lxcpath" "${@:2}"; }
on() { lb ssh -- "$@"; } # a command in the container, as typed after `ssh lb`
# The same for the many questions of this test: all on one connection.
plain_config=$lxcpath/$name/ssh/config
over() { ssh -F "$plain_config" -o ControlMaster=auto -o ControlPersist=60 -o "ControlPath=$work/mux" "$name" "$@"; }
over_end() { [[ ! -S $work/mux ]] || ssh -F "$plain_config" -o "ControlPath=$work/mux" -O exit "$name" 2> /dev/null || true; }
quietly() { # COMMAND...: its output only when it fails
  local code=0
  "$@" > "$work/out" 2>&1 || code=$?
  [[ $code -eq 0 ]] || sed 's/^/        /' "$work/out"
  return "$code"
}
lb_end() {
  local status=$?
  trap - EXIT INT TERM
  set +e
  over_end
  lb destroy > "$work/destroy.log" 2>&1 || { cat "$work/destroy.log"; failed=$((failed + 1)); }
  (exit "$status")
  farm_end
}
trap lb_end EXIT
trap 'exit 130' INT TERM

# --- the farm's questions, asked over ssh ---
log=haproxy-1.4/logs/scale_events.log
status_json() { over haproxy_ctld --status --json 2> /dev/null || echo '{"gears":[]}'; }
events() { over "grep -c -- '$1' $log || true"; }
farm_tell() { over "haproxy_ctld --status; grep -v GEAR_INFO $log | tail -n 12; tail -n 5 /var/log/lb.log" 2>&1 | sed 's/^/        /'; }
gears() { status_json | jq -r '[.gears[] | select(.state == "serving") | .name] | sort | join(" ")'; }
said() { [[ $(events "$1") -ge ${2:-1} ]]; }

answers() { [[ $(curl -s -o /dev/null -m 5 -w '%{http_code}' "$url/") == 200 ]]; }
# kill_by FILE: the process that a pid file in the application's run directory names.
kill_by() { over "read -r pid < haproxy-1.4/run/$1 && kill -KILL \$pid"; }

ip link add "$bridge" type bridge
ip addr add "$net.1/24" dev "$bridge"
ip link set "$bridge" up
ssh-keygen -q -t ed25519 -N '' -f "$work/limited"
before=$(cat /etc/subuid /etc/subgid)
host_sshd() { ss -Hltn 'sport = :22' | awk '{ print $4 }' | sort; }
sshd_before=$(host_sshd)
began_at=$(date +%s%3N)
check 'create makes it' quietly lb create --app demo --bridge "$bridge" --address "$address/24" --bin-dir "$bin" --gear-shell-key "$work/limited.pub" \
  --set flap_protection=3s --set check_interval=1s --set drain_idle=200ms
printf '        create: %d ms\n' $(($(date +%s%3N) - began_at))
check 'a second create leaves it as it is, with the executables of today' quietly lb create --bin-dir "$bin"
check 'it is unprivileged, with 196608 ids' test "$(sed -n 's/^lxc.idmap = u 0 [0-9]* //p' "$lxcpath/$name/config")" = 196608
check 'its gears have all of 65536 ids' test "$(on "sed -n 's/^lxc.idmap = u //p' /var/lib/lxc/gear-template/config")" = '0 65536 65536'
check 'its sshd is none of the host' test "$(host_sshd)" = "$sshd_before"
check 'its status is 0' quietly lb status

# --- the tools over ssh ---
check 'the controller is stopped over ssh' quietly on haproxy_ctld_daemon stop
check 'status says so (3)' exits 3 on haproxy_ctld_daemon status
check 'what was stopped on purpose stays stopped' exits 3 lb status
check 'ssh lb haproxy_ctld_daemon start' quietly on haproxy_ctld_daemon start
check 'one gear serves' await 20 serves 1
began_at=$(date +%s%3N)
check 'ssh lb add-gear' quietly on add-gear
printf '        ssh lb add-gear: %d ms\n' $(($(date +%s%3N) - began_at))
check 'two serve' await 10 serves 2
check 'exit codes come back: --no-such-option is 2' exits 2 on add-gear --no-such-option
check 'ssh lb remove-gear' quietly on remove-gear
check 'one serves again' await 20 serves 1

# --- load ---
grown() { [[ $(serving) -ge 3 ]]; }
load_begin '/cgi-bin/wait?300'
load 18
check 'load from outside through its HAProxy: it grows' await 30 grown
load 0
check 'and shrinks to its minimum' await 60 serves 1
check 'not one request failed' load_end
check 'GEAR_UP is read over ssh' said 'GEAR_UP - capacity'
check 'GEAR_DOWN is read over ssh' said 'GEAR_DOWN - capacity'

# --- what dies in it is started again ---
kill_by haproxy.pid
check 'HAProxy, killed, comes back' await 20 answers
kill_by haproxy_ctld.pid
check 'the controller, killed, comes back' await 20 exits 0 on haproxy_ctld_daemon status
check 'its status is 0 again' await 10 exits 0 lb status

# --- a key for the tools only ---
limited_config=$work/ssh-config
sed "s|^  IdentityFile .*|  IdentityFile $work/limited|" "$plain_config" > "$limited_config"
limited() { ssh -F "$limited_config" "$name" "$@"; }
# Each way in, by the configuration of one of the keys; it prints `in` where it got in.
way_command() { ssh -F "$1" "$name" 'echo in'; }
way_shell() { echo 'echo in' | ssh -T -F "$1" "$name"; }
way_terminal() { echo 'echo i""n; exit' | TERM=dumb ssh -tt -F "$1" "$name"; }
way_scp() { echo in > "$work/file"; scp -q -F "$1" "$work/file" "$name:/tmp/file-$2" && over "cat /tmp/file-$2"; }
way_old_scp() { echo in > "$work/file"; scp -q -O -F "$1" "$work/file" "$name:/tmp/old-$2" && over "cat /tmp/old-$2"; }
way_sftp() { echo 'ls /etc/passwd' | sftp -q -b - -F "$1" "$name" | sed -n 's|^/etc/passwd.*|in|p'; }
way_forward_out() { ssh -F "$1" -W "$address:22" "$name" | sed -n 's|^SSH-2.0-.*|in|p'; }
way_forward_in() {
  ssh -F "$1" -N -o ExitOnForwardFailure=yes -R "127.0.0.1:$shell_port:$net.1:9" "$name" &
  local pid=$!
  await 3 over "ss -Hltn | grep -q ':$shell_port '" && echo in
  kill "$pid" 2> /dev/null
  wait "$pid" || true
}
gets_in() { [[ $("way_$1" "$2" "$3" 2> /dev/null < /dev/null | tr -d '\r' | grep -cx in) -ge 1 ]]; }
check 'the limited key adds a gear' quietly limited add-gear
check 'and removes one' quietly limited remove-gear --now
check 'and reads the status' quietly limited haproxy_ctld --status --json
check 'and asks for the controller' quietly limited haproxy_ctld_daemon status
check 'the exit codes of the tools come back' exits 3 limited remove-gear --count 5
for way in command shell terminal scp old_scp sftp forward_out forward_in; do
  check "a plain key: ${way//_/ }" gets_in "$way" "$plain_config" plain
  check "the limited key: no ${way//_/ }" not gets_in "$way" "$limited_config" limited
done
check 'what it may not is refused with 126' exits 126 limited id
check 'also behind what it may' exits 126 limited 'add-gear; id'
check 'and a configuration of its own' exits 126 limited 'add-gear --config /tmp/x'

# --- restart ---
on haproxy-1.4/hooks/set-scale-limits 3 -1 > /dev/null
check 'three serve before the restart' await 20 serves 3
ids=$(gears)
over_end
check 'stop halts it' quietly lb stop
check 'its status is 3' exits 3 lb status
check 'start starts it' quietly lb start
check 'all gears are back' await 30 serves 3
check 'the same ones' test "$(gears)" = "$ids"
check 'and they answer through its HAProxy' answers

# --- root in a gear, which may set routes and addresses ---
read -r one two _ <<< "$ids"
attacker=demo-$one victim=demo-$two
victim_address=$(status_json | jq -r --arg name "$two" '.gears[] | select(.name == $name) | .address' | cut -d : -f 1)
from_gear() { over "lxc-attach -n $attacker --clear-env -v PATH=/bin:/sbin -- /bin/sh -c '$1'" 2> /dev/null; }
# Somebody answers on a port. An HTTP server has something to say to a line that is none of HTTP, sshd speaks first and must not be spoken to.
line_for() { if [[ $1 == 22 ]]; then echo ':;'; else echo 'echo X;'; fi; }
from_gear_port() { from_gear "{ $(line_for "$2") } | nc -w 1 $1 $2" | grep -qa .; }
from_lb_port() { over "{ $(line_for "$2") } | busybox nc -w 2 $1 $2" 2> /dev/null | grep -qa .; }
from_host_port() { sh -c "{ $(line_for "$2") } | busybox nc -w 2 $1 $2" 2> /dev/null | grep -qa .; }
home_inside=/var/lib/gearscale/demo
for file in "$home_inside/haproxy-1.4/run/stats" "$home_inside/haproxy-1.4/conf/gear-registry.json" "/var/lib/lxc/$victim/config" /etc/ssh/authorized_keys; do
  check "the balancer has $file" over test -e "$file"
  check 'a gear does not see it' not from_gear "test -e $file"
done
from_gear "ip addr add 10.89.0.99/24 dev eth0; ip route add default via 10.89.0.1; ip route add $victim_address via 10.89.0.1" || true
check 'a gear may set its routes' from_gear "ip route | grep -q default"
# A listener on every address of the balancer, so that it is the rules that keep gears out.
over "mkdir -p /tmp/www; busybox httpd -p 9999 -h /tmp/www"
for target in "$address 22" "$address 80" "$address 9999"; do
  read -r where which <<< "$target"
  check "from outside $where:$which is reached" from_host_port "$where" "$which"
  check 'from a gear it is not' not from_gear_port "$where" "$which"
done
check 'the balancer itself reaches 10.89.0.1:9999' from_lb_port 10.89.0.1 9999
for which in 9999 22 80; do check "a gear does not reach 10.89.0.1:$which" not from_gear_port 10.89.0.1 "$which"; done
check "the balancer reaches another gear" from_lb_port "$victim_address" 8080
check 'a gear does not, by the bridge as a router' not from_gear_port "$victim_address" 8080
from_gear "ip route del $victim_address" || true
check 'nor directly' not from_gear_port "$victim_address" 8080
check 'the rest of the world is not reached through the balancer' not from_gear_port "$net.1" 9999
# The same tries succeed when what forbids them is taken away.
over "bridge link set dev gs$one isolated off; bridge link set dev gs$two isolated off; nft delete table inet gearscale-gears0"
check 'without isolation a gear reaches another one' await 10 from_gear_port "$victim_address" 8080
check 'without the rules a gear reaches sshd' await 10 from_gear_port "$address" 22
check 'and the listener' await 10 from_gear_port 10.89.0.1 9999
check 'requests are served all the same' answers

# --- nothing is left ---
over_end
check 'destroy succeeds' quietly lb destroy
check 'its directory is gone' test -z "$(ls -A "$lxcpath")"
check 'its ids are free' test "$(cat /etc/subuid /etc/subgid)" = "$before"
check 'no veth is left on the bridge' test -z "$(ip -o link show master "$bridge")"
check 'no cgroup directory of it is left' test -z "$(find /sys/fs/cgroup -type d -name "lxc.*$name*" 2> /dev/null)"
check 'no mount of it is left' test -z "$(grep -F "$lxcpath" /proc/mounts)"
check 'no process of it is left' test -z "$(awk -v what="${lxcpath##*.}" 'BEGIN { RS = "\0" } index($0, what ".lxc") == 0 && index($0, what "/lxc") { print FILENAME }' /proc/[0-9]*/cmdline 2> /dev/null)"
check 'a second destroy has nothing to do' quietly lb destroy
