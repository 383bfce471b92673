#!/usr/bin/env bash
# Takes the ELF kernel out of a bzImage: extract-vmlinux.sh BZIMAGE VMLINUX. Runs inside the chroot.
# The offsets are those of the x86 boot protocol's setup header (setup_sects, payload_offset, payload_length).
set -euo pipefail
image=$1 vmlinux=$2

number() { od -A n -t "u$2" -j $(($1)) -N "$2" "$image" | tr -d ' '; }
start=$((($(number 0x1f1 1) + 1) * 512 + $(number 0x248 4)))
bytes=$(number 0x24c 4)

magic=$(od -A n -t x1 -j "$start" -N 4 "$image" | tr -d ' ')
case $magic in
  fd377a58) unpack=(xz -dc --single-stream) ;;
  28b52ffd) unpack=(zstd -dcq) ;;
  1f8b*) unpack=(gzip -dc) ;;
  *) echo "unknown kernel compression (magic $magic)"; exit 1 ;;
esac
# The payload ends with its unpacked size, which the unpackers take for garbage: judge by the result, not the exit code.
tail -c +$((start + 1)) "$image" | head -c "$bytes" | "${unpack[@]}" >"$vmlinux" || true
[ "$(od -A n -t x1 -N 4 "$vmlinux" | tr -d ' ')" = 7f454c46 ] || { echo "the unpacked kernel is no ELF file"; exit 1; }
ls -l "$vmlinux"
