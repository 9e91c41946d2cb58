# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What setup, control, teardown and the hooks share: messages, safe values, files written whole, and the installed tree.
# Sourced, never run. A script sets `self` (its name in messages) before it sources this file.
: "${self:?set self before sourcing cartridge.sh}"
export LC_ALL=C  # ranges of letters that are the same everywhere
export PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

# Every error is one line, `script: what failed: why`, on stderr.
warn() { printf '%s: %s\n' "$self" "$*" >&2; }
die() { warn "$@"; exit 1; }
die_config() { warn "$@"; exit 2; }
die_usage() { printf "%s: %s\nTry '%s --help'.\n" "$self" "$*" "$self" >&2; exit 2; }
say() { printf '%s\n' "$*"; }

# With `set -e` a command that nobody expected to fail would end the script without a word.
on_unexpected_error() { warn "line $1: the command failed: $2"; exit 1; }
trap 'on_unexpected_error "$LINENO" "$BASH_COMMAND"' ERR
set -E

require_root() { [[ $EUID -eq 0 ]] || die_config "not root: run it with sudo"; }
require_value() { [[ $2 -ge 2 ]] || die_usage "$1: it needs a value"; }
require_tool() { command -v "$1" > /dev/null || die_config "$1: not installed: $2"; }

# --- values that reach a path, a socket command or a line of a configuration file ---

