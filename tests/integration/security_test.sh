#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# docs/security.md on real parts: a key that is bound to gear-shell, over a real sshd, scales a farm and gets no shell, no file, no forward; a
# gear reaches nothing of the balancer's files; the tools need seven capabilities, and each of them.
set -euo pipefail
# shellcheck source=tests/integration/farm.sh
. "$(dirname "$0")/farm.sh"
for program in /usr/sbin/sshd ssh ssh-keygen scp sftp; do
  command -v "$program" > /dev/null || { printf 'SKIPPED: %s is not installed: apt-get install openssh-server\n' "$program"; exit 0; }
done
farm_begin secure 10.77.42
farm_up --set flap_protection=300s --set drain_idle=200ms
ssh_port=$((port + 20000)) sshd_pid=''
end_sshd() { [[ -z $sshd_pid ]] || kill "$sshd_pid" 2> /dev/null || true; farm_end; }
trap end_sshd EXIT

start_sshd() {
  mkdir -m 700 "$work/ssh"
  mkdir -p /run/sshd # where its unprivileged half lives
  ssh-keygen -q -t ed25519 -N '' -f "$work/ssh/host"
  ssh-keygen -q -t ed25519 -N '' -f "$work/ssh/key"
  printf 'command="HOME=%s %s/gear-shell",restrict %s\n' "$home" "$tools" "$(< "$work/ssh/key.pub")" > "$work/ssh/authorized_keys"
  printf '%s\n' "Port $ssh_port" 'ListenAddress 127.0.0.1' "HostKey $work/ssh/host" 'PidFile none' 'UsePAM no' 'PermitRootLogin forced-commands-only' \
    "AuthorizedKeysFile $work/ssh/authorized_keys" 'Subsystem sftp internal-sftp' 'AllowTcpForwarding yes' 'AcceptEnv *' 'PermitUserEnvironment no' > "$work/ssh/config"
  /usr/sbin/sshd -D -e -f "$work/ssh/config" 2> "$work/ssh/log" &
  sshd_pid=$!
}
options=(-F none -i "$work/ssh/key" -o IdentitiesOnly=yes -o BatchMode=yes -o StrictHostKeyChecking=no -o "UserKnownHostsFile=$work/known" -o ConnectTimeout=10 -o LogLevel=ERROR)
lb() { timeout 90 ssh "${options[@]}" -p "$ssh_port" root@127.0.0.1 "$@" < /dev/null; }
reachable() { exits 0 lb haproxy_ctld_daemon --version; }
says() { local what=$1; shift; [[ $("$@" 2>&1) == *"$what"* ]]; } # says WORDS COMMAND...
logged() { grep -q "gear-shell - 127.0.0.1 [0-9]* 127.0.0.1 $ssh_port asked for '$1': $2" "$log"; }

start_sshd
check 'sshd answers' await 20 reachable
check 'HAProxy and the controller start' "$dir/bin/control" start
check 'one gear serves' await 20 serves 1

# --- what the key is for ---
check 'ssh add-gear adds two and waits' lb add-gear --count 2
check 'three serve' serves 3
check 'the log says who asked for it' logged 'add-gear --count 2' allowed
lb haproxy_ctld --status --json > "$work/status" || true
check 'ssh haproxy_ctld --status --json' test "$(jq .serving "$work/status")" = 3
gear=$(jq -r '.gears[0].name' "$work/status")
check 'ssh remove-gear --gear --now' lb remove-gear --gear "$gear" --now
check 'two serve' await 10 serves 2
check 'ssh haproxy_ctld -d --dry-run' says planned lb haproxy_ctld -d --dry-run
"$dir/hooks/set-scale-limits" 1 2 > /dev/null
check 'a refusal by a limit comes through as 3' exits 3 lb add-gear
check 'the daemon runs (0)' exits 0 lb haproxy_ctld_daemon status
check 'ssh haproxy_ctld_daemon stop' lb haproxy_ctld_daemon stop
check 'the daemon does not run (3)' exits 3 lb haproxy_ctld_daemon status
port_of() { echo "gs$(in_registry | head -n 1 | sed 's/^gear-//')"; } # of the first gear
address_of() { jq -r --arg name "${1#gs}" '.gears[] | select(.name == $name) | .address' "$dir/conf/gear-registry.json"; }
device=$(port_of)
lxc_path_mounted() { # as where the containers have a file system of their own
  mount --bind "$lxcpath" "$lxcpath"
  local code=0
  await_holds || code=$?
  umount "$lxcpath"
  return "$code"
}
check 'all agree, though lxc_path is a mount point' lxc_path_mounted
bridge link set dev "$device" locked off
ip neighbour del "$(address_of "$device")" dev "$bridge"
check '--check says which gear is not tied to its address' says "gear ${device#gs} is not tied to its address and MAC: its port is not locked, the host does not hold its address to its MAC" "$tools/haproxy_ctld" --check
check 'ssh haproxy_ctld_daemon start comes back, and the controller stays' lb haproxy_ctld_daemon start
check 'the daemon runs again (0)' exits 0 lb haproxy_ctld_daemon status
mends() { [[ $(events "Gear ${device#gs} was not tied to its address and MAC .*: it is again") == 1 ]]; }
check 'it ties that gear again, and says so' await 10 mends
check 'all agree again' await_holds

