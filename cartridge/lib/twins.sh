# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# One application of a name and namespace in one lxc_path: how setup finds the other one. Sourced by setup after cartridge.sh and containers.sh;
# uses its variables.
# shellcheck disable=SC2154,SC2034

# Sets lxc_path. An application of the same name and namespace that has gears there, or may have, is another one: nobody could tell their gears
# apart by name, and whoever set it up a second time most likely meant the first.
refuse_twin() {
  local other config
  lxc_path=/var/lib/lxc
  [[ $earlier == no ]] || lxc_path=$(read_settings lxc_path) || exit $?
  lxc_path=${settings[lxc_path]:-$lxc_path}
  is_safe_path "$lxc_path" || die_usage "lxc_path '$lxc_path': an absolute path of letters, digits and / . _ - + @ ~ please"
  record=$(application_record "$lxc_path" "$app" "$namespace") twin=''
  for other in "$(head -c 4096 "$record" 2> /dev/null || true)" "/var/lib/gearscale/$app/haproxy-1.4"; do
    if is_twin "$other"; then twin=$other; fi
  done
  if [[ $earlier == yes ]]; then
    [[ -z $twin ]] || warn "$twin: another application of the name $app and namespace '$namespace': tear one of them down"
    return
  fi
  [[ -z $twin ]] || die_config "$twin: the application $app with namespace '$namespace' is set up there already: repeat that with --home $(cat "$twin/env/OPENSHIFT_HOMEDIR"), or choose another --app or --namespace"
  for config in "$lxc_path/$app"-*/config; do
    is_twins_gear "$config" || continue
    die_config "$(dirname "$config"): a gear of another application of this name and namespace (lxc.group = $(config_value "$config" lxc.group)): give that one's --home; where it is gone, the --uuid behind its '@', or lxc-destroy it; or choose another --app or --namespace"
  done
}

# is_twin HAPROXY_DIR: an installation beside ours, of the same application in the same lxc_path.
is_twin() {
  [[ -n $1 && -f $1/conf/setup.record && ! $1 -ef $haproxy_dir ]] || return 1
  [[ $(cat "$1/env/OPENSHIFT_APP_NAME") == "$app" && $(cat "$1/env/OPENSHIFT_NAMESPACE") == "$namespace" ]] || return 1
  local its_path
  its_path=$(HAPROXY_DIR=$1 settings_tool=$bin_dir/haproxy_ctld read_settings lxc_path) || return 0  # better one too many
  [[ $its_path == "$lxc_path" || $its_path -ef $lxc_path ]]
}

is_twins_gear() {
  local name mark=gearscale/$app${namespace:+/$namespace} group
  name=$(basename "$(dirname "$1")")
  [[ -f $1 && ! -L $1 && $name =~ ^"$app"-[0-9a-f]{8}"${namespace:+-$namespace}"$ ]] || return 1
  group=$(config_value "$1" lxc.group)
  [[ $group == "$mark" || ( $group == "$mark@"* && $group != "$mark@$uuid" ) ]]
}
