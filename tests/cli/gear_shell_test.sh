#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# gear-shell as sshd starts it, with the real tools behind it: what passes, what is refused, what the log says. Needs neither root nor gears.
#   gear_shell_test.sh BIN_DIR
set -euo pipefail
export LC_ALL=C
bin=$(readlink -f "${1:-${GEARSCALE_BIN_DIR:?the directory of the tools}}")
work=$(mktemp -d "${TMPDIR:-/tmp}/gst-shell.XXXXXX")
trap 'rm -rf "$work"' EXIT
passed=0 failed=0
tools=$work/app/info/bin log=$work/app/logs/scale_events.log
mkdir -p "$tools" "$work"/app/{conf,run,logs,info/lib} "$work/home/.env"
cp -L "$bin"/{add-gear,remove-gear,haproxy_ctld,haproxy_ctld_daemon,gear-shell} "$tools"
cp -L "$bin"/../lib/libgearscale.so.0 "$work/app/info/lib"
ln -s "$tools/gear-shell" "$work/gear-shell" # as a link in /usr/local/bin
printf 'shop\n' > "$work/home/.env/OPENSHIFT_APP_NAME"
printf '%s\n' "$work/app" > "$work/home/.env/OPENSHIFT_HAPROXY_DIR"

pass() { passed=$((passed + 1)); }
fail() {
  failed=$((failed + 1))
  printf 'FAILED: %.200s\n' "$1"
  sed 's/^/  stdout: /' "$work/stdout" | head -n 5 | cut -c 1-300
  sed 's/^/  stderr: /' "$work/stderr" | head -n 5 | cut -c 1-300
}
# ask COMMAND [VARIABLE...]: as sshd with a forced command; sets `code`.
ask() {
  local command=$1
  shift
  code=0
  env -i "HOME=$work/home" 'SSH_CONNECTION=192.0.2.7 51814 192.0.2.1 22' "SSH_ORIGINAL_COMMAND=$command" "$@" \
    timeout -k 5 30 "$work/gear-shell" > "$work/stdout" 2> "$work/stderr" < /dev/null || code=$?
}
# expect NAME CODE STDOUT_PATTERN STDERR_PATTERN: of the last ask
expect() {
  if [[ $code -eq $2 ]] && grep -qE "$3" <<< "$(tr '\n' ' ' < "$work/stdout")" && grep -qE "$4" <<< "$(tr '\n' ' ' < "$work/stderr")"; then
    pass
  else
    fail "$1: exit $code"
  fi
}
logged() { if tail -n 1 "$log" | grep -qF -- "$2"; then pass; else fail "$1: the log says: $(tail -n 1 "$log")"; fi; }
lines() { wc -l < "$log" 2> /dev/null || echo 0; }

# --- what passes, with the tools' own exit codes ---
for tool in add-gear remove-gear haproxy_ctld haproxy_ctld_daemon; do
  ask "$tool --help"
  if [[ $code -eq 0 ]] && head -n 1 "$work/stdout" | grep -q "^Usage: $tool "; then pass; else fail "$tool --help: exit $code"; fi
  logged "$tool --help" "INFO -- : gear-shell - 192.0.2.7 51814 192.0.2.1 22 asked for '$tool --help': allowed"
done
ask '  add-gear   --version '
expect 'blanks' 0 '^add-gear .gearscale. ' '^ ?$'
ask 'haproxy_ctld_daemon status'
expect 'what does not run is 3' 3 'haproxy_ctld is not running' '^ ?$'
ask 'add-gear --dry-run'
expect 'what is not set up is 2' 2 '^ ?$' '^add-gear: .*'
ask 'haproxy_ctld --status --json'
expect 'HAProxy that does not run is 4' 4 '"error"' '^haproxy_ctld: '
logged 'an allowed command' "asked for 'haproxy_ctld --status --json': allowed"
code=0
env -i "HOME=$work/home" "$work/gear-shell" -c 'remove-gear --version' > "$work/stdout" 2> "$work/stderr" || code=$?
expect 'as a login shell' 0 '^remove-gear .gearscale. ' '^ ?$'
logged 'as a login shell' "gear-shell - (no SSH_CONNECTION) asked for 'remove-gear --version': allowed"

# --- nothing of the client's reaches the tool ---
ask 'haproxy_ctld_daemon status' "OPENSHIFT_HAPROXY_DIR=$work/none" "GEARSCALE_LOG_DIR=$work/none" 'LD_DEBUG=files' "TZ=:/etc/hostname" 'LXC_X=y'
expect 'the environment of the client is not seen' 3 'not running' '.*'
mv "$tools/haproxy_ctld_daemon" "$work/kept"
# shellcheck disable=SC2016  # for the script
printf '#!/bin/sh\n/usr/bin/env | grep -vE "^(PWD|_|SHLVL|OLDPWD)="\nls /proc/$$/fd | tr "\\n" " "\nprintf "%%s|" "$0" "$@"\n' > "$tools/haproxy_ctld_daemon"
chmod 755 "$tools/haproxy_ctld_daemon"
exec 7< /dev/null
ask 'haproxy_ctld_daemon status' 'EVIL=1' 'LD_LIBRARY_PATH=/nowhere' 'PATH=/nowhere:/usr/bin:/bin' 'BASH_ENV=/x'
exec 7<&-
sort -o "$work/stdout" "$work/stdout"
# The script itself is open as descriptor 10 or 255, by its interpreter.
expect 'environment and descriptors are clean' 0 "^0 1 (10 )?2 (10 |255 )?$tools/haproxy_ctld_daemon.status. ?HOME=$work/home LANG=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin $" '^ ?$'
rm "$tools/haproxy_ctld_daemon"
ask 'haproxy_ctld_daemon status'
expect 'a tool that is not there' 126 '^ ?$' "^gear-shell: cannot run $tools/haproxy_ctld_daemon: no such file or directory $"
mv "$work/kept" "$tools/haproxy_ctld_daemon"

