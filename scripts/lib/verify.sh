# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What `make-template --verify` does: a throw-away clone of a template is booted, asked, and taken away. Sourced after common.sh and
# containers.sh by a script that destroys $clone at its end, however it ends.
: "${name:?}" "${lxc_path:?}" "${clone=}" "${port:?}" "${pages[@]}"

# A clone has eth0 as a gear has, but to nowhere: what it says there nobody hears.
make_clone() {
  local options
  clone=$name-verify-$$
  lxc-copy -P "$lxc_path" -n "$name" -N "$clone" -s -B overlay > /dev/null 2>&1 || true
  # The files are asked, not the exit code: lxc-copy of LXC 6.0 complains about a clone that is there.
  [[ -f $lxc_path/$clone/config ]] || die "verify: lxc-copy -s -B overlay made no clone of $name"
  # lxc-copy gives the directory to the gears' root.
  close_directory "$lxc_path" "$clone" "$(stat -c %g "$lxc_path/$clone")"
  is_roots_alone "$lxc_path" "$clone" || die "verify: $lxc_path/$clone/config is not root's alone"
  options=$(config_value "$lxc_path/$clone/config" lxc.rootfs.options)
  sed -i '/^[ \t]*lxc\.\(net\.\|group\|start\.\)/d' "$lxc_path/$clone/config"
  printf 'lxc.net.0.%s\n' 'type = veth' 'flags = up' 'name = eth0' 'ipv4.address = 192.0.2.2/24' >> "$lxc_path/$clone/config"
  # An overlay mount of a user namespace has no trusted xattrs: without this, directories of the template cannot be replaced.
  [[ -z $(config_value "$lxc_path/$clone/config" lxc.idmap) || ,$options, == *,userxattr,* ]] ||
    printf 'lxc.rootfs.options = %suserxattr\n' "${options:+$options,}" >> "$lxc_path/$clone/config"
  lxc-start -P "$lxc_path" -n "$clone" || die "verify: the clone does not start: try lxc-start -n $name -F -l debug -o /dev/stderr on a copy"
}

# --- kept connections ---

# One answer from the descriptor 3, to its last byte. Sets status, and keeps: whether the answer lets the connection be used again. 1: there was none,
# or it was cut short.
read_answer() {
  local line key value length='' chunked=no size lines=0
  IFS= read -r -t 10 line <&3 && [[ $line =~ ^HTTP/1\.([01])\ ([1-9][0-9][0-9]) ]] || return 1
  keeps=$([[ ${BASH_REMATCH[1]} == 1 ]] && echo yes || echo no) status=${BASH_REMATCH[2]}
  while IFS= read -r -t 10 line <&3 && line=${line%$'\r'} && [[ -n $line ]]; do
    lines=$((lines + 1))
    [[ $lines -le 200 ]] || return 1
    key=${line%%:*} value=${line#*:} value=${value//[[:blank:]]/}
    case ${key,,}:${value,,} in
      connection:close) keeps=no ;;
      connection:keep-alive) keeps=yes ;;
      content-length:*)
        [[ $value =~ ^[0-9]{1,12}$ ]] || return 1
        length=$value
        ;;
      transfer-encoding:chunked) chunked=yes ;;
    esac
  done
  [[ $status != 204 && $status != 304 ]] || return 0
  while [[ $chunked == yes ]]; do
    IFS= read -r -t 10 line <&3 && [[ $line =~ ^([0-9a-fA-F]{1,8})($|[^0-9a-fA-F]) ]] || return 1
    size=$((16#${BASH_REMATCH[1]}))
    [[ $(head -c $((size + 2)) <&3 | wc -c) == $((size + 2)) ]] || return 1
    [[ $size -gt 0 ]] || return 0
  done
  # Without a length the answer ends with its connection, which needs no words.
  [[ -n $length ]] || { keeps=no; return 0; }
  [[ $(head -c "$length" <&3 | wc -c) == "$length" ]]
}

# ask_twice ADDRESS PORT PAGE: two requests on one connection. Prints what becomes of it after the first answer: `kept`, `closes and says so`, or
# `silent`; `nothing` when there was no answer at all.
ask_twice() {
  local status keeps code=0
  trap '' PIPE
  { exec 3<> "/dev/tcp/$1/$2"; } 2> /dev/null || { echo nothing; return; }
  printf 'GET %s HTTP/1.1\r\nHost: %s\r\n\r\n' "$3" "$1" >&3
  read_answer || { echo nothing; return; }
  [[ $keeps == yes ]] || { echo "$status closes and says so"; return; }
  # Half a second is long enough for an application that closes after its answer.
  read -r -t 0.5 -n 1 <&3 || code=$?
  if [[ $code -gt 128 ]] && printf 'GET %s HTTP/1.1\r\nHost: %s\r\n\r\n' "$3" "$1" >&3 2> /dev/null && read_answer; then
    echo "$status kept"
  else
    echo "$status silent"
  fi
}

# Asks the clone from its own network, with the programs of this host.
in_clones_network() {
  local pid
  pid=$(lxc-info -P "$lxc_path" -n "$clone" -pH) || return 1
  timeout 60 nsenter -t "$pid" -n -- bash -c "$(declare -f read_answer ask_twice); \"\$@\"" bash "$@"
}

# verify_kept PAGE: fails when a connection that was to be kept is closed without a word.
verify_kept() {
  local said
  said=$(in_clones_network ask_twice 192.0.2.2 "$port" "$1") || said=nothing
  case $said in
    *silent) die "verify: $1: the application closes the connection after its answer ($said) and does not say so: it should answer with" \
      "'Connection: close', or keep it. HAProxy uses such a connection again and loses requests on it, POSTs for good (docs/templates.md)" ;;
    nothing) die "verify: $1: no whole answer on port $port" ;;
  esac
  say "$name: $1: ${said%% *}, connection: ${said#* }"
}

