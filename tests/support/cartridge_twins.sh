# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Checks of cartridge_test.sh: two applications of one name and namespace. Sourced.
# shellcheck disable=SC2154  # variables of the test

# A second application of one name and namespace is refused, however the first one is found; what is the first one's stays.
twins() {
  local other=("$top/cartridge/bin/setup" --app shop --home "$work/second" --bin-dir "$work/tools/bin" --set "lxc_path=$work/lxc" --bind "127.0.0.1:$port")
  local group record=$work/lxc/.gearscale-application.shop uuid config=$work/lxc/shop-1f3a9c02/config
  check "the first one" exits 0 setup --bind "127.0.0.1:$port"
  uuid=$(< "$home/.env/OPENSHIFT_APP_UUID")
  check "its uuid is a random one, the same for daemon and tools" is "$uuid" "$(sed -n 's/^uuid = \([0-9a-f]\{32\}\)$/\1/p' "$dir/conf/haproxy_ctld.conf")"
  check "another uuid is refused" exits 2 setup --uuid 5f00
  check "(it says which it has)" has "$work/last" "its uuid is $uuid"
  check "the second one is refused" exits 2 "${other[@]}"
  check "(it names the first)" has "$work/last" "$dir: the application shop with namespace '' is set up there already: repeat that with --home $home"
  check "(nothing was made)" not test -e "$work/second"
  check "another namespace is another application" exits 0 "${other[@]}" --namespace prod
  check "(and goes)" exits 0 "$work/second/haproxy-1.4/bin/teardown"
  check "the first one may be set up again" exits 0 setup
  rm "$record"
  mkdir -p "${config%/*}" "$work/lxc/shop-1f3a9c02-prod"
  for group in "gearscale/shop@$uuid" gearscale/shop; do
    printf 'lxc.group = %s\n' "$group" > "$config"
    check "a gear of the first one is enough ($group)" exits 2 "${other[@]}"
    check "(it says what is there)" has "$work/last" "$work/lxc/shop-1f3a9c02: a gear of another application of this name and namespace (lxc.group = $group)"
  done
  printf 'lxc.group = gearscale/shop@%s\n' "$uuid" > "$config"
  check "a lost uuid is found again" exits 0 "${other[@]}" --uuid "$uuid"
  check "(and it has the record)" is "$work/second/haproxy-1.4" "$(< "$record")"
  check "its teardown takes the record away" exits 0 "$work/second/haproxy-1.4/bin/teardown" --keep-gears
  check "(it says how to have the gears again)" has "$work/last" "setup --uuid $uuid"
  check "(it is gone)" not test -e "$record"
  printf 'lxc.group = gearscale/shop@5f01\n' > "$config"
  touch "$work/lxc/.shop-1f3a9c02.gearscale.log" "$work/lxc/.shop-00000001.gearscale.log"
  check "teardown of the first" exits 0 "$dir/bin/teardown"
  check "leaves the other's gear" has "$config" gearscale/shop@5f01
  check "and the log beside it" test -e "$work/lxc/.shop-1f3a9c02.gearscale.log"
  check "and takes the log of one that is gone" not test -e "$work/lxc/.shop-00000001.gearscale.log"
  rm -rf "$work/lxc" "$home"
  mkdir "$work/lxc"
}
