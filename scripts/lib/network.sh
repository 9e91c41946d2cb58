# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Bridges that the scripts make for themselves, each with an alias that says whose it is. Sourced after common.sh.

# free_network FIRST LAST BRIDGE: prints the first N of the networks 10.N.0.0/24 that nothing on this machine uses, BRIDGE apart.
free_network() {
  local n
  for ((n = $1; n <= $2; ++n)); do
    if ! { ip -4 -o addr show; ip -4 route show table all; } | grep -v " dev $3 " | grep -qF " 10.$n." &&
      ! ip -4 route show table all | grep -v " dev $3 " | grep -q "^10\.$n\."; then
      printf '%s\n' "$n"
      return
    fi
  done
  return 1
}

# is_foreign_bridge BRIDGE ALIAS: an interface of that name is there, and we did not make it.
is_foreign_bridge() { [[ -e /sys/class/net/$1 && $(< "/sys/class/net/$1/ifalias") != "$2" ]]; }

# ensure_bridge BRIDGE ALIAS ADDRESS/PREFIX: it is there, up, with the address.
ensure_bridge() {
  if [[ ! -e /sys/class/net/$1 ]]; then
    ip link add "$1" type bridge || die "ip link add $1: failed"
    ip link set "$1" alias "$2"
  fi
  ip -4 addr show dev "$1" | grep -qF " $3 " || ip addr add "$3" dev "$1"
  ip link set "$1" up
}

# remove_bridge BRIDGE: prints what became of it.
remove_bridge() {
  if [[ ! -e /sys/class/net/$1 ]]; then
    say "bridge $1: not there"
  elif [[ -n $(ip -o link show master "$1") ]]; then
    say "bridge $1: kept, something else is connected to it"
  else
    ip link delete "$1"
    say "bridge $1: removed"
  fi
}