check 'sshd says which key it was' grep -q "Accepted publickey for root from 127.0.0.1 port .* ssh2: ED25519 $(ssh-keygen -lf "$work/ssh/key.pub" | awk '{ print $2 }')" "$work/ssh/log"

# --- what it is not for ---
for command in id 'bash -i' 'add-gear; id' 'add-gear --config /etc/passwd' "$tools/add-gear" 'cat /etc/shadow' 'rsync --server --sender . /etc'; do
  check "refused with 126: $command" exits 126 lb "$command"
done
check 'no shell' exits 126 lb
check 'the refusal says what is allowed' says 'allowed are add-gear' lb
check 'no terminal' says 'PTY allocation request failed' timeout 90 ssh "${options[@]/LogLevel=ERROR/LogLevel=INFO}" -tt -p "$ssh_port" root@127.0.0.1 add-gear --version
echo secret > "$work/mine"
check 'no scp to it' not timeout 90 scp "${options[@]}" -P "$ssh_port" "$work/mine" "root@127.0.0.1:$work/theirs"
check 'no old scp to it' not timeout 90 scp -O "${options[@]}" -P "$ssh_port" "$work/mine" "root@127.0.0.1:$work/theirs"
check 'no scp from it' not timeout 90 scp "${options[@]}" -P "$ssh_port" "root@127.0.0.1:$work/mine" "$work/theirs"
check 'no sftp' not timeout 90 sftp "${options[@]}" -P "$ssh_port" -b <(echo "put $work/mine $work/theirs") root@127.0.0.1
check 'nothing was copied' test ! -e "$work/theirs"
check 'no connection through it' not timeout 90 ssh "${options[@]}" -p "$ssh_port" -W "127.0.0.1:$port" root@127.0.0.1 < /dev/null
check 'no listening on its side' says 'remote port forwarding failed' timeout 90 ssh "${options[@]}" -p "$ssh_port" -o ExitOnForwardFailure=yes -R "127.0.0.1:0:127.0.0.1:$port" root@127.0.0.1 add-gear --version
runtime_api_through_it() {
  local tunnel answer
  timeout 60 ssh "${options[@]}" -p "$ssh_port" -N -L "$work/tunnel:$dir/run/stats" root@127.0.0.1 < /dev/null &
  tunnel=$!
  await 20 test -S "$work/tunnel"
  answer=$(socat -t 5 - "UNIX-CONNECT:$work/tunnel" <<< 'show info' 2> /dev/null) || true
  kill "$tunnel" 2> /dev/null || true
  wait "$tunnel" 2> /dev/null || true
  [[ -n $answer ]]
}
check 'no Runtime API through it' not runtime_api_through_it
check '(it would answer)' says Pid runtime 'show info'
with_environment() { OPENSHIFT_HAPROXY_DIR=/nowhere GEARSCALE_SCALE_MAX=9 timeout 90 ssh "${options[@]}" -o SendEnv=OPENSHIFT_HAPROXY_DIR -o SendEnv=GEARSCALE_SCALE_MAX -p "$ssh_port" root@127.0.0.1 "$@"; }
check 'variables that it sends have no say, though sshd takes them' exits 3 with_environment add-gear
check 'a refusal is in the log, escaped' logged 'add-gear; id' refused
all_logged() { [[ $(grep -c "gear-shell - .*: allowed" "$log") -ge 10 && $(grep -c "gear-shell - .*: refused" "$log") -ge 8 ]]; }
check 'all were logged' all_logged

