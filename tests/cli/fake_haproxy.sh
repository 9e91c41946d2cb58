#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# One exchange of an HAProxy that is not well: reads a command from stdin, answers on stdout. REPLIES is a directory with good answers.
set -euo pipefail
IFS= read -r command || exit 0
good=$REPLIES/info
[[ $command == 'show info'* ]] || good=$REPLIES/stat

case $1 in
  hang) cat > /dev/null ;;
  empty) ;;
  text) printf 'HTTP/1.0 400 Bad request\r\n\r\n' ;;
  noise) head -c 5000 /dev/urandom ;;
  endless) head -c 80000000 /dev/zero ;;
  old) sed 's/^Version:.*/Version: 2.4.22-1/' "$good" ;;
  strange-version) sed 's/^Version:.*/Version: newest/' "$good" ;;
  cut-info) head -c 30 "$good" ;;
  *)
    # From here on `show info` is in order, and what is wrong is wrong with `show stat`.
    if [[ $good == */info ]]; then cat "$good"; fi
    [[ $command != 'show info' ]] || exit 0  # a sample asks for both in one line
    good=$REPLIES/stat
    case $1 in
      stat-hangs) cat > /dev/null ;;
      stat-empty) ;;
      stat-noise) head -c 5000 /dev/urandom ;;
      stat-cut) head -c $(($(stat -c %s "$good") * 2 / 3)) "$good" ;;
      stat-no-end) head -c -1 "$good" ;;
      stat-no-column) sed '1s/,scur,/,current,/' "$good" ;;
      stat-bad-number) sed 's/^\(express,gear-[^,]*,[^,]*,[^,]*\),[^,]*/\1,many/' "$good" ;;
      stat-bad-state) sed 's/,UP,/,WELL,/' "$good" ;;
      stat-no-backend) printf 'No such proxy.\n\n' ;;
      *) printf 'Unknown command.\n' ;;
    esac
    ;;
esac
