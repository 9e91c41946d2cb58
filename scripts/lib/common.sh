# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What the scripts of this folder share: messages, exit codes, the subordinate id range of root.
# Sourced, never run. A script sets `self` (its name in messages) before it sources this file.
: "${self:?set self before sourcing common.sh}"
export LC_ALL=C  # numbers with a point, ranges of letters that are the same everywhere

# Every error is one line, `script: what failed: why`, on stderr.
die() { printf '%s: %s\n' "$self" "$*" >&2; exit 1; }
die_usage() { printf "%s: %s\nTry '%s --help'.\n" "$self" "$*" "$self" >&2; exit 2; }
warn() { printf '%s: %s\n' "$self" "$*" >&2; }
say() { printf '%s\n' "$*"; }

# With `set -e` a command that nobody expected to fail would end the script without a word.
on_unexpected_error() { warn "line $1: the command failed: $2"; exit 1; }
trap 'on_unexpected_error "$LINENO" "$BASH_COMMAND"' ERR
set -E

require_root() { [[ $EUID -eq 0 ]] || { warn "not root: run it with sudo"; exit 2; }; }

# require_value OPTION COUNT_OF_ARGUMENTS_LEFT: an option that needs a value has one.
require_value() { [[ $2 -ge 2 ]] || die_usage "$1: it needs a value"; }

# Letters, digits, '-', '_' and '.', starting with a letter or digit: safe in paths, socket commands and configuration lines.
is_safe_name() { [[ ${#1} -le ${2:-64} && $1 =~ ^[A-Za-z0-9][A-Za-z0-9._-]*$ ]]; }

is_number() { [[ $1 =~ ^[0-9]{1,10}$ ]]; }
is_port() { [[ $1 =~ ^[1-9][0-9]{0,4}$ && $1 -le 65535 ]]; }

is_ipv4() {
  local byte='(25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])'
  [[ $1 =~ ^$byte\.$byte\.$byte\.$byte$ ]]
}

# --- the subordinate ids of root ---

# first_range FILE: "BASE COUNT" of root's first range in /etc/subuid or /etc/subgid, nothing when there is none.
first_range() {
  [[ -r $1 ]] || return 0
  awk -F: '($1 == "root" || $1 == "0") && $2 ~ /^[0-9]+$/ && $3 ~ /^[0-9]+$/ && $3 > 0 { print $2, $3; exit }' "$1"
}

# resolve_idmap auto|none|BASE:COUNT: prints "BASE COUNT", nothing for none. `auto` is root's first range, 65536 ids of it at most.
resolve_idmap() {
  local uids gids base count
  case $1 in
    none) return 0 ;;
    auto)
      uids=$(first_range /etc/subuid)
      gids=$(first_range /etc/subgid)
      [[ -n $uids && -n $gids ]] || { warn "idmap auto: root has no range in /etc/subuid and /etc/subgid: run scripts/install-deps run"; return 2; }
      [[ $uids == "$gids" ]] || { warn "idmap auto: root's first ranges differ (/etc/subuid $uids, /etc/subgid $gids): make them equal, or give BASE:COUNT"; return 2; }
      read -r base count <<< "$uids"
      [[ $count -le 65536 ]] || count=65536
      ;;
    *)
      [[ $1 =~ ^([0-9]{1,10}):([0-9]{1,10})$ ]] || { warn "idmap '$1': not auto, none or BASE:COUNT"; return 2; }
      base=$((10#${BASH_REMATCH[1]})) count=$((10#${BASH_REMATCH[2]}))
      ;;
  esac
  [[ $base -ge 1 && $count -ge 1000 && $((base + count)) -le 4294967295 ]] ||
    { warn "idmap $base:$count: the base has to be above 0, the count 1000 or more, the end below 4294967295"; return 2; }
  printf '%s %s\n' "$base" "$count"
}
