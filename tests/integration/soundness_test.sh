#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The daemon after many ticks, gears that came and went, re-read configurations and a reload of HAProxy: it holds as many descriptors as before,
# and hardly more memory. GEARSCALE_SOAK=1 in the environment makes it twenty times as long.
set -euo pipefail
# shellcheck source=tests/integration/farm.sh
. "$(dirname "$0")/farm.sh"
wanted_ticks=1000 wanted_events=100
[[ ${GEARSCALE_SOAK:-0} != 1 ]] || wanted_ticks=20000 wanted_events=2000
step=10  # gears that come and go at a time
farm_begin sound 10.77.41
farm_up --set policy=sessions,response-time --set check_interval=100ms --set sample_interval=20ms --set flap_protection=24h --set drain_idle=0s \
  --set stop_timeout=0s --set standby_count=2
daemon=$tools/haproxy_ctld_daemon

# A tick asks HAProxy for all of its servers: what the daemon asks is written down on its way.
asked=$work/asked
socat -r "$asked" "UNIX-LISTEN:$work/counted,fork" "UNIX-CONNECT:$dir/run/stats" 2> "$work/socat.log" &
clients+=("$!")
ticks() { grep -aoF 'show stat express 6 ' "$asked" | wc -l; }
has_ticks() { [[ $(ticks) -ge $1 ]]; }
scale_events() { events_json 'select(.event == "outcome" and (.step == "serving" or .step == "removed")).gear' | wc -l; }
# In the midst of a tick there are more: the fewest of many looks.
descriptors() {
  local _ fewest=1000000 fds
  for _ in {1..40}; do
    fds=("/proc/$pid/fd/"*)
    [[ ${#fds[@]} -ge $fewest ]] || fewest=${#fds[@]}
    sleep 0.02
  done
  echo "$fewest"
}
resident() { awk '$1 == "VmRSS:" { print $2 }' "/proc/$pid/status"; }
serves_at_least() { [[ $(serving) -ge $1 ]]; }
shrinks() {
  local more=$(($(serving) - 1))
  [[ $more -le 0 ]] || "$tools/remove-gear" --count "$more" --now --no-wait > /dev/null || true
  serves 1
}
at_rest() { serves 1 && pool_rests 2; }

check 'the cartridge starts' "$dir/bin/control" start
check 'a gear serves' await 20 serves 1
"$daemon" restart -- --stats-socket "$work/counted" > /dev/null
pid=$(cat "$dir/run/haproxy_ctld.pid")
check 'two standbys are there' await 20 at_rest
fds_before=$(descriptors) rss_before=$(resident)
ticks_before=$(ticks) events_before=$(scale_events)
load_begin '/cgi-bin/wait?100'
# In turn by hand, and by a load for which the daemon itself wakes standbys and makes gears; they leave by hand.
for ((events = 0, round = 0; events < wanted_events; events = $(scale_events) - events_before, ++round)); do
  if ((round % 2)); then load $((10 * step)); else "$tools/add-gear" --count "$step" --no-wait > /dev/null; fi
  await 60 serves_at_least "$step" || break
  load 0
  await 60 shrinks || break
done
check 'every request was answered' load_end
check 'so many gears came and went' test "$events" -ge "$wanted_events"
# Whatever happens to the registry makes the daemon look, so its next check need not be waited for.
until has_ticks $((ticks_before + wanted_ticks)) || ! kill -0 "$pid"; do
  for _ in {1..50}; do
    : >> "$dir/conf/gear-registry.json"
    sleep 0.01
  done
done
check 'so often it looked' has_ticks $((ticks_before + wanted_ticks))
check 'it is at rest again' await 20 at_rest
fds_after=$(descriptors) rss_after=$(resident)
printf 'soundness: fds before %d after %d, ticks %d, scale events %d\n' "$fds_before" "$fds_after" $(($(ticks) - ticks_before)) "$events"
printf 'soundness: resident before %d kB after %d kB\n' "$rss_before" "$rss_after"
check 'as many descriptors as before' test "$fds_after" = "$fds_before"
check 'no more than 8 MB of memory more' test $((rss_after - rss_before)) -lt 8192

reread() { [[ $(events 'Configuration re-read') == "$1" ]]; }
for round in 1 2 3 4 5; do
  kill -HUP "$pid"
  await 20 reread "$round" || break
done
check 'the configuration is re-read five times' reread 5
"$dir/bin/control" reload > /dev/null
noticed() { [[ $(events 'flap protection starts again') == 1 ]]; }
check 'the reload is noticed' await 20 noticed
as_before() { [[ $(descriptors) == "$fds_before" ]]; }
check 'as many descriptors as before when the old HAProxy is gone' await 60 as_before
check 'it is the same process' test "$(cat "$dir/run/haproxy_ctld.pid")" = "$pid"
check 'all places agree' await 20 all_agree
