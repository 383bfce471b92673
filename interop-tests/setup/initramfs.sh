#!/usr/bin/env bash
# Step: the base initramfs, that is busybox, kernel modules and tools, all taken from the chroot. Our own init and test
# scripts are not in it: image.sh adds them, so that editing a script does not rebuild this.
# On failure: the log names the module or tool that is missing.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=interop-tests/setup/lib.sh
. "$here/lib.sh"

cat "$here"/pack-{lib,initramfs}.sh | in_root bash -s -- "$(cat "$GUEST/version")" /srv/guest/base.cpio
rm -f "$GUEST"/image-*.cpio
