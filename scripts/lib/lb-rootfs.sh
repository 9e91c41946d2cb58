# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What is in a load-balancer container: its few files beside the host's /usr, the toolkit, and its LXC configuration. Sourced after common.sh.
# From its first start on the container owns its files: nothing is ever written into them from outside, where a link of its root would mislead us.
: "${root:?}" "${app_home:?}" "${bin_dir:?}" "${name:?}" "${directory:?}" "${key?}" "${gear_shell_key?}" "${gear_port:?}" "${id_count:?}"
# Known later.
: "${base:=}" "${bridge:=}" "${gateway:=}" "${address:=}" "${outer_address:=}" "${gear_net:=}"
rootfs=$directory/rootfs
# Beside the root file system: what is mounted by a path out here must not be behind a link that the container could make.
usr_local=$directory/usr-local
keys=$directory/ssh
gear_bridge=gears0
tools=(add-gear remove-gear haproxy_ctld haproxy_ctld_daemon gear-shell)

# put MODE PATH: a file of the container, from stdin.
put() {
  cat > "$rootfs/$2"
  chmod "$1" "$rootfs/$2"
}

make_rootfs() {
  local link file
  mkdir -p "$usr_local/bin" "$rootfs"/{usr,opt/gearscale,etc/lxc,etc/ssh,proc,sys,dev,run,tmp,root,var/lib/lxc,var/lib/haproxy,var/cache/lxc,var/log,var/tmp}
  mkdir -p "$rootfs/var/lib/gearscale" "$rootfs$app_home"
  chmod 755 "$rootfs"
  chmod 1777 "$rootfs/tmp" "$rootfs/var/tmp"
  ln -s ../run "$rootfs/var/run"
  for link in bin sbin lib lib32 lib64 libx32; do
    [[ ! -L /$link ]] || ln -s "usr/$link" "$rootfs/$link"
  done
  # Like on OpenShift the login's home is the application's, with its environment in .env.
  put 644 etc/passwd <<< "root:x:0:0:root:$app_home:/bin/bash
sshd:x:110:65534::/run/sshd:/usr/sbin/nologin
haproxy:x:111:111::/var/lib/haproxy:/usr/sbin/nologin
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin"
  put 644 etc/group <<< $'root:x:0:\nadm:x:4:\ntty:x:5:\nhaproxy:x:111:\nnogroup:x:65534:'
  put 640 etc/shadow <<< $'root:*:19000:0:99999:7:::\nsshd:!:19000::::::\nhaproxy:!:19000::::::'
  put 644 etc/nsswitch.conf <<< $'passwd: files\ngroup: files\nshadow: files\nhosts: files dns'
  put 644 etc/hosts <<< "127.0.0.1 localhost $name"
  put 644 etc/hostname <<< "$name"
  # Gears get all of the second 65536 ids of the container.
  put 644 etc/subuid <<< root:65536:65536
  put 644 etc/subgid <<< root:65536:65536
  put 644 etc/lxc/default.conf <<< 'lxc.net.0.type = empty'
  # What programs in /usr expect; a small system has not all of it.
  for file in /etc/{alternatives,services,protocols}; do
    [[ ! -e $file ]] || cp -a "$file" "$rootfs/etc/"
  done
  put 644 etc/gearscale-lb.conf <<< "app_home=$app_home
haproxy_dir=$app_home/haproxy-1.4
gear_bridge=$gear_bridge
gear_address=$gear_net.1
gear_port=$gear_port"
  for link in "${tools[@]}"; do
    ln -s "$app_home/haproxy-1.4/info/bin/$link" "$usr_local/bin/$link"
  done
}

