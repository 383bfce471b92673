#!/usr/bin/env bash
# Makes the guest image: the base initramfs followed by a small archive of our init and test scripts (the kernel unpacks
# one after the other). The name holds the scripts' hash, so clones with different scripts share one cache.
# Prints the image's path inside the chroot.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=interop-tests/setup/lib.sh
. "$here/lib.sh"

scripts=$(cd "$here/../guest" && pwd)
key=$(cat "$here/image.sh" "$scripts"/*.sh "$scripts"/tests/*.sh | sha256sum | cut -c1-16)
image=$GUEST/image-$key.cpio
if [ ! -e "$image" ]; then
  find "$GUEST" -name 'image-*.cpio' -mtime +7 -delete
  stage=$(mktemp -d "$ROOT/tmp/image.XXXXXX")
  trap 'rm -rf "$stage"' EXIT
  mkdir "$stage/tests"
  install -m 755 "$scripts/init.sh" "$stage/init"
  for library in lib rdma; do install -m 644 "$scripts/$library.sh" "$stage/tests/$library"; done
  install -m 644 "$scripts"/tests/*.sh "$stage/tests/"
  in_root sh -c "cd '${stage#"$ROOT"}' && find . -print0 | cpio --null -o -H newc -R 0:0 --quiet" >"$image.scripts"
  cat "$GUEST/base.cpio" "$image.scripts" >"$image.new"
  rm "$image.scripts"
  mv "$image.new" "$image"
fi
touch "$image"
printf '%s\n' "${image#"$ROOT"}"
