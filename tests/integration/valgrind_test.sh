#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The controller under valgrind on a real farm: load that wakes a gear, a re-read configuration, a reload of HAProxy, a gear that is frozen
# again. No definite leak, no error. Its jobs are processes of their own, which a valgrind cannot follow into a container's start (clone into
# new namespaces): so the gears are made before, and while it runs there is no memory for more.
set -euo pipefail
# shellcheck source=tests/integration/farm.sh
. "$(dirname "$0")/farm.sh"
command -v valgrind > /dev/null || { printf 'FAILED  valgrind is not installed: run scripts/install-deps test\n'; exit 1; }
farm_begin memory 10.77.41
farm_up --set policy=sessions,response-time --set check_interval=500ms --set flap_protection=3s --set drain_idle=500ms --set haproxy_deadline=10s \
  --set boot_timeout=60s --set response_remove=2s --set response_up=30s --set response_min_requests=1
report=$work/valgrind.log said=$work/said
ran() { [[ $(events "$1") == "${2:-1}" ]]; }
kept() { [[ -n $(events_json 'select(.event == "outcome" and .step == "removed" and .detail == "kept as a standby").gear') ]]; }

check 'the cartridge starts' "$dir/bin/control" start
check 'a gear serves' await 20 serves 1
check 'a standby is there' await 20 stands_by 1
standby=$(in_registry standby)
"$tools/haproxy_ctld_daemon" stop > /dev/null

# What a job leaks ends with the job: only the controller's own report counts, and its exit code. A question to liblxc has a second, which is
# little under valgrind: so it goes before all other work, and a start that failed for that is tried again.
begin() {
  LD_PRELOAD=$bin/libpidfd_for_valgrind.so GEARSCALE_PIDFD_SENDER=$bin/pidfd_for_valgrind \
    nice -n -20 valgrind --leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite --error-exitcode=99 --trace-children=no \
    --child-silent-after-fork=yes --vgdb=no --log-file="$report" "$tools/haproxy_ctld" --memory-reserve 1000000G > "$said" 2>&1 &
  checked=$!
}
begins() { grep -q 'Starting haproxy_ctld' "$said" || ! kill -0 "$checked" 2> /dev/null; }
for _ in {1..5}; do
  begin
  await 60 begins || true
  ! grep -q 'did not answer within' "$said" || continue
  break
done
clients+=("$checked")
check 'the controller starts under valgrind' grep -q 'Starting haproxy_ctld' "$said"
grep -q "Starting haproxy_ctld" "$said" || { tail -n 30 "$said" "$report"; exit 1; }  # nothing of what follows can be
load_begin '/cgi-bin/wait?400'
load 10
check 'load brings a second gear' await 60 serves 2
check 'which was the standby' is_in "$standby" in_haproxy
check 'no other can be made' await 60 ran 'No standby can be made now'
kill -HUP "$checked"
check 'the configuration is re-read' await 60 ran 'Configuration re-read'
"$dir/bin/control" reload > /dev/null
check 'HAProxy is reloaded' await 60 ran 'flap protection starts again'
load 0
check 'without load a gear leaves' await 60 serves 1
check 'and is kept as a standby' await 60 kept
check 'frozen' await 60 stands_by 1
check 'every request was answered' load_end
kill -TERM "$checked"
code=0
wait "$checked" || code=$?
check "it ends with 0, not with valgrind's 99 ($code)" test "$code" = 0
check 'it had no error' grep -q 'ERROR SUMMARY: 0 errors' "$report"
grep -hE 'total heap usage|definitely lost|no leaks|ERROR SUMMARY' "$report" | sed 's/^==[0-9]*== */valgrind: /'
[[ $code -eq 0 && $failed -eq 0 ]] || { tail -n 60 "$report" "$said"; events_json 'select(.event == "check") | [.at, .decision.reason, .error]' | tail -n 20; }
check 'all places agree' await 20 all_agree
