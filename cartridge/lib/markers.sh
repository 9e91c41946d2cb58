# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Puts the two markers of the managed block into a user's own haproxy.cfg and takes them out again, byte for byte. The result replaces
# the file only after HAProxy accepted it. Sourced after cartridge.sh.
: "${new_file:=}"

begin_marker() { printf '# BEGIN gearscale gears of %s - managed, do not edit' "$1"; }
end_marker() { printf '# END gearscale gears of %s' "$1"; }

# survey FILE BACKEND: sets sections (how many are called so), last_line (of the section that says something), carriage_return (yes|no), indent,
# begins and ends (how many markers there are), begin_at and end_at (their lines), inside (yes when both are in the section, in order).
survey() {
  local line
  if [[ $(tr -d '\0' < "$1" | wc -c) != $(wc -c < "$1") ]]; then die_config "$1: not a text file"; fi
  sections=0 last_line=0 carriage_return=no indent='    ' begins=0 ends=0 begin_at=0 end_at=0 inside=no
  while IFS= read -r line; do
    printf -v "${line%%=*}" '%s' "${line#*=}"
  done < <(LC_ALL=C awk -v backend="$2" -v begin="$(begin_marker "$2")" -v end="$(end_marker "$2")" '
    BEGIN { count = split("global defaults frontend backend listen peers userlist resolvers mailers cache program http-errors ring fcgi-app " \
        "log-forward crt-store log-profile acme traces", words, " "); for (i = 1; i <= count; i++) keyword[words[i]] = 1 }
    { text = $0; cr = sub(/\r$/, "", text); lead = text; sub(/[^ \t].*$/, "", lead); sub(/^[ \t]+/, "", text); sub(/[ \t]+$/, "", text)
      split(text, word, /[ \t]+/)
      if (text == begin) { begins++; begin_at = NR; begin_in = in_section }
      else if (text == end) { ends++; end_at = NR; end_in = in_section }
      else if (text == "" || substr(text, 1, 1) == "#") next
      else if (word[1] in keyword) {
        in_section = (word[1] == "backend" || word[1] == "listen") && word[2] == backend
        if (in_section) { sections++; last_line = NR; carriage_return = cr ? "yes" : "no" }
        next
      }
      if (in_section) { last_line = NR; if (lead != "") indent = lead } }
    END { print "sections=" sections + 0; print "last_line=" last_line + 0; print "carriage_return=" carriage_return
      if (indent != "") print "indent=" indent
      print "begins=" begins + 0; print "ends=" ends + 0; print "begin_at=" begin_at + 0; print "end_at=" end_at + 0
      print "inside=" ((begins == 1 && ends == 1 && begin_in && end_in && begin_at < end_at) ? "yes" : "no") }' "$1")
}

# check_section FILE BACKEND: after survey; one section, and no markers or a proper pair.
check_section() {
  [[ $sections -ne 0 ]] || die_config "$1: there is no section 'backend $2' or 'listen $2' in it: add one, or name yours with --backend"
  [[ $sections -eq 1 ]] || die_config "$1: there are $sections sections called $2: the gears need to know which one"
  [[ $begins -eq 0 && $ends -eq 0 ]] || [[ $inside == yes ]] ||
    die_config "$1: its gearscale markers are not one pair inside '$2' ($begins BEGIN, $ends END): put that right, or take them all out"
}

# replace_file FILE NEW: NEW (in the same directory) takes FILE's place with FILE's owner and mode, once HAProxy has accepted it.
replace_file() {
  chown --reference="$1" "$2"
  chmod --reference="$1" "$2"
  check_haproxy_cfg "$2" "$1 (left as it is) with the change"
  sync "$2"
  mv -f "$2" "$1"
  sync "$(dirname "$1")"
}

# insert_markers FILE BACKEND BACKUP: an empty block at the end of the section. BACKUP gets the file as it was, before it changes.
# HAProxy refuses a file whose last line has no line end, so there is always one to go on after.
insert_markers() {
  local file=$1 backend=$2 backup=$3 line_end=$'\n'
  survey "$file" "$backend"
  check_section "$file" "$backend"
  [[ $inside == no ]] || return 0
  [[ $carriage_return == no ]] || line_end=$'\r\n'
  new_file_beside "$file"
  {
    head -n "$last_line" "$file"
    printf '%s%s%s' "$indent" "$(begin_marker "$backend")" "$line_end" "$indent" "$(end_marker "$backend")" "$line_end"
    tail -n "+$((last_line + 1))" "$file"
  } > "$new_file"
  cp -p "$file" "$backup"
  replace_file "$file" "$new_file"
  say "$file: markers put into '$backend' (the file as it was: $backup)"
}

# remove_markers FILE BACKEND BACKUP: the gears' lines go, and the markers too if it was us who put them there (then there is a BACKUP).
# Everything else stays byte for byte.
remove_markers() {
  local file=$1 backend=$2 backup=$3
  if [[ ! -f $file ]]; then
    say "$file: not there any more"
    return
  fi
  survey "$file" "$backend"
  [[ $begins -ne 0 || $ends -ne 0 ]] || return 0
  [[ $inside == yes ]] || die_config "$file: its gearscale markers are not one pair inside '$backend' ($begins BEGIN, $ends END): take them out by hand"
  if [[ ! -f $backup ]]; then
    begin_at=$((begin_at + 1)) end_at=$((end_at - 1))
  fi
  new_file_beside "$file"
  {
    head -n "$((begin_at - 1))" "$file"
    tail -n "+$((end_at + 1))" "$file"
  } > "$new_file"
  if cmp -s "$file" "$new_file"; then return; fi
  replace_file "$file" "$new_file"
  say "$file: the gears' block taken out of '$backend'"
}

# warn_about_stickiness FILE BACKEND: dynamic servers get a cookie only the dynamic way.
warn_about_stickiness() {
  local found
  found=$(LC_ALL=C awk -v backend="$2" '$1 ~ /^(global|defaults|frontend|backend|listen)$/ { inside = ($1 == "backend" || $1 == "listen") && $2 == backend }
    inside && $1 == "cookie" && / dynamic([ \t\r]|$)/ { cookie = 1 } inside && $1 == "dynamic-cookie-key" { key = 1 } END { print cookie + key }' "$1")
  [[ $found -eq 2 ]] ||
    warn "note: '$2' in $1 lets clients change gears: 'cookie GEAR insert indirect nocache dynamic' and 'dynamic-cookie-key SECRET' in it would keep them"
}

# warn_about_retries FILE BACKEND: what HAProxy does with a request whose gear dies before it answers. A line of the backend counts before one of the
# `defaults` above it.
warn_about_retries() {
  local found
  found=$(LC_ALL=C awk -v backend="$2" '$1 ~ /^(global|defaults|frontend|backend|listen)$/ {
      inside = ($1 == "backend" || $1 == "listen") && $2 == backend; above = $1 == "defaults"
      if (above) retry = mode = ""
      if (inside) { its_retry = retry; its_mode = mode } }
    $1 == "retry-on" { said = / (empty-response|all-retryable-errors)([ \t\r]|$)/ ? "again" : ""; if (above) retry = said; if (inside) its_retry = said }
    $1 == "mode" { if (above) mode = $2; if (inside) its_mode = $2 }
    inside && $1 == "http-request" && $2 ~ /^disable-l7-retry/ { once = 1 }
    END { if (its_mode !~ /^http/) print "tcp"; else if (its_retry == "") print "loses"; else if (!once) print "repeats" }' "$1")
  case $found in
    loses) warn "note: '$2' in $1 loses a GET whose gear dies: the lines in docs/configuration.md, \"Requests and the death of a gear\", would send it to another gear" ;;
    repeats) warn "note: '$2' in $1 repeats also a POST whose gear dies: 'http-request disable-l7-retry unless { method GET HEAD OPTIONS }' in it would not" ;;
  esac
}

# stats_socket_of FILE: the path of the first `stats socket` with level admin.
stats_socket_of() {
  LC_ALL=C awk '$1 == "stats" && $2 == "socket" && / level[ \t]+admin/ { path = $3; sub(/^unix@/, "", path); if (path ~ /^\//) { print path; exit } }' "$1"
}
