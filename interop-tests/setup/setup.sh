#!/usr/bin/env bash
# Prepares QEMU 11.1 and the test guest in a cache folder outside the clone. Run as root; run it as often as you like:
# finished steps are skipped, a cut-off run continues, a second run waits for the first.
# Progress goes to stderr; stdout gets the paths as name=value lines (read by src/setup.ts).
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=interop-tests/setup/lib.sh
. "$here/lib.sh"

[ "$(uname -m)" = x86_64 ] || die "needs an x86_64 host (this one is $(uname -m))"
[ "$(id -u)" = 0 ] || die "needs root (debootstrap and chroot): run it as root or in a container"
command -v apt-get >/dev/null || die "needs a Debian or Ubuntu host (no apt-get here)"
lock_cache

started=$SECONDS
previous=none

# step NAME: runs NAME.sh unless its stamp says the same script already ran on the same previous steps.
# EXTRA files the step depends on may follow.
step() {
  local name=$1 script=$here/$1.sh stamp=$VFIO_USER_CACHE/stamps/$1 log=$VFIO_USER_CACHE/logs/$1.log key begin
  shift
  key=$({ echo "$SUITE $previous"; cat "$script" "$@"; } | sha256sum | cut -c1-16)
  previous=$key
  [ "$(cat "$stamp" 2>/dev/null)" = "$key" ] && return
  rm -f "$stamp"
  begin=$SECONDS
  say "$name ... (log: $log)"
  if ! bash "$script" >"$log" 2>&1 9>&-; then
    tail -n 15 "$log" | sed 's/^/    /' >&2
    say "$name FAILED after $((SECONDS - begin)) s"
    say "what to do: $(sed -n 's/^# On failure: //p' "$script")"
    exit 1
  fi
  echo "$key" >"$stamp.new" && mv "$stamp.new" "$stamp"
  say "$name done in $((SECONDS - begin)) s"
}

step host-packages
step root
step qemu
step kernel "$here/extract-vmlinux.sh"
step initramfs "$here/pack-lib.sh" "$here/pack-initramfs.sh"
image=$(bash "$here/image.sh")

# Socket folders of runs that were killed.
mkdir -p "$ROOT/run/vfio-user"
find "$ROOT/run/vfio-user" -mindepth 1 -maxdepth 1 -mmin +1440 -exec rm -rf {} +

say "ready ($((SECONDS - started)) s, $VFIO_USER_CACHE)"
printf 'root=%s\nqemu=%s\nkernel=%s\ninitramfs=%s\n' "$ROOT" /usr/bin/qemu-system-x86_64 /srv/guest/vmlinux "$image"
