#!/usr/bin/env bash
# Step: Debian's current kernel package, downloaded and unpacked (not installed), and its vmlinux: QEMU starts that
# through the PVH entry, which under software emulation saves most of the boot time.
# On failure: needs the mirror; remove the stamps folder in the cache if the package list there is out of date.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=interop-tests/setup/lib.sh
. "$here/lib.sh"

find_package() { in_root apt-cache depends linux-image-amd64 | awk '$1 == "Depends:" && $2 ~ /^linux-image-/ { print $2; exit }'; }
in_root apt-get update
package=$(find_package)
[ -n "$package" ] || { echo "apt names no kernel behind linux-image-amd64"; exit 1; }
version=${package#linux-image-}
echo "kernel $version"

rm -rf "$GUEST"
mkdir -p "$GUEST/kernel"
in_root sh -c "cd /srv/guest && apt-get download -o APT::Sandbox::User=root -o Acquire::Retries=3 $package && dpkg-deb -x ./*.deb kernel && rm ./*.deb"
in_root bash -s -- "/srv/guest/kernel/boot/vmlinuz-$version" /srv/guest/vmlinux <"$here/extract-vmlinux.sh"
echo "$version" >"$GUEST/version"
