# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Ranges of subordinate ids for root in /etc/subuid and /etc/subgid: reserving one that is free, and giving back exactly what was reserved.
# Sourced after common.sh.

# A file subid-range-WHAT for each range that we added: its line in the two files, and behind it the configuration of the container that it is
# for, if it is for one. The undo takes away that and nothing else.
records=/var/lib/gearscale

# free_base COUNT: prints a base for COUNT new ids that overlaps no entry of the two files. 100000 is where useradd and LXD begin: we begin higher.
free_base() {
  local count=$1 file
  local -a files=()
  for file in /etc/subuid /etc/subgid; do
    [[ -r $file ]] && files+=("$file")
  done
  # Inside a container that is itself mapped there are fewer ids: the range has to end within them.
  local limit
  limit=$(awk '{ end = $1 + $3; if (end > most) most = end } END { printf "%.0f", most }' /proc/self/uid_map)
  local base=458752 # 7 * 65536
  [[ $((base + count)) -le $limit ]] || base=65536
  while [[ $((base + count)) -le $limit ]]; do
    if [[ ${#files[@]} -eq 0 ]] || awk -F: -v base="$base" -v count="$count" '$2 < base + count && base < $2 + $3 { taken = 1 } END { exit taken }' "${files[@]}"; then
      printf '%s\n' "$base"
      return
    fi
    base=$((base + 65536))
  done
  return 1
}

# add_range RECORD COUNT [CONFIG]: reserves a range, or finds the one that RECORD tells of. Sets `base`.
add_range() {
  local record=$records/subid-range-$1 count=$2 config=${3:-} lock
  mkdir -p "$records" /run/lock # which is systemd's to make: it may be missing where that does not run
  exec {lock}> /run/lock/gearscale-subids
  flock "$lock"
  if [[ -f $record ]]; then
    IFS=: read -r _ base _ < "$record"
    [[ $(sed -n 2p "$record") == "$config" ]] || die "$record: it tells of another container: $(sed -n 2p "$record")"
    [[ $base =~ ^[0-9]+$ ]] || die "$record: not a line root:BASE:COUNT: look at it and delete it by hand"
  else
    base=$(free_base "$count") || die "ids of root: no $count free ids in this container: map more ids into it"
    printf 'root:%s:%s\n%s' "$base" "$count" "${config:+$config$'\n'}" > "$record"
  fi
  touch /etc/subuid /etc/subgid
  usermod --add-subuids "$base-$((base + count - 1))" --add-subgids "$base-$((base + count - 1))" root ||
    die "usermod --add-subuids $base-$((base + count - 1)) root: failed"
  exec {lock}>&-
}

# Takes one exact line out of a file, under the lock that the shadow tools use (FILE.lock, a link to a file with our pid): usermod itself
# refuses to take ids from root, who always has a process.
remove_line() (
  file=$1 line=$2
  trap 'rm -f "$file.$$" "$file.gearscale"' EXIT
  printf '%s' "$$" > "$file.$$"
  for try in {1..50}; do
    ! ln "$file.$$" "$file.lock" 2> /dev/null || break
    [[ $try -lt 50 ]] || die "$file: locked by another program ($file.lock): try again later"
    sleep 0.2
  done
  trap 'rm -f "$file.$$" "$file.gearscale" "$file.lock"' EXIT
  awk -v line="$line" '$0 != line' "$file" > "$file.gearscale"
  chmod --reference="$file" "$file.gearscale"
  mv "$file.gearscale" "$file"
)

# Prints the configuration of a container that has the ids from BASE, nothing when there is none.
range_user() {
  grep -D skip -lsE "^[[:space:]]*lxc\.idmap[[:space:]]*=[[:space:]]*[ug] +[0-9]+ +$1( |\$)" "${@:2}" | head -n 1 || true
}

# drop_range RECORD: takes back what add_range added. A range that a container still has is kept, with a word.
drop_range() {
  local record=$records/subid-range-$1 line base user
  [[ -f $record ]] || return 0
  line=$(head -n 1 "$record")
  [[ $line =~ ^root:([0-9]+):[0-9]+$ ]] || die "$record: not a line root:BASE:COUNT: look at it and delete it by hand"
  base=${BASH_REMATCH[1]}
  user=$(range_user "$base" /var/lib/lxc/*/config "$(sed -n 2p "$record")")
  if [[ -n $user ]]; then
    say "ids of root: kept $line, $user uses it"
    return
  fi
  remove_line /etc/subuid "$line"
  remove_line /etc/subgid "$line"
  rm -f "$record"
  rmdir "$records" 2> /dev/null || true
  say "ids of root: took back $line"
}