# --- what is refused: with 126, one line that says what is allowed, and a line in the log ---
# refused COMMAND LOGGED_AS
refused() {
  local before
  before=$(lines)
  ask "$1"
  expect "refused: $1" 126 '^ ?$' '^gear-shell: refused: .*; allowed are add-gear, remove-gear, .*--version $'
  if [[ $(wc -l < "$work/stderr") -eq 1 && $(lines) -eq $((before + 1)) ]]; then pass; else fail "refused: $1: one line here, one in the log"; fi
  logged "refused: $1" "WARN -- : gear-shell - 192.0.2.7 51814 192.0.2.1 22 asked for '${2-$1}': refused: "
}
for command in '' ' ' 'sh' 'bash -c id' 'scp -t /tmp' 'scp -f /etc/passwd' '/usr/lib/openssh/sftp-server' 'internal-sftp' 'rsync --server .' "$tools/add-gear" './add-gear' \
  'add-gear --config /tmp/x' 'add-gear --con /tmp/x' 'add-gear --config=/tmp/x' 'add-gear --haproxy-binary=/tmp/x' 'add-gear -- --json' 'haproxy_ctld' 'haproxy_ctld --auto' \
  'haproxy_ctld --print-config' 'haproxy_ctld --replace' 'haproxy_ctld_daemon run' 'haproxy_ctld_daemon start -- --debug' 'haproxy_ctld_daemon' 'add-gear --count 0' 'gear-shell'; do
  refused "$command"
done
refused 'add-gear; touch pwned' 'add-gear; touch pwned'
# shellcheck disable=SC2016  # it must not be expanded, by anybody
refused '$(touch pwned)' '$(touch pwned)'
refused "add-gear 'x'" 'add-gear \x27x\x27'
refused $'add-gear\nI, [2026-11-22T09:13:37.643822 #1]  INFO -- : forged' 'add-gear\nI, [2026-11-22T09:13:37.643822 #1]  INFO -- : forged'
refused $'add-gear \e[2J\xc3\xa4' 'add-gear \x1b[2J\xc3\xa4'
long=$(printf 'x%.0s' {1..5000})
refused "$long" "${long:0:500}..."
if [[ $(tail -n 1 "$log" | wc -c) -lt 1000 ]]; then pass; else fail 'a long request is cut in the log'; fi

# --- no command without a line in the log ---
mv "$work/app/logs" "$work/app/logs.away"
ask 'add-gear --version'
expect 'no log, no command' 126 '^ ?$' "^gear-shell: refused, because it could not be logged: cannot open $log: no such file or directory $"
ln -s "$work/app/logs.away" "$work/app/logs"
ln -sf "$work/victim" "$work/app/logs.away/scale_events.log"
ask 'add-gear --version'
expect 'a link as log' 126 '^ ?$' 'refused, because it could not be logged: .*symbolic link'
if [[ ! -e $work/victim ]]; then pass; else fail 'a link as log: it was followed'; fi
rm -r "$work/app/logs" "$work/app/logs.away/scale_events.log"
mv "$work/app/logs.away" "$work/app/logs"
printf 'log_dir = relative\n' > "$work/app/conf/haproxy_ctld.conf"
ask 'add-gear --version'
expect 'a configuration that names no log' 126 '^ ?$' 'refused, because it could not be logged: log_dir = '
rm "$work/app/conf/haproxy_ctld.conf" "$work/home/.env/OPENSHIFT_HAPROXY_DIR" "$work/home/.env/OPENSHIFT_APP_NAME"
ask 'add-gear --version'
expect 'no application' 126 '^ ?$' 'refused, because it could not be logged: app: no application is named'

# --- by hand ---
by_hand() { code=0; env -i "HOME=$work/home" "$work/gear-shell" "$@" > "$work/stdout" 2> "$work/stderr" || code=$?; }
for option in -h --help; do by_hand "$option"; expect "$option" 0 '^Usage: gear-shell .*Exit codes: ' '^ ?$'; done
by_hand --version
expect '--version' 0 '^gear-shell .gearscale. [0-9]' '^ ?$'
by_hand add-gear
expect 'an argument' 2 '^ ?$' "^gear-shell: unexpected argument 'add-gear' Try 'gear-shell --help'. $"
by_hand -c
expect '-c alone' 2 '^ ?$' "unexpected argument '-c'"
by_hand -c add-gear more
expect '-c and more' 2 '^ ?$' "unexpected argument '-c'"
if [[ ! -e pwned && ! -e $work/home/pwned ]]; then pass; else fail 'nothing was expanded'; fi

printf '%d passed, %d failed\n' "$passed" "$failed"
[[ $failed -eq 0 ]]
