#!/usr/bin/env bash
# Prepares what runs interop-tests/python: the host's Python with msgpack, and Debian's Python for a big-endian machine
# (s390x) with an emulator for it. Run as root; run it as often as you like: what is there is kept, and a cut-off run
# continues. Progress goes to stderr; stdout gets the paths as name=value lines (read by src/python.ts).
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=interop-tests/setup/lib.sh
. "$here/lib.sh"

[ "$(id -u)" = 0 ] || die "needs root to install packages: run it as root or in a container"
command -v apt-get >/dev/null || die "needs a Debian or Ubuntu host (no apt-get here)"
lock_cache

started=$SECONDS
DEBIAN_KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg # for the s390x packages
log=$VFIO_USER_CACHE/logs/python.log
: >"$log"
key=$(sha256sum <"$here/python-s390x.sh" | cut -c1-16)
machine=$VFIO_USER_CACHE/s390x-$key

# part WHAT COMMAND...: runs the command with its output in the log, and says how it went. The command inherits the lock:
# where this script is killed, the next run waits for what it left behind.
part() {
  local what=$1 begin=$SECONDS
  shift
  say "$what ... (log: $log)"
  "$@" >>"$log" 2>&1 || {
    tail -n 15 "$log" | sed 's/^/    /' >&2
    die "$what FAILED: does \`apt-get update\` work on this machine? Then run this again."
  }
  say "$what done in $((SECONDS - begin)) s"
}

install_on_host() {
  local options=(-y --no-install-recommends -o DPkg::Lock::Timeout=300)
  apt-get install "${options[@]}" "$@" || { apt-get update && apt-get install "${options[@]}" "$@"; }
}

if [ ! -e "$DEBIAN_KEYRING" ] || ! /usr/bin/python3 -c 'import msgpack' 2>>"$log"; then
  part "python3-msgpack for this host" install_on_host python3-msgpack debian-archive-keyring
fi
if [ ! -d "$machine" ]; then
  rm -rf "$VFIO_USER_CACHE"/s390x-*
  part "python for s390x" bash "$here/python-s390x.sh" "$DEBIAN_KEYRING" "$machine"
fi

say "python ready ($((SECONDS - started)) s, $VFIO_USER_CACHE)"
printf 'native=%s\nemulator=%s\nroot=%s\n' /usr/bin/python3 "$machine/emulator" "$machine/root"
