#!/usr/bin/env bash
# Makes an image with RDMA in software for guests: kernel modules, libibverbs, and the tools to set it up and measure it.
# Needs setup.sh to have run; prints the image's path inside the chroot. The name holds the hash of the recipe.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=interop-tests/setup/lib.sh
. "$here/lib.sh"

lock_cache
version=$(cat "$GUEST/version")
recipe=("$here"/pack-{lib,rdma}.sh)
key=$({ echo "$version"; cat "$here/rdma-image.sh" "${recipe[@]}"; } | sha256sum | cut -c1-16)
image=$GUEST/rdma-$key.squashfs
if [ ! -e "$image" ]; then
  root_tool mksquashfs squashfs-tools
  root_tool rdma iproute2
  root_tool ibv_devinfo ibverbs-utils
  root_tool ib_write_lat perftest
  log=$VFIO_USER_CACHE/logs/rdma-image.log
  say "packing RDMA ... (log: $log)"
  find "$GUEST" -name 'rdma-*.squashfs*' -mtime +7 -delete
  cat "${recipe[@]}" | in_root bash -s -- "$version" "${image#"$ROOT"}" >"$log" 2>&1 || die "packing RDMA FAILED"
fi
touch "$image"
printf 'image=%s\n' "${image#"$ROOT"}"
