# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# The demonstration of the quickstart: a load that rises and falls, and what the farm does about it. Sourced after show.sh by who knows where
# the farm is: url, events_log (its name for people), status_json and follow_events.
: "${began:?}" "${url:=}" "${events_log:=}" "${build:?}" "${work:=}" "${phase:=}"
load_pid=''
# shellcheck disable=SC2034 # ended by who sources this
tail_pid=''

# The load of the demonstration for one policy: seconds and requests in flight, when its rise ends, the page, and words for it.
# shellcheck disable=SC2034 # read by who sources this
choose_load() {
  case $1 in
    sessions) # 9 are 90% of one gear, 18 of two, 27 of three
      load_steps=4s:0,12s:9,12s:18,12s:27 load_end_s=40 load_page='cgi-bin/wait?1000'
      load_text='9, 18, then 27 requests in flight for 12 s each, each taking a second in the gear' ;;
    response-time) # a gear answers ten requests a second, one after the other: 15 in flight make 1.5 s of one gear, 0.75 s of two
      load_steps=4s:1,15s:15,15s:30,60s:1 load_end_s=34 load_page='cgi-bin/turn?100'
      load_text='15, then 30 requests in flight for 15 s each at a gear that takes them one after the other, 0.1 s each; then one at a time' ;;
    *) die_usage "--policy $1: sessions or response-time" ;;
  esac
}

stop_load() {
  [[ -n $load_pid ]] || return 0
  kill -TERM "$load_pid" 2> /dev/null || true
  wait "$load_pid" 2> /dev/null || true
  load_pid=''
}

await_minimum() {
  local left=120
  until [[ $(field "$(status_json)" serving) -ge 1 ]] 2> /dev/null; do
    left=$((left - 1))
    [[ $left -gt 0 ]] || die "no gear serves after 60 s: $events_log says why"
    sleep 0.5
  done
}

# Prints the event lines that were written since the last call, without the long prefix.
show_events() {
  local line
  # A line comes whole, in one write: waiting a moment for the next one cannot cut it.
  while IFS= read -r -t 0.01 line <&"$events"; do
    clear_live
    line=${line#*" -- : "}
    if [[ $line == GEAR_INFO* ]]; then continue; fi
    printf '[%3d s] %s\n' $((SECONDS - began)) "$line"
  done
}

# On a terminal one line that stays; elsewhere a line when something changed, at most one in two seconds, and one in ten seconds anyway.
show_state() {
  local json=$1 seconds=$2 text
  printf -v text 'sessions %2.0f [%s]  capacity %5.1f%%  gears %d serving, %d coming, %d draining' \
    "${sessions:-0}" "$(bar "${sessions%%.*}" 27 18)" "$(field "$json" capacity_pct)" "$serving" "${coming:-0}" "${draining:-0}"
  if is_terminal; then
    live "$(printf '[%3d s] %s' $((SECONDS - began)) "$text")"
  elif [[ $seconds -ge $((last_plain + 10)) || ( $text != "$last_text" && $seconds -ge $((last_plain + 2)) ) ]]; then
    printf '[%3d s]   %s\n' $((SECONDS - began)) "$text"
    last_text=$text last_plain=$seconds
  fi
}

# Follows the load until it is over and the farm is back at its minimum. Sets first_gear_ms, most_gears, back_ms.
watch_farm() {
  local begin load_begin load_end json now last_text='' last_plain=-10 in_load=yes
  begin=$(now_ms) load_begin=$((begin + 4000)) load_end=$((begin + load_end_s * 1000))
  first_gear_ms='' most_gears=$minimum back_ms=''
  while :; do
    now=$(now_ms)
    json=$(status_json)
    sessions=$(field "$json" sessions) serving=$(field "$json" serving) coming=$(field "$json" coming) draining=$(field "$json" draining)
    show_events
    if [[ -n $serving ]]; then
      show_state "$json" $(((now - begin) / 1000))
      [[ $serving -le $most_gears ]] || most_gears=$serving
      [[ -n $first_gear_ms || $serving -le $minimum ]] || first_gear_ms=$(seconds_since "$load_begin" "$now")
    fi
    if [[ $in_load == yes ]] && ! kill -0 "$load_pid" 2> /dev/null; then in_load=no; fi
    if [[ $in_load == no && $serving == "$minimum" && $coming == 0 && $draining == 0 ]]; then
      back_ms=$(seconds_since "$load_end" "$now")
      break
    fi
    [[ $now -lt $((load_end + 90000)) ]] || break
    sleep 0.3
  done
  show_events
}

# Gears of an earlier load go before the next one: else there would be no first new gear.
await_few() {
  local json left=180
  json=$(status_json)
  minimum=$(field "$json" min)
  [[ $(field "$json" serving) -gt $minimum || $(field "$json" draining) -gt 0 ]] || return 0
  step "gears of an earlier load are still there: waiting until they are gone"
  until json=$(status_json) && [[ $(field "$json" serving) -le $minimum && $(field "$json" draining) == 0 ]]; do
    left=$((left - 1))
    [[ $left -gt 0 ]] || die "there are still $(field "$json" serving) gears: is there another load? see $events_log"
    sleep 0.5
  done
}

run_load() {
  local code=0 report
  phase=load
  await_few
  step "load: $load_text"
  exec {events}< <(follow_events 2> /dev/null)
  # shellcheck disable=SC2034 # as above
  tail_pid=$!
  "$build/bin/gearscale-load" --url "$url/$load_page" --steps "$load_steps" --stats-file "$work/stats" > "$work/report" &
  load_pid=$!
  watch_farm
  wait "$load_pid" || code=$?
  load_pid=''
  report=$(< "$work/report")
  phase=finished
  clear_live
  cat << END

  time to the first new gear      ${first_gear_ms:-none came}${first_gear_ms:+ s}
  requests                        $(field "$report" requests)
  failed requests                 $(field "$report" failed)
  most gears                      $most_gears
  back to the minimum             ${back_ms:-not within 90 s}${back_ms:+ s after the load}
END
  [[ $code -eq 0 ]] || die "load: $(field "$report" failed) requests failed"
  [[ -n $first_gear_ms && -n $back_ms ]] || die "the farm did not follow the load: see $events_log"
}
