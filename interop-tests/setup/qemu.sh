#!/usr/bin/env bash
# Step: QEMU from backports (11.1 or newer, the first with the vfio-user-pci device) in the chroot, and the tools the
# guest image is made of. apt continues where a cut-off run stopped.
# On failure: see whether the mirror's backports still carry QEMU 11.1 or newer; then run the set-up again.
set -euo pipefail
# shellcheck source=interop-tests/setup/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

root_install busybox-static cpio kmod xz-utils zstd e2fsprogs gpiod pciutils
root_install -t "$SUITE-backports" qemu-system-x86
in_root apt-get clean

in_root qemu-system-x86_64 --version
in_root qemu-system-x86_64 -device help 2>/dev/null | grep vfio-user-pci ||
  { echo "this QEMU has no vfio-user-pci device"; exit 1; }
