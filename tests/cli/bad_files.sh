# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Rows of bad_input.sh: files that are not as they should be. Sourced.
# shellcheck disable=SC2154,SC2034  # variables of the farm

rows_of_files() {
  local text cfg=$conf/haproxy.cfg command
  for text in scale_min 'scale_min=' 'scale_min=two' 'scale_min=0' 'scale_min=-5' 'scale_max=100001' 'scale_max=1.5' 'scale_mid=3' 'scale_min = 2' $'scale_min=5\nscale_max=4' \
    $'scale_min=1\nscale_min=2' 'scale_min=1;reboot' $'\xff\xfe' 'scale_max=99999999999999999999'; do
    with_text "$limits_file" "$text"$'\n' row "scale_limits.txt '${text:0:20}'" 2 'scale_limits.txt.*: .*(expected scale_min=NUMBER|must be|is below|at most)' add-gear
  done
  with_text "$limits_file" 'scale_min=two' row 'scale_limits.txt: remove-gear' 2 "'two' is not a whole number" remove-gear
  with_text "$limits_file" 'scale_min=two' row 'scale_limits.txt: --status' 2 "'two' is not a whole number" haproxy_ctld --status
  with_text "$limits_file" 'scale_min=two' row 'scale_limits.txt: --down' 2 "'two' is not a whole number" haproxy_ctld --down
  with_text "$limits_file" 'scale_min=two' row 'scale_limits.txt: --once' 2 "'two' is not a whole number" haproxy_ctld --once
  with_text "$limits_file" "$(head -c 70000 /dev/zero | tr '\0' '\n'; echo x)" row 'scale_limits.txt: far too long' 2 'scale_limits.txt.*longer than 65536 bytes' add-gear
  mkdir "$limits_file"
  something_was_done
  row 'scale_limits.txt: a directory' 2 'scale_limits.txt.*is a directory' add-gear
  rmdir "$limits_file"

  for command in add-gear 'haproxy_ctld --once' 'haproxy_ctld_daemon start' remove-gear; do
    # shellcheck disable=SC2086  # two words
    with_edit "$cfg" '/gearscale gears/d' row "$command: haproxy.cfg without markers" 2 \
      "the lines '# BEGIN .*' and '# END .*' are missing; put them into the section 'backend express', or let the cartridge's setup do it" $command
    # shellcheck disable=SC2086
    with_edit "$cfg" '/BEGIN gearscale/{p;p}' row "$command: haproxy.cfg with markers twice" 2 "the line '# BEGIN .*' is there 3 times .lines .*.; leave one block" $command
  done
  with_edit "$cfg" '/END gearscale/d' row 'haproxy.cfg without the end marker' 2 "the line '# END .*' is missing while its partner is there; put it back" add-gear
  # shellcheck disable=SC2016  # $a is sed's
  with_edit "$cfg" '/gearscale gears/d;$a # BEGIN gearscale gears of express - managed, do not edit\n# END gearscale gears of express' \
    row 'haproxy.cfg with markers in another section' 2 "are not both inside the section 'backend express'; move them" add-gear
  with_edit "$cfg" 's/BEGIN gearscale/xxx/;s/END gearscale/BEGIN gearscale/;s/xxx/END gearscale/;s/ - managed, do not edit//;s/\(BEGIN.*\)/\1 - managed, do not edit/' \
    row 'haproxy.cfg with markers in the wrong order' 2 'the end marker stands before the begin marker' add-gear
  without "$cfg" row 'no haproxy.cfg' 2 'haproxy.cfg cannot be read: .*no such file or directory' add-gear
  without "$cfg" row 'no haproxy.cfg: start' 2 'haproxy.cfg cannot be read' haproxy_ctld_daemon start
  with_text "$cfg" '' row 'haproxy.cfg empty' 2 'are missing' add-gear
  without "$run" row 'no run directory' 2 "directory $run does not exist: install the cartridge first" add-gear
  without "$conf" row 'no conf directory' 2 "$conf" add-gear --template "$template" --bridge "$bridge" --address-pool "$pool" --lxc-path "$lxc_path"
  with_edit "$cfg" 's/balance leastconn/balance fairly/' row 'haproxy.cfg that HAProxy refuses' 2 "HAProxy refuses .*haproxy.cfg.*balance" add-gear
  with_variable GEARSCALE_HAPROXY_BINARY=/nowhere/haproxy row 'no haproxy program' 2 '/nowhere/haproxy' add-gear
}

