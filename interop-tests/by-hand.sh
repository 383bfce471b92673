#!/usr/bin/env bash
# A guest with one of our devices and a shell in it, on this terminal:
#   interop-tests/by-hand.sh nvme --set size=128M
#   interop-tests/by-hand.sh gpio --set inputs=0xA5F0
# In the guest no driver is loaded: modprobe nvme, then cat /proc/partitions shows the disk. The scripts in /tests load
# what they need: sh /tests/nvme-io.sh (wants a disk of 128M), sh /tests/gpio.sh ...
# Leave with poweroff -f (or ctrl-A X, which ends QEMU).
# MEMORY=anonymous: guest memory without descriptors. SMP=2: two processors. The server's log is printed at the end.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
usage() { sed -n '2,/^[^#]/s/^# //p' "$0"; }
case ${1-} in
  '') usage >&2; exit 2 ;;
  -h | --help) usage; exit ;;
esac

answer=$(bash "$here/setup/setup.sh")
value() { sed -n "s/^$1=//p" <<<"$answer"; }
root=$(value root)
folder=$(mktemp -d "$root/run/vfio-user/XXXXXX")
server=
cleanup() {
  [ -z "$server" ] || kill "$server" 2>/dev/null || true
  [ ! -s "$folder/log" ] || { echo "the server's log:"; cat "$folder/log"; }
  rm -rf "$folder"
}
trap cleanup EXIT

device=$1
shift
# setsid: ctrl-C is for the guest, not for the server.
setsid node "$here/../packages/cli/bin/vfio-user.js" serve "$device" --listen "unix://$folder/device.sock" "$@" \
  >"$folder/out" 2>"$folder/log" </dev/null &
server=$!
until grep -qs '^listening ' "$folder/out"; do
  kill -0 "$server" 2>/dev/null || { echo "the $device server did not start"; exit 1; }
  sleep 0.1
done

# shellcheck disable=SC2054  # the commas are QEMU's
memory=(-object memory-backend-memfd,id=ram,size=512M,share=on -machine q35,memory-backend=ram)
[ "${MEMORY:-shared}" = shared ] || memory=(-machine q35)
chroot "$root" "$(value qemu)" -accel tcg,thread=multi -cpu Nehalem -smp "${SMP:-1}" -m 512M "${memory[@]}" \
  -nodefaults -no-user-config -display none -serial mon:stdio \
  -kernel "$(value kernel)" -initrd "$(value initramfs)" \
  -append "console=ttyS0 quiet mitigations=off tsc=reliable no_timer_check vfu.end=shell" \
  -device pcie-root-port,id=rp0,chassis=1,slot=1 \
  -device "{\"driver\":\"vfio-user-pci\",\"bus\":\"rp0\",\"socket\":{\"type\":\"unix\",\"path\":\"${folder#"$root"}/device.sock\"}}"