# A template that was not made here: does it answer, and what does it do with its connections?
verify_other() {
  local try page
  [[ ${#pages[@]} -gt 0 ]] || pages=(/)
  make_clone
  for try in {1..600}; do
    [[ $(in_clones_network ask_twice 192.0.2.2 "$port" "${pages[0]}" 2> /dev/null) != nothing ]] && break
    [[ $try -lt 600 && -n $(lxc-info -P "$lxc_path" -n "$clone" -pH 2> /dev/null) ]] || die "verify: no answer on port $port in a minute"
    sleep 0.1
  done
  for page in "${pages[@]}"; do verify_kept "$page"; done
  destroy_container "$lxc_path" "$clone" 0 || die "verify: $clone cannot be destroyed"
  clone=''
  say "$name: verified"
}

# --- the template of make-template ---

inside() { lxc-attach -P "$lxc_path" -n "$clone" --clear-env -- "$@"; }

page() { inside /bin/wget -q -O - "http://127.0.0.1:8080/$1"; }

verify_template() {
  local try before milliseconds answer page
  make_clone
  for try in {1..200}; do
    answer=$(page gear.txt 2> /dev/null) && break
    [[ $try -lt 200 ]] || die "verify: no answer of the clone's web server in 10 s"
    sleep 0.05
  done
  [[ $answer == "$clone" ]] || die "verify: /gear.txt says '$answer', not '$clone'"
  for page in gear 'wait?10' 'begin?10' 'turn?10'; do
    [[ $(page "cgi-bin/$page") == "$clone" ]] || die "verify: /cgi-bin/$page does not answer"
  done
  page "cgi-bin/wait?abc" > /dev/null 2>&1 && die "verify: /cgi-bin/wait?abc was not refused"
  for page in / /gear.txt /cgi-bin/gear '/cgi-bin/wait?10' '/cgi-bin/wait?abc'; do verify_kept "$page"; done
  inside /bin/sh -ec 'mv /var/app/data /var/app/old; mkdir -p /var/app/data; echo new > /var/app/data/first.txt; rm -r /var/app/old
    mkdir /var/www2; cp -a /var/www/. /var/www2; rm -r /var/www; mv /var/www2 /var/www; test ! -e /var/app/data/reports' ||
    die "verify: directories of the template cannot be replaced in a clone"
  before=$(date +%s%3N)
  lxc-stop -P "$lxc_path" -n "$clone" -t 5 || die "verify: the clone does not stop within 5 s"
  milliseconds=$(($(date +%s%3N) - before))
  destroy_container "$lxc_path" "$clone" 0 || die "verify: $clone cannot be destroyed"
  clone=''
  say "$name: verified: pages, programs and directories of a clone are in order; it stopped in $milliseconds ms"
}
