#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# make-template --verify on templates of its own and of others: one that closes kept connections without saying so is found.
set -euo pipefail
# shellcheck source=tests/integration/farm.sh
. "$(dirname "$0")/farm.sh"
farm_begin verify 10.77.58
farm_tell() { :; }
make_template=$top/scripts/make-template
said=$work/said
says() { "$make_template" "$@" --lxc-path "$lxcpath" > "$said" 2>&1; }
exits_with() { local want=$1 code=0; shift; says "$@" || code=$?; [[ $code == "$want" ]] || { cat "$said"; return 1; }; }
said_so() { grep -qF -- "$1" "$said" || { cat "$said"; return 1; }; }
only() { [[ $(lxc-ls -P "$lxcpath" -1 | xargs -n 1 | sort | xargs) == "$*" ]]; }
# other NAME: the template as somebody else's, whose programs below /cgi-bin answer as stdin says
other() {
  cp -a "$lxcpath/$template" "$lxcpath/$1"
  sed -i "/^# gearscale template/d; s|/$template/|/$1/|; s|^lxc.uts.name = .*|lxc.uts.name = $1|" "$lxcpath/$1/config"
  cat > "$lxcpath/$1/rootfs/var/www/cgi-bin/gear"
}

check 'a template is made and verified' exits_with 0 "$template" --verify
check 'its programs say that they close' said_so "/cgi-bin/gear: 200, connection: closes and says so"
check 'verified again it is only tried' exits_with 0 "$template" --verify
check 'nothing is left of its clone' only "$template"
check 'a port without --verify is refused' exits_with 2 "$template" --port 80
check 'so is a page that is none' exits_with 2 "$template" --verify --page 'a b'

other mute << 'END'
#!/bin/sh
printf 'Content-Type: text/plain\r\nContent-Length: 2\r\n\r\nx\n'
END
check 'the page of another template that says that it closes is in order' exits_with 0 mute --verify --page /gear.txt
check 'it is told' said_so '/gear.txt: 200, connection: closes and says so'
check 'one that closes a kept connection silently is not' exits_with 1 mute --verify --page /gear.txt --page /cgi-bin/gear
check 'which page does it is told' said_so "verify: /cgi-bin/gear: the application closes the connection after its answer (200 silent) and does not say so"
printf '#!/bin/sh\nprintf "Transfer-Encoding: chunked\\r\\n\\r\\n2\\r\\nx\\n\\r\\n0\\r\\n\\r\\n"\n' > "$lxcpath/mute/rootfs/var/www/cgi-bin/gear"
check 'the same in chunks is found, too' exits_with 1 mute --verify --page /cgi-bin/gear
cat > "$lxcpath/mute/rootfs/var/www/cgi-bin/gear" << 'END'
#!/bin/sh
printf 'Content-Type: text/plain\r\n\r\nx\n'
END
check 'an answer without a length ends with its connection' exits_with 0 mute --verify --page /cgi-bin/gear
check 'nothing is left of the clones' only "$template" mute
check 'a template that is not ours is not made anew' exits_with 2 mute

# --- an application that keeps its connections ---
printf 'defaults\n  mode http\n  timeout client 5s\nfrontend f\n  bind 127.0.0.1:%s\n  http-request return status 200 content-type text/plain string "x"\n' "$port" > "$work/app.cfg"
haproxy -db -f "$work/app.cfg" > /dev/null 2>&1 &
clients+=("$!")
answers() { curl -s -o /dev/null -m 1 "$url/"; }
await 5 answers
asked_twice() {
  # shellcheck disable=SC2034 # what verify.sh wants to know
  local name=x lxc_path=/x clone='' pages=()
  # shellcheck source=scripts/lib/verify.sh
  . "$top/scripts/lib/verify.sh"
  ask_twice 127.0.0.1 "$1" /
}
check 'one that keeps a connection is known' test "$(asked_twice "$port")" = '200 kept'
check 'where nobody listens nothing is' test "$(asked_twice 1)" = nothing