# --- what a gear reaches: everything that it may do, it does as a user that is nobody here ---
base=$(sed -n 's/^lxc.idmap = u 0 \([0-9]*\) .*/\1/p' "$lxcpath/$template/config")
# A shell between: setpriv still has root's capabilities when it looks for its program.
as() { setpriv --reuid "$1" --regid "$1" --clear-groups sh -c '"$@"' sh "${@:2}"; }
as_gear_root() { as "$base" "$@"; }
container=$app-$(in_registry | head -n 1 | sed 's/^gear-//')
init=$(lxc-info -P "$lxcpath" -n "$container" -pH)
inside() { lxc-attach -P "$lxcpath" -n "$container" --clear-env -- /bin/busybox sh -c "$1"; }
check 'its processes are of an unprivileged user' test "$(stat -c %u "/proc/$init")" = "$base"
for path in "$dir/run/stats" "$dir/conf/gear-registry.json" "$dir/conf/haproxy_ctld.conf" "$log" "$home/.env" "$lxcpath"; do
  check "it does not see $path" inside "test ! -e $path"
done
check 'it makes no device' not inside 'mknod /tmp/device b 8 0'
check 'it changes no setting of the kernel' not inside 'echo 1 > /proc/sys/kernel/panic'
for path in "$dir/conf/gear-registry.json" "$dir/conf/haproxy_ctld.conf" "$log" "$home/.env/OPENSHIFT_APP_NAME"; do
  check "even outside its root could not read $path" not as_gear_root cat "$path"
done
check 'nor ask the Runtime API' test -z "$(as_gear_root socat -t 2 - "UNIX-CONNECT:$dir/run/stats" <<< 'show info' 2> /dev/null)"

# --- a gear's root and a local account together are nobody ---
as_nobody() { as 65534 "$@" 2> /dev/null; }
other=$app-$(in_registry | tail -n 1 | sed 's/^gear-//')
check 'there are two gears' test "$container" != "$other"
setuid=$lxcpath/$container/overlay/delta/setuid
inside 'cat > /setuid && chmod 6755 /setuid' < /usr/bin/id
check 'a setuid program of the gear is there' test "$(stat -c '%a %u' "$setuid")" = "6755 $base"
ln "$setuid" "$work/reached"
check "(where nobody can reach it he runs it, and is the gears' user)" test "$(as_nobody "$work/reached" -u)" = "$base"
check 'nobody cannot run it' exits 126 as_nobody "$setuid" -u
for path in "$lxcpath/$container" "$lxcpath/$container/config" "$lxcpath/$container/overlay" "$lxcpath/$container/overlay/delta" \
  "$lxcpath/$template/rootfs" "$lxcpath/$template/config"; do
  check "nobody cannot even look at $path" not as_nobody stat "$path/."
done
modes() { stat -c '%a %u %g' "$@" | tr '\n' ' '; }
check "its directory is root's, and its group is the way in" test "$(modes "$lxcpath/$container" "$lxcpath/$container/overlay")" = "710 0 $base 710 0 $base "
check "its config is root's" test "$(modes "$lxcpath/$container/config")" = '640 0 0 '
cp "$lxcpath/$other/config" "$work/config.before"
evil=$work/evil owned=$work/owned
printf '#!/bin/sh\nid > %s\n' "$owned" > "$evil"
chmod 755 "$evil"
# shellcheck disable=SC2016 # for the inner shell
replace_config() { # as the gears' user, by every way there is
  as_gear_root sh -c 'printf "%s\nlxc.hook.destroy = %s\n" "$3" "$2" > "$1/new" && mv "$1/new" "$1/config" || printf x >> "$1/config" || mv "$1" "$1.away"' \
    sh "$lxcpath/$other" "$evil" "$(< "$work/config.before")" 2> /dev/null
}
check "the gears' user replaces no config" not replace_config
check 'and it is the same' cmp -s "$work/config.before" "$lxcpath/$other/config"
check '--check finds nothing' await_holds
# Were a directory his all the same, as an earlier version left it, root still would not do what he says.
chown "$base" "$lxcpath/$other"
check 'then he replaces it' replace_config
check '--check names the place' says "$lxcpath/$other belongs to user $base" "$tools/haproxy_ctld" --check
"$dir/hooks/set-scale-limits" 1 -1 > /dev/null
check 'a gear can be added all the same' "$tools/add-gear"
check 'its removal is asked for' "$tools/remove-gear" --gear "${other#"$app-"}" --now --no-wait
refused_once() { [[ $(events "tear_down failed: $lxcpath/$other belongs to user $base") == 1 ]]; }
check 'it is refused, with one line' await 10 refused_once
destroys() { (. "$top/cartridge/lib/containers.sh"; destroy_container "$lxcpath" "$other" 0); }
check 'the scripts refuse it, too' exits 2 destroys
check 'nothing of his was run' test ! -e "$owned"
chown root "$lxcpath/$other"
check 'his config in a directory that is closed again is still his' says "$lxcpath/$other/config belongs to user $base" "$tools/haproxy_ctld" --check
cp "$work/config.before" "$work/config.root"
chmod 640 "$work/config.root"
mv "$work/config.root" "$lxcpath/$other/config"
is_gone() { [[ ! -e $lxcpath/$other ]]; }
check "with root's own config it goes" await 40 is_gone
check 'and nothing of his was run' test ! -e "$owned"

