# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# The table's machinery: a row runs a command, looks at its exit code and its error, and makes sure that nothing has changed.
# Sourced, never run, after farm.sh.
# shellcheck disable=SC2154,SC2034  # the variables of the farm
passed=0 failed=0

# A test that is killed for taking too long could not clean up; so it ends itself before. Each command has its own limit, see tool().
in_time() { [[ $SECONDS -lt 240 ]] || die "it takes too long: $passed passed, $failed failed so far"; }

pass() {
  passed=$((passed + 1))
  in_time
  [[ -z ${VERBOSE:-} ]] || printf 'ok    %s\n' "${1//[^[:print:]]/ }"
}

# fail NAME LINE...
fail() {
  failed=$((failed + 1))
  printf 'FAIL  %s\n' "${1//[^[:print:]]/ }"
  shift
  [[ $# -eq 0 ]] || printf '      %s\n' "$@"
  in_time
}

# finish: the last line, and the exit code of the test.
finish() {
  printf '%d passed, %d failed\n' "$passed" "$failed"
  if [[ $failed -gt 0 ]]; then exit 1; fi
}

# All that no row may change, as text. Of HAProxy's servers not the times and the results of health checks.
snapshot() {
  local file
  for file in "$registry" "$conf/haproxy.cfg" "$conf/haproxy_ctld.conf" "$limits_file"; do
    printf -- '--- %s\n' "$file"
    if [[ -f $file ]]; then cat "$file"; else printf '(not a file)\n'; fi
  done
  printf -- '--- files\n'
  find "$conf" "$data" "$lxc_path" -maxdepth 1 2> /dev/null | sort || true
  # Locks come with the first use and stay.
  find "$run" -mindepth 1 ! -name gearscale.lock ! -name gearscale.driver ! -name haproxy_ctld.output 2> /dev/null | sort || true
  printf -- '--- containers\n'
  lxc-ls -P "$lxc_path" -f -F NAME,STATE,GROUPS
  printf -- '--- servers\n'
  haproxy_says 'show servers state' | awk '{ print $2, $4, $5, $7, $8, $19 }' || true
}

# What was seen after the last row is what there is before the next one, unless something was done in between: then call this.
something_was_done() { rm -f "$work/after"; }

# The complaints about what a command printed, one a line.
judge_text() {
  local name=$1 stderr=$2 regex=$3 lines
  lines=$(grep -c '' <<< "$stderr" || true)
  # `start` hands on what the controller says.
  [[ $stderr == "$name: "* || $name-${stderr%%:*} == haproxy_ctld_daemon-haproxy_ctld ]] || printf 'stderr does not begin with "%s: "\n' "$name"
  [[ $lines -le 3 ]] || printf 'stderr has %s lines\n' "$lines"
  [[ $stderr =~ $regex ]] || printf 'stderr should match  %s\n' "$regex"
  [[ ! $stderr =~ (terminate called|Sanitizer|runtime error:|backtrace|what\(\):|unexpected failure) ]] || printf 'stderr looks like a crash\n'
  [[ ! $stderr =~ [[:cntrl:]] || ${stderr//$'\n'/} != *[[:cntrl:]]* ]] || printf 'stderr has control characters\n'
}

# row NAME CODE REGEX TOOL ARGUMENT...: the tool refuses with this code, a stderr that matches, and without having changed anything.
row() {
  local name=$1 code=$2 regex=$3 got=0 stderr complaints=''
  shift 3
  if [[ -e $work/after ]]; then mv "$work/after" "$work/before"; else snapshot > "$work/before"; fi
  tool "$@" > "$work/stdout" 2> "$work/stderr" < /dev/null || got=$?
  snapshot > "$work/after"
  stderr=$(< "$work/stderr")
  [[ $got -eq $code ]] || complaints+="exit code $got instead of $code"$'\n'
  complaints+=$(judge_text "$1" "$stderr" "$regex")
  diff "$work/before" "$work/after" > "$work/difference" || complaints+=$'\n'"something changed:"$'\n'$(grep '^[<>]' "$work/difference" | head -n 20)
  if [[ -z $complaints ]]; then
    pass "$name ($code)"
  else
    fail "$name: $*" "${complaints//$'\n'/$'\n'      }" "stderr was: $stderr"
  fi
}

# check NAME COMMAND...: passes when the command succeeds.
check() {
  local name=$1
  shift
  if "$@"; then pass "$name"; else fail "$name" "$*"; fi
}

# --- circumstances: each makes something so, runs the row, and takes it back ---

# during COMMAND...: rows under circumstances that differ from those before and after.
during() {
  something_was_done
  "$@"
  something_was_done
}

# with_text FILE TEXT ROW...: the file has this text.
with_text() {
  local file=$1 text=$2 saved=''
  shift 2
  if [[ -e $file ]]; then
    saved=$(mktemp "$work/saved.XXXXXX")
    cp -p "$file" "$saved"
  fi
  mkdir -p "$(dirname "$file")"
  printf '%s' "$text" > "$file"
  during "$@"
  if [[ -n $saved ]]; then mv "$saved" "$file"; else rm -f "$file"; fi
}

# with_edit FILE SED_SCRIPT ROW...: the file is edited.
with_edit() {
  local file=$1 text
  text=$(sed "$2" "$file"; printf x)
  shift 2
  with_text "$file" "${text%x}" "$@"
}

# without FILE ROW...: the file or directory is not there.
without() {
  local path=$1
  shift
  mv "$path" "$path.away"
  during "$@"
  mv "$path.away" "$path"
}

# with_variable NAME=VALUE ROW...: in the tool's environment.
with_variable() {
  local kept=("${variables[@]}")
  variables+=("$1")
  shift
  "$@"
  variables=("${kept[@]}")
}

# as_nobody ROW...: not root.
as_nobody() {
  runner=(setpriv --reuid 65534 --regid 65534 --clear-groups)
  "$@"
  runner=()
}

# with_fake MODE ROW...: something answers in HAProxy's place, as fake_haproxy.sh says.
with_fake() {
  local mode=$1 pid
  shift
  REPLIES=$work/replies socat "UNIX-LISTEN:$work/fake,fork" "EXEC:$project/tests/cli/fake_haproxy.sh $mode" 2> "$work/fake.log" &
  pid=$!
  helpers+=("$pid")
  await 20 test -S "$work/fake" || die "no fake HAProxy"
  with_variable "GEARSCALE_STATS_SOCKET=$work/fake" "$@"
  end_process "$pid"
  rm -f "$work/fake"
}

# expect NAME CODE STDOUT_REGEX STDERR_REGEX TOOL ARGUMENT...
expect() {
  local name=$1 code=$2 stdout=$3 stderr=$4 got=0 complaints=''
  shift 4
  tool "$@" > "$work/stdout" 2> "$work/stderr" < /dev/null || got=$?
  [[ $got -eq $code ]] || complaints+="exit code $got instead of $code"$'\n'
  [[ $(< "$work/stdout") =~ $stdout ]] || complaints+="stdout should match  $stdout"$'\n'
  [[ $(< "$work/stderr") =~ $stderr ]] || complaints+="stderr should match  $stderr"$'\n'
  if [[ -z $complaints ]]; then
    pass "$name"
  else
    fail "$name: $*" "${complaints//$'\n'/$'\n'      }" "stdout was: $(head -c 1500 "$work/stdout")" "stderr was: $(head -c 1500 "$work/stderr")"
  fi
}