is_safe_name() { [[ ${#1} -le ${2:-64} && $1 =~ ^[A-Za-z0-9][A-Za-z0-9._-]*$ ]]; }
is_safe_path() { [[ ${#1} -le 4000 && $1 =~ ^/[A-Za-z0-9/._+@~-]*$ && $1/ != */../* ]]; }
is_safe_uri() { [[ ${#1} -le 1000 && $1 =~ ^/[A-Za-z0-9/._~:?@!*+,\;=%\&-]*$ ]]; }
is_bind_address() {
  [[ ${#1} -le 200 && $1 =~ ^(\*|[A-Za-z0-9.-]*|\[[0-9A-Fa-f:]+\]):([0-9]{1,5})$ ]] || return 1
  local port=$((10#${BASH_REMATCH[2]}))
  [[ $port -ge 1 && $port -le 65535 ]]
}

# check_trusted FILE: neither it nor a directory above it belongs to somebody but root, or may be written by everybody (but for directories with
# the sticky bit, like /tmp). Whoever could change what we read here would tell us what to do as root. The tools look the same way.
check_trusted() {
  local at owner mode
  [[ $EUID -eq 0 && -e $1 ]] || return 0
  [[ $(stat -c %u "$1") == 0 ]] || die_config "$1: it belongs to somebody else than root: chown -h root $1"
  at=$(readlink -f "$1")
  while :; do
    read -r owner mode < <(stat -c '%u %a' "${at:-/}")
    [[ $owner == 0 ]] || die_config "$at: it belongs to somebody else than root: chown root $at"
    [[ $((8#$mode & 8#2)) -eq 0 || (-d ${at:-/} && $((8#$mode & 8#1000)) -ne 0) ]] || die_config "$at: everybody may write it: chmod o-w $at"
    [[ -n $at ]] || return 0
    at=${at%/*}
  done
}

# warn_if_open PATH...: everybody may write it. Not refused: it is the application's, and whoever may write it sets limits and markers.
warn_if_open() {
  local path
  for path in "$@"; do
    [[ -z $(find "$path" -maxdepth 0 -perm /002 2> /dev/null) ]] ||
      warn "$path: everybody may write it and so set the limits, or stop automatic scaling: chmod o-w $path"
  done
}

# warn_if_forwarding BRIDGE: packets of gears go on to other networks of this machine.
warn_if_forwarding() {
  local switch=/proc/sys/net/ipv4/conf/$1/forwarding
  [[ -z $1 || ! -r $switch || $(< "$switch") != 1 ]] ||
    warn "bridge $1: this machine forwards what comes from it, so gears and its other networks reach each other past HAProxy. Unless your gears need" \
      "a gateway: sysctl net.ipv4.conf.$1.forwarding=0 (docs/security.md)"
}

# --- files ---

# Temporary files of this run; they go when it ends, however it ends.
temporary_files=() temporary_owner=$BASHPID
remove_temporary_files() { [[ ${#temporary_files[@]} -eq 0 ]] || rm -f -- "${temporary_files[@]}"; }
trap remove_temporary_files EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# new_file_beside FILE: sets `new_file` to a temporary file in the same directory, so that a rename puts it in FILE's place at once.
new_file_beside() {
  # The last part of a pipe is a shell of its own, which does not have our trap: it takes away its own files, and no others.
  if [[ $temporary_owner != "$BASHPID" ]]; then
    temporary_owner=$BASHPID temporary_files=()
    trap remove_temporary_files EXIT
  fi
  new_file=$(mktemp "$(dirname "$1")/.$(basename "$1").new.XXXXXX")
  temporary_files+=("$new_file")
}

# install_text MODE FILE: FILE gets the text from stdin, whole or not at all. A file that is equal already is left alone.
install_text() {
  local mode=$1 file=$2
  new_file_beside "$file"
  cat > "$new_file"
  chmod "$mode" "$new_file"
  if [[ -f $file && ! -L $file ]] && cmp -s "$new_file" "$file" && [[ $(stat -c %a "$file") == "$mode" ]]; then
    rm -f "$new_file"
  else
    mv -f "$new_file" "$file"
  fi
}

# install_copy MODE SOURCE FILE: a running program keeps its old file; nothing is overwritten in place.
install_copy() { install_text "$1" "$3" < "$2"; }

# --- the installed tree ---

# read_record KEY: what setup noted about this installation.
read_record() { awk -v key="$1" 'index($0, key "=") == 1 { print substr($0, length(key) + 2) }' "$HAPROXY_DIR/conf/setup.record"; }

# read_settings KEY...: their values, one a line, as the tools understand conf/haproxy_ctld.conf and the environment. setup names the tool in
# `settings_tool`, since there may be none in the tree yet.
settings_tool=''
read_settings() {
  local tool=${settings_tool:-$HAPROXY_DIR/info/bin/haproxy_ctld}
  [[ -x $tool ]] || die_config "$tool: not there: run setup again"
  "$tool" --haproxy-dir "$HAPROXY_DIR" --print-config "$@"
}

# load_installation DIR: HAPROXY_DIR and the OPENSHIFT_* environment of the installation that DIR is, for us and for the tools we start.
load_installation() {
  HAPROXY_DIR=$1
  [[ -f $HAPROXY_DIR/conf/setup.record ]] || die_config "$HAPROXY_DIR: no installation of the cartridge: run setup first"
  local file name
  for file in "$HAPROXY_DIR"/env/OPENSHIFT_*; do
    name=$(basename "$file")
    [[ $name =~ ^OPENSHIFT_[A-Z_]+$ && -f $file ]] || continue
    printf -v "$name" '%s' "$(head -c 4096 "$file")"
    export "${name?}"
  done
  APP=$OPENSHIFT_APP_NAME NAMESPACE=${OPENSHIFT_NAMESPACE:-} HOME_DIR=$OPENSHIFT_HOMEDIR
  LOG_DIR=$OPENSHIFT_HAPROXY_LOG_DIR DATA_DIR=$OPENSHIFT_DATA_DIR REPO_DIR=$OPENSHIFT_REPO_DIR
  is_safe_name "$APP" || die_config "$HAPROXY_DIR/env/OPENSHIFT_APP_NAME: '$APP' is not usable as a name"
  [[ -z $NAMESPACE ]] || is_safe_name "$NAMESPACE" || die_config "$HAPROXY_DIR/env/OPENSHIFT_NAMESPACE: '$NAMESPACE' is not usable as a name"
  check_trusted "$HAPROXY_DIR/conf/haproxy_ctld.conf"
  local values
  values=$(read_settings backend stats_socket haproxy_cfg haproxy_binary uuid) || exit $?
  { read -r BACKEND; read -r STATS_SOCKET; read -r HAPROXY_CFG; read -r HAPROXY_BINARY; read -r APP_UUID; } <<< "$values"
  is_safe_name "$BACKEND" || die_config "$HAPROXY_DIR/conf/haproxy_ctld.conf: backend '$BACKEND' is not usable as a name"
  OWN_HAPROXY=$(read_record own_haproxy)
  for file in "$HAPROXY_DIR" "$HOME_DIR" "$LOG_DIR" "$DATA_DIR" "$REPO_DIR" "$STATS_SOCKET" "$HAPROXY_CFG"; do
    is_safe_path "$file" || die_config "$HAPROXY_DIR: env/ or conf/haproxy_ctld.conf names '$file': not an absolute path of letters, digits and / . _ - + @ ~"
  done
  is_safe_name "$HAPROXY_BINARY" || is_safe_path "$HAPROXY_BINARY" || die_config "$HAPROXY_DIR/conf/haproxy_ctld.conf: haproxy_binary '$HAPROXY_BINARY' is not usable"
  check_trusted "$HAPROXY_CFG"
  export HAPROXY_DIR APP NAMESPACE APP_UUID HOME_DIR LOG_DIR DATA_DIR REPO_DIR BACKEND STATS_SOCKET HAPROXY_CFG HAPROXY_BINARY OWN_HAPROXY
}

# installed_dir SCRIPT_DIRECTORY: the installation a script belongs to by its own place, nothing when it is in the sources.
installed_dir() {
  local parent
  parent=$(dirname "$1")
  [[ ! -f $parent/conf/setup.record ]] || printf '%s\n' "$parent"
}

# --- HAProxy ---

# check_haproxy_cfg FILE WHAT: FILE is a configuration that HAProxy accepts, or the script ends, with WHAT and HAProxy's words.
check_haproxy_cfg() {
  local answer
  answer=$("$HAPROXY_BINARY" -c -f "$1" 2>&1) && return
  answer=$(sed -n 's/^\[ALERT\] *([0-9]*) : //p' <<< "$answer" | head -n 3 | tr '\n' ';')
  die_config "$2: HAProxy does not accept it: ${answer:-no reason given}"
}

# runtime_command LINE: sends one command line to the Runtime API, prints the answer.
runtime_command() {
  [[ -S $STATS_SOCKET ]] || { warn "$STATS_SOCKET: no socket there: HAProxy does not run"; return 4; }
  socat -t 5 -T 5 - "UNIX-CONNECT:$STATS_SOCKET" <<< "$1" 2> /dev/null || { warn "$STATS_SOCKET: HAProxy does not answer"; return 4; }
}

# The container names and the mark of this application's gears, and the mark that they had in versions without a uuid.
gear_suffix() { [[ -z $NAMESPACE ]] || printf -- '-%s' "$NAMESPACE"; }
former_mark() { printf 'gearscale/%s%s' "$APP" "${NAMESPACE:+/$NAMESPACE}"; }
gear_mark() { printf '%s@%s' "$(former_mark)" "$APP_UUID"; }

# application_record LXC_PATH APP NAMESPACE: the file beside the containers that says which installation the application of this name has.
application_record() { printf '%s/.gearscale-application.%s%s' "$1" "$2" "${3:+@$3}"; }

# find_installation SCRIPT_DIRECTORY APP HOME: loads the installation that the script belongs to, or the one that APP or HOME names.
find_installation() {
  local directory
  directory=$(installed_dir "$1")
  if [[ -z $directory ]]; then
    local home=${3:-${2:+/var/lib/gearscale/$2}}
    home=${home:-${OPENSHIFT_HOMEDIR:-${OPENSHIFT_APP_NAME:+/var/lib/gearscale/$OPENSHIFT_APP_NAME}}}
    [[ -n $home ]] || die_usage "which application? give --app NAME or --home DIR"
    directory=${OPENSHIFT_HAPROXY_DIR:-$home/haproxy-1.4}
  fi
  load_installation "$(readlink -m "$directory")"
}
