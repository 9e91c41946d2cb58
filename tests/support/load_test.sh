#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# gearscale-load against an HAProxy that answers by itself, and against servers that answer wrongly. $1: the program.
set -euo pipefail
load=${1:?the path of gearscale-load}
for tool in haproxy socat jq; do
  command -v "$tool" > /dev/null || PATH=$PATH:/usr/sbin command -v "$tool" > /dev/null || { echo "SKIPPED: $tool is not installed"; exit 77; }
done
export PATH=$PATH:/usr/sbin LC_ALL=C
work=$(mktemp -d /tmp/gst-load.XXXXXX)
helpers=() passed=0 failed=0 refused=''

clean_up() {
  trap - EXIT INT TERM
  local pid
  for pid in "${helpers[@]}"; do kill "$pid" 2> /dev/null || true; done
  rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

check() { # check SENTENCE COMMAND...
  local sentence=$1
  shift
  if "$@"; then passed=$((passed + 1)); else
    failed=$((failed + 1))
    printf 'FAILED: %s\n  said: %s\n' "$sentence" "$(cat "$work/report" "$work/errors" 2> /dev/null)"
  fi
}

code=0
run() { # runs the load, keeps its report, its errors and its exit code
  code=0
  "$load" "$@" > "$work/report" 2> "$work/errors" < "${input:-/dev/null}" || code=$?
}
ends_with() { [[ $code -eq $1 ]]; }
writes() { jq -es "$@" > /dev/null; }
reports() { jq -e "$1" "$work/report" > /dev/null; }
await() { for _ in {1..200}; do ! "$@" 2> /dev/null || return 0; sleep 0.02; done; return 1; }

base=$((21000 + $$ % 20000))
cat > "$work/haproxy.cfg" << END
defaults
    mode http
    timeout connect 1s
    timeout client 5s
    timeout server 5s
frontend direct
    bind 127.0.0.1:$base
    http-request return status 503 content-type text/plain string "no" if { path /unavailable }
    http-request return status 200 content-type text/plain string "somebody" if { path /body }
    http-request return status 502 content-type text/plain string "no" hdr X-Server gear-c if { path /broken }
    default_backend farm
backend farm
    balance roundrobin
    cookie GEAR insert indirect nocache
    server a 127.0.0.1:$((base + 1)) cookie a
    server b 127.0.0.1:$((base + 2)) cookie b
frontend forgetful
    bind 127.0.0.1:$((base + 5))
    default_backend careless
backend careless
    balance roundrobin
    server a 127.0.0.1:$((base + 1))
    server b 127.0.0.1:$((base + 2))
frontend impatient
    bind 127.0.0.1:$((base + 6))
    timeout http-keep-alive 50ms
    http-request return status 200 content-type text/plain string "x" hdr X-Gear gear-a
frontend trusting
    bind 127.0.0.1:$((base + 7))
    default_backend silent
backend silent
    server s 127.0.0.1:$((base + 8))
frontend gear_a
    bind 127.0.0.1:$((base + 1))
    http-request return status 200 content-type text/plain string "x" hdr X-Gear gear-a
frontend gear_b
    bind 127.0.0.1:$((base + 2))
    http-request return status 200 content-type text/plain string "x" hdr X-Gear gear-b
END
haproxy -db -f "$work/haproxy.cfg" > "$work/haproxy.log" 2>&1 &
helpers+=($!)
# It reads the request first: what is unread at the end becomes a reset, and that takes the answer away again.
cat > "$work/short" << 'END'
#!/bin/bash
while IFS= read -r line && [[ ${line%$'\r'} ]]; do :; done
printf 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort'
END
chmod 755 "$work/short"
socat "TCP-LISTEN:$((base + 3)),bind=127.0.0.1,reuseaddr,fork" "EXEC:$work/short" 2> /dev/null &
helpers+=($!)
socat "TCP-LISTEN:$((base + 4)),bind=127.0.0.1,reuseaddr,fork" SYSTEM:'exec sleep 30' 2> /dev/null &
helpers+=($!)
# It keeps its connection, takes a second request on it, and closes without an answer.
cat > "$work/silent" << 'END'
#!/bin/bash
head() { while IFS= read -r line && [[ ${line%$'\r'} ]]; do :; done; }
head
printf 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n0\r\n\r\n\r\n0\r\n\r\n'
head
END
chmod 755 "$work/silent"
socat "TCP-LISTEN:$((base + 8)),bind=127.0.0.1,reuseaddr,fork" "EXEC:$work/silent" 2> /dev/null &
helpers+=($!)
refused=http://127.0.0.1:$((base + 9))/
for port in 0 3 4 5 6 7 8; do
  await socat -u /dev/null "TCP:127.0.0.1:$((base + port))" || { cat "$work/haproxy.log"; echo "port $((base + port)): nobody listens"; exit 1; }
done
url=http://127.0.0.1:$base

for wrong in "" "--url $url/" "--url ftp://x/ --hold 1" "--url $url/ --steps 1s" "--url $url/ --steps 1s:-1" "--url $url/ --steps 1s:1 --hold 1" \
  "--url $url/ --hold x" "--url $url/ --hold 10001" "--url $url/ --nonsense" "--url" "--url $url/ --hold 1 --session 1" "--url $url/ --hold 1 --think x"; do
  # shellcheck disable=SC2086  # they are several arguments
  run $wrong
  check "wrong arguments ($wrong) exit with 2" ends_with 2
done

run --url "$url/" --steps 0.2s:3,0.2s:1-5
check "answered requests exit with 0" ends_with 0
check "they are counted, and by gear" reports '.requests >= 4 and .failed == 0 and .gears["gear-a"] > 0 and .gears["gear-b"] > 0 and (.gears | length) == 2'
check "clients without cookies are not cookie clients" reports '.cookie_clients == 0'
check "each client keeps its connection" reports '.connections == 5 and .closed_idle == 0 and .sent_again == 0'
run --url "$url/" --steps 0.2s:3 --close
check "closing clients have one for each request" reports '.requests >= 4 and .failed == 0 and .connections == .requests'
run --url "http://127.0.0.1:$((base + 6))/" --steps 0.6s:2 --think 0.1
check "a kept connection that was closed while no request was on it is no failure" reports '.failed == 0 and .closed_idle >= 4 and .connections >= .closed_idle'
run --url "http://127.0.0.1:$((base + 6))/" --steps 1s:20 --think 0.05
check "nor is one that closes as the next request comes" reports '.failed == 0 and .closed_idle + .sent_again > 20'
run --url "http://127.0.0.1:$((base + 8))/" --steps 0.3s:2 --failures "$work/silences"
check "one that took a request and closed without an answer is" reports '.failures.unanswered > 0 and .failures.unanswered == .failed and .answered > 0'
check "and no byte of an answer is written down" writes 'all(.[]; .failure == "unanswered" and .bytes == 0 and .status == 0)' "$work/silences"
run --url "http://127.0.0.1:$((base + 7))/" --steps 0.3s:2
check "also when it is HAProxy that closes because its server did" reports '.failures.unanswered > 0 and .answered > 0'
run --url "$url/body" --steps 0.1s:1
check "a body that looks like a name names the gear" reports '.gears.somebody == .requests'
run --url "$url/" --steps 0.3s:4 --cookies
check "clients with cookies stay on their gear" reports '.cookie_clients == 4 and .sessions == 4 and .gear_changes == 0 and .clients_that_changed == 0'
run --url "$url/" --steps 0.6s:3 --cookies --session 0.1
check "a new session is a new visitor, whose other gear is no change" reports '.sessions > 6 and .gear_changes == 0 and (.gears | length) == 2'
run --url "http://127.0.0.1:$((base + 5))/" --steps 0.2s:2 --cookies
check "an answer by another gear within a session is a change" reports '.gear_changes > 0 and .clients_that_changed == 2'
run --url "$url/" --steps 0.5s:2 --think 0.1
check "clients that think ask less" reports '.requests >= 4 and .requests <= 10'

run --url "$url/unavailable" --steps 0.2s:1
check "a 503 is a failed request and exits with 1" ends_with 1
check "it is counted as such" reports '.failures.status > 0 and .answered == 0'
before=$(date +%s%3N)
run --url "$url/broken" --steps 0.2s:1 --failures "$work/failures"
# shellcheck disable=SC2016  # $before is for jq
check "a failed request is written down with its times and its server" writes --argjson before "$before" \
  'length > 0 and all(.[]; .status == 502 and .failure == "status" and .server == "gear-c" and .begun >= $before and .ended >= .begun)' "$work/failures"
run --url "$refused" --steps 0.1s:1 --failures "$work/failures"
check "one that nobody answered is, without a server" writes 'last | .failure == "connect" and .server == "" and .status == 0' "$work/failures"
run --url "$refused" --steps 0.2s:1
check "a refused connection is a failed request" reports '.failures.connect > 0 and .requests == .failed'
run --url "http://127.0.0.1:$((base + 3))/" --steps 0.2s:1
check "an answer that is cut short is a failed request" reports '.failures.truncated > 0 and .answered == 0'
run --url "http://127.0.0.1:$((base + 3))/" --steps 0.1s:1 --failures "$work/cut"
check "what came of it is counted" writes 'length > 0 and all(.[]; .status == 200 and .bytes == 45)' "$work/cut"
run --url "http://127.0.0.1:$((base + 4))/" --steps 0.1s:2 --timeout 0.3
check "no answer in time is a failed request" reports '.failures.timeout == 2'

# A held load follows stdin, and goes away with it.
mkfifo "$work/targets"
"$load" --url "http://127.0.0.1:$((base + 4))/" --hold 2 --stdin --grace 0 --stats-file "$work/stats" < "$work/targets" > "$work/report" 2> "$work/errors" &
held=$!
exec 8> "$work/targets"
in_flight() { [[ $(jq .in_flight "$work/stats") == "$1" ]]; }
check "a held load holds" await in_flight 2
echo 7 >&8
check "it grows when told" await in_flight 7
echo 3 >&8
check "it shrinks when told" await in_flight 3
exec 8>&-
code=0
wait "$held" || code=$?
check "it ends with its input, with 0" ends_with 0
check "requests that we gave up are no failures" reports '.released == 7 and .failed == 0'
"$load" --url "http://127.0.0.1:$((base + 4))/" --hold 2 --grace 0 --stats-file "$work/stats" > "$work/report" 2> "$work/errors" &
held=$!
check "a held load without stdin holds" await in_flight 2
kill -USR1 "$held"
code=0
wait "$held" || code=$?
check "USR1 releases it" ends_with 0

printf '%d passed, %d failed\n' "$passed" "$failed"
[[ $failed -eq 0 ]]
