# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# LXC containers as the shell sees them: whose they are, and how to take one away with everything that LXC and the tools leave behind.
# Sourced, never run; needs nothing else.

# config_value FILE KEY: the last value of a key in lines `KEY = VALUE`.
config_value() {
  awk -v key="$2" '{ line = $0; sub(/^[ \t]+/, "", line); at = index(line, "="); if (!at) next
      name = substr(line, 1, at - 1); sub(/[ \t]+$/, "", name)
      if (name == key) { value = substr(line, at + 1); sub(/^[ \t]+/, "", value); sub(/[ \t\r]+$/, "", value) } }
    END { print value }' "$1"
}

# is_roots_alone LXC_PATH NAME: may root point an lxc-* program at it? They do what its config says, programs included, and follow lxc_rdepends:
# the directory and these files have to be root's, and nobody else's to write. As gears/trusted_place of the library.
is_roots_alone() {
  local file
  [[ -n $(find "$1/$2" -maxdepth 0 -type d -uid 0 ! -perm /022 2> /dev/null) ]] || return 1
  for file in "$1/$2"/{config,lxc_rdepends}; do
    [[ ! -e $file && ! -L $file ]] || [[ -n $(find "$file" -maxdepth 0 -type f -uid 0 -links 1 ! -perm /022 2> /dev/null) ]] || return 1
  done
}

# close_directory LXC_PATH NAME GROUP: nobody passes but root and the container's root, whose gid out here is GROUP (0: a privileged one).
close_directory() {
  chown "root:$3" "$1/$2"
  chmod 710 "$1/$2"
}

# marked_containers LXC_PATH MARK PREFIX SUFFIX: containers with this mark (lxc.group) that are named PREFIX-XXXXXXXX and the suffix.
marked_containers() {
  local config name
  for config in "$1/$3"-*/config; do
    name=$(basename "$(dirname "$config")")
    [[ $name =~ ^"$3"-[0-9a-f]{8}"$4"$ && ! -L $1/$name ]] || continue
    if [[ ! -f $config || -L $config ]]; then
      printf '%s: left alone: it is not a regular file\n' "$config" >&2
    elif [[ $(config_value "$config" lxc.group) == "$2" ]]; then
      printf '%s\n' "$name"
    fi
  done
}

# remove_container_traces LXC_PATH NAME: of a container that is gone: its empty cgroup directories in each hierarchy (rmdir takes nothing that is
# in use; liblxc also makes NAME-1, NAME-2 when it finds an old one), liblxc's lock file, and the tools' note and log.
remove_container_traces() {
  local directory
  while IFS= read -r directory; do
    rmdir "$directory" 2> /dev/null || true
  done < <(find /sys/fs/cgroup -depth -type d \( -name "lxc.monitor.$2" -o -name "lxc.monitor.$2-[0-9]*" \
    -o -name "lxc.payload.$2" -o -name "lxc.payload.$2-[0-9]*" \) 2> /dev/null || true) # others come and go while it looks
  rm -f "/run/lxc/lock$1/.$2" "$1/.$2.gearscale" "$1/.$2.gearscale.log"
}

# thaw_nested LXC_PATH NAME: the containers in a container. Under cgroup v1 a frozen process does not end, and with it nothing ends that waits
# for it: not the container around it either.
thaw_nested() {
  local pid path file
  pid=$(lxc-info -P "$1" -n "$2" -pH 2> /dev/null) || true
  path=$(awk -F: '$2 == "freezer" { print $3 }' "/proc/${pid:-none}/cgroup" 2> /dev/null) || true
  [[ $path == */lxc.payload."$2"* ]] || path=/lxc.payload.$2
  while IFS= read -r file; do
    echo THAWED > "$file" || true
  done < <(find "/sys/fs/cgroup/freezer$path" -mindepth 2 -name freezer.state 2> /dev/null || true)
}

# destroy_container LXC_PATH NAME SECONDS: stops it (clean shutdown within SECONDS, then killed; 0: killed at once), destroys it, removes its traces.
# 2, and nothing done, when it is not root's alone.
destroy_container() {
  is_roots_alone "$1" "$2" || return 2
  thaw_nested "$1" "$2"
  { [[ $3 -gt 0 ]] && lxc-stop -P "$1" -n "$2" -t "$3" || lxc-stop -P "$1" -n "$2" -k; } > /dev/null 2>&1 || true
  lxc-destroy -P "$1" -n "$2" > /dev/null 2>&1 || return 1
  remove_container_traces "$1" "$2"
}
