#!/usr/bin/env bash
# Step: a minimal Debian in the chroot folder, with the host's mirror and apt proxy settings, and backports enabled.
# Built beside its final place and renamed when whole; the downloaded packages survive a cut-off run.
# On failure: the mirror must be reachable and carry the release and its backports; then run the set-up again.
set -euo pipefail
# shellcheck source=interop-tests/setup/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

partial=$ROOT.partial
debs=$VFIO_USER_CACHE/debs
mirror=$(debian_mirror)
include=()
case $mirror in https:*) include=(--include=ca-certificates) ;; esac

# A cut-off debootstrap may have left /proc or /sys mounted: unmount before anything is removed.
for folder in "$partial" "$ROOT"; do
  awk -v f="$folder/" 'index($2, f) == 1 { print $2 }' /proc/self/mounts | sort -r | xargs -r umount -l
done
rm -rf --one-file-system "$partial" "$ROOT"
mkdir -p "$debs"
echo "debootstrap $SUITE from $mirror"
debootstrap --variant=minbase --cache-dir="$debs" "${include[@]}" "$SUITE" "$partial" "$mirror"

cat >"$partial/etc/apt/sources.list" <<LIST
deb $mirror $SUITE main
deb $mirror $SUITE-backports main
LIST
# No service starts in a chroot; no manuals or translations are needed there.
printf '#!/bin/sh\nexit 101\n' >"$partial/usr/sbin/policy-rc.d"
chmod +x "$partial/usr/sbin/policy-rc.d"
printf 'path-exclude=/usr/share/%s/*\n' doc man locale info >"$partial/etc/dpkg/dpkg.cfg.d/lean"
echo 'Acquire::Languages "none";' >"$partial/etc/apt/apt.conf.d/50lean"
apt-config dump | grep -E '^Acquire::(http|https)::.*[Pp]roxy' >"$partial/etc/apt/apt.conf.d/50host-proxy" || true
case $mirror in https:*) cp -L /etc/ssl/certs/ca-certificates.crt "$partial/etc/ssl/certs/" ;; esac
cp -L /etc/resolv.conf "$partial/etc/resolv.conf"

mv "$partial" "$ROOT"
in_root apt-get update
rm -rf "$debs"