rows_of_registry() {
  local before text
  for command in add-gear remove-gear 'haproxy_ctld --once' 'haproxy_ctld --status'; do
    mv "$registry" "$registry.away"
    mkdir "$registry"
    something_was_done
    # shellcheck disable=SC2086  # two words
    row "$command: registry a directory" 4 'cannot read the registry: cannot open .*gear-registry.json: is a directory' $command
    rmdir "$registry"
    mv "$registry.away" "$registry"
    something_was_done
  done
  chmod 600 "$registry"
  as_nobody row 'registry unreadable' 4 'cannot read the registry: .*permission denied' haproxy_ctld --status
  chmod 640 "$registry"

  something_was_done
  for command in add-gear remove-gear 'haproxy_ctld --once' 'haproxy_ctld --status' 'add-gear --dry-run'; do
    # shellcheck disable=SC2086  # two words
    row "$command: registry of another application" 2 "gear-registry.json belongs to application '$app' with namespace '' and uuid '.*', not to 'other' with namespace '' and uuid '.*': correct app, namespace or uuid, or haproxy_dir" \
      $command --app other --haproxy-dir "$home/haproxy-1.4"
  done
  with_text "$registry" '{ "version": 1' row 'corrupt registry: --status only looks' 4 'is corrupt .*a running controller, or the next command that changes something, keeps it aside and rebuilds it' \
    haproxy_ctld --status
  row 'registry of another namespace' 2 "belongs to application '$app' with namespace '' and uuid '.*', not to '$app' with namespace 'test' and" remove-gear --namespace test

  something_was_done
  before=$(haproxy_says 'show servers state express' | awk '{ print $4, $5, $7 }')
  for text in '' '{' 'not json' '{"version": 1}' "$(head -c 300 "$registry")" $'\xff\xfe\x00' "$(sed 's/"version": 1/"version": 99/' "$registry")" \
    "$(sed 's/10.96.[0-9.]*/10.96.1.999/' "$registry")"; do
    printf '%s\n' "$text" > "$registry"
    registry_is_rebuilt "${text:0:20}"
    [[ $(haproxy_says 'show servers state express' | awk '{ print $4, $5, $7 }') == "$before" ]] || fail "corrupt registry '${text:0:20}': HAProxy's servers changed"
  done
  without "$registry" registry_is_rebuilt_from_nothing
}

# A tool meets a corrupt registry: it succeeds, with a notice, and the gears are the same.
registry_is_rebuilt() {
  local name="corrupt registry '$1'" kept
  tool remove-gear --pin "${gears[0]}" > "$work/stdout" 2> "$work/stderr" || fail "$name: remove-gear --pin failed" "$(< "$work/stderr")"
  check "$name: same gears" test "$(gears_in serving | sort | tr '\n' ' ')" = "$(printf '%s\n' "${gears[@]}" | sort | tr '\n' ' ')"
  mapfile -t kept < <(find "$conf" -name 'gear-registry.json.corrupt-*')
  check "$name: kept aside" test "${#kept[@]}" -eq 1
  check "$name: a notice" grep -q 'registry was corrupt .*; it is kept as .* and rebuilt from what LXC and HAProxy show' "$logs/scale_events.log"
  rm -f "${kept[@]}" "$logs/scale_events.log"
  tool remove-gear --unpin "${gears[0]}" > /dev/null || fail "$name: --unpin failed"
}

registry_is_rebuilt_from_nothing() {
  tool haproxy_ctld --once > "$work/stdout" 2> "$work/stderr" || fail "no registry: --once failed" "$(< "$work/stderr")"
  check 'no registry: same gears' test "$(gears_in serving | sort | tr '\n' ' ')" = "$(printf '%s\n' "${gears[@]}" | sort | tr '\n' ' ')"
}
