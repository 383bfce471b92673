# Shared by the set-up scripts (source it, do not run it): folder names, messages, and what a step may use.
# Everything outside the clone lives in $VFIO_USER_CACHE; the chroot that holds QEMU and the guest's parts is $ROOT.
# shellcheck shell=bash

VFIO_USER_CACHE=$(realpath -m "${VFIO_USER_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vfio-user}")
ROOT=$VFIO_USER_CACHE/root       # Debian system with QEMU, used by chroot
GUEST=$ROOT/srv/guest            # kernel and initramfs, inside the chroot because QEMU reads them there
SUITE=trixie                     # the Debian release whose backports carry QEMU 11.1
export VFIO_USER_CACHE ROOT GUEST SUITE
export LC_ALL=C DEBIAN_FRONTEND=noninteractive

say() { printf 'set-up: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

# Keeps the cache to this process and those it starts: another set-up waits until it ends.
lock_cache() {
  mkdir -p "$VFIO_USER_CACHE"/{stamps,logs}
  exec 9>"$VFIO_USER_CACHE/lock"
  flock -n 9 && return
  say "another set-up is running on $VFIO_USER_CACHE, waiting for it"
  flock 9
}

# Runs a program in the chroot with a plain environment (proxy settings are kept for apt).
in_root() {
  chroot "$ROOT" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C DEBIAN_FRONTEND=noninteractive \
    ${http_proxy:+http_proxy="$http_proxy"} ${https_proxy:+https_proxy="$https_proxy"} ${no_proxy:+no_proxy="$no_proxy"} "$@"
}

# apt in the chroot. A run that was cut short leaves packages half configured: finish them first.
root_install() {
  in_root dpkg --configure -a
  in_root apt-get install -y --no-install-recommends -o Acquire::Retries=3 "$@"
}

# root_tool COMMAND PACKAGE: a Debian package in the chroot, installed when its command is missing there.
root_tool() {
  local log=$VFIO_USER_CACHE/logs/$2.log
  in_root sh -c "command -v $1" >/dev/null && return
  say "installing $2 in $ROOT ... (log: $log)"
  { root_install "$2" || { in_root apt-get update && root_install "$2"; }; } >"$log" 2>&1 9>&- ||
    die "installing $2 FAILED: does \`chroot $ROOT apt-get update\` work?"
}

# The Debian mirror the host's own apt uses; Debian's default where the host is not a Debian system.
debian_mirror() {
  local uri
  # shellcheck disable=SC2016  # $(...) is apt's own format, not the shell's
  uri=$(apt-get indextargets --format '$(ORIGIN)|$(LABEL)|$(REPO_URI)' 2>/dev/null | sed -n 's/^Debian|Debian|//p' | head -n 1) || true
  uri=${uri:-http://deb.debian.org/debian}
  printf '%s\n' "${uri%/}"
}