# --- who may set limits, and what reaches past HAProxy, is said ---
chmod o+w "$home/data" "$home/repo/.openshift/markers"
"$tools/haproxy_ctld" --check > "$work/check" 2> /dev/null || true
for path in "$home/data" "$home/repo/.openshift/markers"; do
  check "--check names $path" grep -q "^$path: everybody may write it and so .* Run: chmod o-w $path" "$work/check"
  chmod o-w "$path"
done
forwarding=/proc/sys/net/ipv4/conf/$bridge/forwarding
# Whoever sets net.ipv4.ip_forward at the same time sets this switch, too.
setup_with() { echo "$1" > "$forwarding" && "$top/cartridge/bin/setup" --app "$app" --home "$home" --bin-dir "$bin" > "$work/setup.again" 2>&1; }
says_nothing() { setup_with 0 && ! grep -q 'forwards what comes from it' "$work/setup.again"; }
says_it() { setup_with 1 && grep -q "bridge $bridge: this machine forwards what comes from it" "$work/setup.again"; }
check 'setup says nothing of a bridge that is not forwarded' await 10 says_nothing
check 'and says it of one that is' await 10 says_it
echo 0 > "$forwarding"

# --- a place that cannot be read holds nothing up ---
"$tools/haproxy_ctld_daemon" stop > /dev/null
mkdir -p "$lxcpath/$app-0bad0001/config" "$lxcpath/$app-0bad0002" "$lxcpath/$app-0bad0003"
mkfifo "$lxcpath/$app-0bad0002/config"
ln -s "$lxcpath/$container/config" "$lxcpath/$app-0bad0003/config"
names_all() { [[ $("$tools/haproxy_ctld" --check 2> /dev/null | grep -c '0bad000[123]/config is not a regular file') == 3 ]]; }
check '--check names each' names_all
check 'the controller starts all the same' "$tools/haproxy_ctld_daemon" start
named_once() { [[ $(events "0bad000[123] is left alone: .* is not a regular file") == 3 ]]; }
check 'it names each once' await 10 named_once
check 'and a gear is added' "$tools/add-gear"
check 'all three are as they were' test "$(find "$lxcpath"/"$app"-0bad000*/config -printf %y)" = dpl
rm -rf "$lxcpath/$app"-0bad000?
check '--check finds nothing again' await_holds

# --- what the tools need of root's rights ---
"$tools/haproxy_ctld_daemon" stop > /dev/null
"$dir/hooks/set-scale-limits" 1 -1 > /dev/null
# A standby is not cloned any more, so those that are left are used up first.
for _ in {1..3}; do [[ -z $(in_pool) ]] || "$tools/add-gear" > /dev/null; done
check 'no standby is left' test -z "$(in_pool)"
needed=(chown dac_override setgid setuid net_admin sys_admin setfcap)
with_only_needed() { setpriv "--bounding-set=-all$(printf ',+%s' "${needed[@]}")" "$@"; }
check 'seven capabilities are enough for add-gear' with_only_needed "$tools/add-gear"
check 'and for remove-gear' with_only_needed "$tools/remove-gear"
for capability in "${needed[@]}"; do
  [[ $capability != dac_override ]] || continue # without it nothing can be taken away again either
  check "without $capability no gear is made" exits 1 setpriv "--bounding-set=-$capability" "$tools/add-gear"
done
check 'all places agree in the end' await 10 all_agree
