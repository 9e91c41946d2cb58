# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Rows of bad_input.sh: template, bridge, addresses, limits. Sourced.
# shellcheck disable=SC2154,SC2034  # variables of the farm

# with_dnsmasq RANGE ROW...: a dnsmasq hands out these addresses on the farm's bridge.
with_dnsmasq() {
  local range=$1 pid
  shift
  dnsmasq --keep-in-foreground --conf-file=/dev/null --port=0 --bind-interfaces "--interface=$bridge" --except-interface=lo "--dhcp-range=$range" \
    "--pid-file=$work/dnsmasq.pid" "--dhcp-leasefile=$work/dnsmasq.leases" --user=root > "$work/dnsmasq.log" 2>&1 &
  pid=$!
  helpers+=("$pid")
  await 20 test -s "$work/dnsmasq.pid" || die "dnsmasq: $(< "$work/dnsmasq.log")"
  "$@"
  end_process "$pid"
  rm -f "$work/dnsmasq.pid"
}

# with_bridge ADDRESS|none ROW...: there is another bridge, gst-c$$.
with_bridge() {
  local address=$1
  shift
  ip link add "gst-c$$" type bridge
  [[ $address == none ]] || ip addr add "$address" dev "gst-c$$"
  ip link set "gst-c$$" up
  "$@"
  ip link del "gst-c$$"
}

rows_of_gears() {
  local command
  for command in add-gear 'haproxy_ctld --up' 'haproxy_ctld'; do
    # shellcheck disable=SC2086  # two words
    row "$command: unknown template" 2 "there is no template nowhere under $lxc_path: make one .scripts/make-template nowhere." $command --template nowhere
    # shellcheck disable=SC2086
    row "$command: no such bridge" 2 'bridge gst-none|gst-none' $command --bridge gst-none
  done
  row 'daemon: unknown template' 2 'there is no template nowhere' haproxy_ctld_daemon start -- --template nowhere
  row 'daemon: no such bridge' 2 'gst-none' haproxy_ctld_daemon start -- --bridge gst-none
  row 'a bridge that is none' 2 'bridge' add-gear --bridge lo
  row 'another lxc_path' 2 "the gears of gear-registry.json are in lxc_path '$lxc_path', not in '/nowhere': correct lxc_path" add-gear --lxc-path /nowhere
  with_bridge none row 'a bridge without address' 2 "bridge gst-c$$ has no IPv4 address, .*For example: ip address add $network.1/24 dev gst-c$$" add-gear --bridge "gst-c$$"
  row 'pool outside of the bridge' 2 "address_pool .* is not in the network of bridge $bridge, which has $network.1/24" add-gear --address-pool 10.254.0.10-10.254.0.99/24
  row "pool with the bridge's address" 2 "holds $network.1, this machine's own address" add-gear --address-pool "$network.1-$network.99/24"
  row 'ids that are not reserved' 2 'idmap|/etc/subuid' add-gear --idmap 3000000000:65536
  row "ids that are not the template's" 2 'idmap' add-gear --idmap none

  # A template that runs. Not the one under the gears.
  "$project/scripts/make-template" "$template-2" --lxc-path "$lxc_path" > "$work/template.log" 2>&1 || die "no second template"
  lxc-start -P "$lxc_path" -n "$template-2" || die "the second template does not start"
  something_was_done
  row 'template running' 2 "template $template-2 is RUNNING, but only a stopped container can be cloned. Run: lxc-stop -n $template-2 -P $lxc_path" add-gear --template "$template-2"
  row 'template running: --dry-run' 2 "template $template-2 is RUNNING" add-gear --dry-run --template "$template-2"
  row 'template running: start' 2 "template $template-2 is RUNNING" haproxy_ctld_daemon start -- --template "$template-2"
  lxc-stop -P "$lxc_path" -n "$template-2" -k
  something_was_done
  chmod 700 "$work"
  row 'a directory that gears cannot pass' 2 "unprivileged gears cannot pass the directory $work. Run: chmod o.x $work" add-gear
  chmod 755 "$work"

  with_dnsmasq "$network.50,$network.60" row "pool inside a running dnsmasq's range" 2 \
    'address_pool .* shares addresses with what dnsmasq .pid [0-9]+. hands out by DHCP, .*: use other addresses, or a bridge of its own without DHCP' add-gear
  with_dnsmasq "$network.99,$network.120" row "daemon: pool that touches a running dnsmasq's range" 2 'shares addresses with what dnsmasq' haproxy_ctld_daemon start
  with_dnsmasq "$network.1,$network.200" row 'gears inside of the range of a running dnsmasq: --once' 2 'shares addresses with what dnsmasq' haproxy_ctld --once
}

rows_of_limits() {
  local full=$network.10-$network.11/24 command
  for command in add-gear 'haproxy_ctld --up' 'add-gear --dry-run'; do
    # shellcheck disable=SC2086  # two words
    row "$command: pool exhausted" 3 "address pool $network.10-$network.11 is exhausted .2 addresses, all in use.: enlarge address_pool or remove gears" $command --address-pool "$full"
    # shellcheck disable=SC2086
    row "$command: over scale_max" 3 'cannot add 1 gear.s.: 2 there already and scale_max is 2' $command --scale-max 2
    # shellcheck disable=SC2086
    row "$command: not enough memory" 3 'not enough memory for 1 gear: .* MiB are available, .* have to stay free .memory_reserve.' $command --memory-reserve 1048576G
  done
  row 'pool too small for all of them' 3 'is exhausted' add-gear --count 3 --address-pool "$network.10-$network.13/24"
  row 'far over scale_max' 3 'cannot add 1000 gear.s.: 2 there already and scale_max is 10' add-gear --count 1000 --scale-max 10
  with_text "$limits_file" $'scale_min=1\nscale_max=2\n' row 'over scale_max of scale_limits.txt' 3 'scale_max is 2' add-gear
  row 'memory of the gear' 3 'not enough memory for 2 gears: ' add-gear --count 2 --gear-memory 1048576G
  for command in remove-gear 'haproxy_ctld --down' 'remove-gear --dry-run'; do
    # shellcheck disable=SC2086  # two words
    row "$command: below scale_min" 3 'cannot remove 1 gear.s.: 2 there and scale_min is 2' $command --scale-min 2
  done
  row 'all of them' 3 'cannot remove 2 gear.s.: 2 there and scale_min is 1' remove-gear --count 2
  row 'more than there are' 3 'cannot remove 1000 gear.s.' remove-gear --count 1000
  row 'both by name' 3 'cannot remove 2 gear.s.: 2 there and scale_min is 1' remove-gear --gear "${gears[0]}" --gear "gear-${gears[1]}"
  with_text "$limits_file" $'scale_min=2\nscale_max=-1\n' row 'below scale_min of scale_limits.txt' 3 'scale_min is 2' remove-gear

  tool remove-gear --pin "${gears[0]}" --pin "${gears[1]}" > /dev/null || die "pinning failed"
  something_was_done
  for command in remove-gear 'haproxy_ctld --down' 'remove-gear --dry-run'; do
    # shellcheck disable=SC2086  # two words
    row "$command: all gears pinned" 3 'no gear can be removed: every serving gear that is left is pinned; unpin one with remove-gear --unpin NAME' $command
  done
  row 'a pinned gear by name' 3 "gear ${gears[0]} is pinned: unpin it first with remove-gear --unpin ${gears[0]}" remove-gear --gear "${gears[0]}"
  tool remove-gear --unpin "${gears[0]}" --unpin "${gears[1]}" > /dev/null || die "unpinning failed"
  something_was_done
}
