# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# A Debian 13 in a directory: its compilers, HAProxy and LXC, with the kernel, the network and the cgroups of this machine.
# Sourced after common.sh.

# debian_mirror: where this machine's apt has Debian itself from.
debian_mirror() { apt-get indextargets --format "\$(REPO_URI)" 'Created-By: Packages' 'Origin: Debian' 'Label: Debian' | head -n 1; }

# make_debian13 ROOT: once; half of one is made anew. Nothing that is installed in it is started.
make_debian13() {
  local mirror proxy
  if [[ -f $1/made-by-gearscale ]]; then
    say "$1: there already"
    return
  fi
  rm -rf --one-file-system "$1"
  mirror=$(debian_mirror)
  [[ -n $mirror ]] || die "Debian 13: apt knows no mirror of Debian: run apt-get update, or look at its sources"
  proxy=$(apt-config dump --format '%v' Acquire::http::Proxy)
  mmdebstrap --quiet --variant=minbase --include=ca-certificates ${proxy:+"--aptopt=Acquire::http::Proxy \"$proxy\""} trixie "$1" "$mirror" ||
    die "Debian 13: mmdebstrap failed: the lines above say why"
  printf '#!/bin/sh\nexit 101\n' > "$1/usr/sbin/policy-rc.d"
  chmod 755 "$1/usr/sbin/policy-rc.d"
  mkdir -p "$1/gearscale" "$1/old"
  touch "$1/made-by-gearscale"
}

# in_debian13 ROOT SOURCE BUILD COMMAND...: runs it in the sources, as the root of a mount namespace: unlike in a chroot, LXC can do the same
# once more for its containers. BUILD takes the place of the sources' own build directory.
in_debian13() {
  # shellcheck disable=SC2016  # for the other shell
  unshare --mount --propagation private bash -euc '
    mount --bind "$0" "$0"
    for place in proc sys dev; do mount --rbind "/$place" "$0/$place"; done
    mount --bind "$1" "$0/gearscale"
    mount --bind "$2" "$0/gearscale/build"
    shift 2
    cd "$0"
    pivot_root . old
    umount -l /old
    mount -t tmpfs tmpfs /run
    cd /gearscale
    exec "$@"' "$@"
}