# The login by key only, on the outer address only; the PATH is sshd's own for root and begins with /usr/local.
make_ssh() {
  mkdir -m 700 "$keys"
  ssh-keygen -q -t ed25519 -N '' -C "$name" -f "$rootfs/etc/ssh/ssh_host_ed25519_key"
  printf '%s %s\n' "$outer_address" "$(cut -d ' ' -f 1-2 "$rootfs/etc/ssh/ssh_host_ed25519_key.pub")" > "$keys/known_hosts"
  put 600 etc/ssh/sshd_config << END
ListenAddress $outer_address
HostKey /etc/ssh/ssh_host_ed25519_key
AuthorizedKeysFile /etc/ssh/authorized_keys
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
UseDNS no
PrintMotd no
PrintLastLog no
PidFile none
Subsystem sftp internal-sftp
END
  local identity=$keys/key
  if [[ -z $key ]]; then
    ssh-keygen -q -t ed25519 -N '' -C "$name" -f "$keys/key"
    key=$keys/key.pub
  else
    # Its private half is where it usually is, or an agent has it.
    identity=${key%.pub}
    [[ $identity != "$key" && -f $identity ]] || identity=''
  fi
  {
    cat "$key"
    [[ -z $gear_shell_key ]] || printf 'command="/usr/local/bin/gear-shell",restrict %s\n' "$(cat "$gear_shell_key")"
  } | put 600 etc/ssh/authorized_keys
  {
    printf 'Host %s\n  HostName %s\n  User root\n  BatchMode yes\n  StrictHostKeyChecking yes\n' "$name" "$outer_address"
    printf '  GlobalKnownHostsFile /dev/null\n  UserKnownHostsFile %s\n  ConnectTimeout 10\n  ServerAliveInterval 15\n' "$keys/known_hosts"
    [[ -z $identity ]] || printf '  IdentitiesOnly yes\n  IdentityFile %s\n' "$(readlink -f "$identity")"
  } > "$keys/config"
}

# Prints, as a tar archive of /opt/gearscale, what the container needs of us.
toolkit() {
  local library=$bin_dir/../lib/libgearscale.so.0 tool
  for tool in "${tools[@]}"; do
    [[ -x $bin_dir/$tool ]] || die "$bin_dir/$tool: not there: build it (cmake --preset release; cmake --build build/release), or give --bin-dir"
  done
  tar -c --owner=0 --group=0 --mode=go-w -h -C "$bin_dir" --transform 's|^|bin/|' "${tools[@]}" -C "$(dirname "$library")" --transform 's|^bin/lib|lib/lib|' \
    libgearscale.so.0 -C "$root" --transform 's|^bin/\(cartridge\|scripts\)|\1|' cartridge scripts/{make-template,gear-firewall,lb,lib}
}

# write_config FIRST_LINE: all but the mark in the first line is the same from the beginning.
write_config() {
  local b c d
  IFS=. read -r _ b c d <<< "$outer_address"
  cat > "$directory/config.new" << END
$1
lxc.include = /usr/share/lxc/config/common.conf
lxc.include = /usr/share/lxc/config/userns.conf
lxc.include = /usr/share/lxc/config/nesting.conf
lxc.apparmor.profile = generated
lxc.apparmor.allow_nesting = 1
lxc.idmap = u 0 $base $id_count
lxc.idmap = g 0 $base $id_count
lxc.mount.auto =
lxc.mount.auto = proc:rw sys:rw cgroup:rw:force
lxc.mount.entry = /usr usr none ro,rbind 0 0
lxc.mount.entry = $usr_local usr/local none rw,bind 0 0
lxc.mount.entry = tmpfs run tmpfs rw,nosuid,nodev,mode=755,size=64m 0 0
lxc.rootfs.path = dir:$rootfs
lxc.uts.name = $name
lxc.tty.max = 0
lxc.init.cmd = /opt/gearscale/scripts/lb/init
lxc.signal.halt = SIGUSR1
lxc.signal.reboot = SIGTERM
lxc.net.0.type = veth
lxc.net.0.name = eth0
lxc.net.0.flags = up
lxc.net.0.link = $bridge
lxc.net.0.hwaddr = $(printf '00:16:3e:%02x:%02x:%02x' "$b" "$c" "$d")
lxc.net.0.ipv4.address = $address
END
  [[ $gateway == none ]] || printf 'lxc.net.0.ipv4.gateway = %s\n' "$gateway" >> "$directory/config.new"
  chmod 640 "$directory/config.new"
  mv "$directory/config.new" "$directory/config"
}
