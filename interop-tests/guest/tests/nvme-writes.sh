# nvme-writes [PASSES]: writes random data, in turn to a file of an ext4 file system and to the raw disk behind it, and reads
# it back past the page cache, PASSES times or until the host sends a line. All the time it reads the configuration space once
# a second. Prints WRITING when it begins to write, each time, and TOOK with the centiseconds of each access that took 20 or more.
. /tests/lib
slots=8                     # places that are written in turn
blocks=4                    # of 64 KiB, each time
raw=$((40 * 1024 / 64))     # where the file system has ended
nvme_start
modprobe ext4 || fail "modprobe ext4"
mkfs.ext4 -q -F "$disk" 32M || fail "mkfs.ext4"
mount -t ext4 "$disk" "$mountpoint" || fail "mount"
config=/sys/bus/pci/devices/$(nvme_address)/config
while sleep 1; do hexdump -n 4 -e '1/4 "%08x\n"' "$config"; done >/tmp/config &
reader=$!

centiseconds() { cut -d ' ' -f 1 /proc/uptime | tr -d .; }
# place SLOT: where that is, for dd; odd ones are raw.
place() {
  if [ $(($1 % 2)) = 0 ]; then target=$mountpoint/$1 at=0; else target=$disk at=$((raw + $1 * blocks)); fi
}
# access DD-OPTION...: one that is timed.
access() {
  local begin
  begin=$(centiseconds)
  if ! dd bs=64k "$@" 2>/dev/null; then
    dmesg | grep ' nvme ' | head -n 5
    fail "an access fails"
  fi
  took=$(($(centiseconds) - begin))
  [ $took -lt 20 ] || echo "TOOK $took"
}
verify() {
  place "$1"
  access if="$target" of=/tmp/read count=$blocks skip=$at iflag=direct
  sha256sum </tmp/read | cmp -s - "/tmp/sum.$1" || fail "place $1 has something else"
}

[ $# -gt 0 ] || (read -r _ </dev/ttyS0 && : >/tmp/enough) &
passes=0
while [ $passes != "${1:-}" ] && [ ! -e /tmp/enough ]; do
  slot=$((passes % slots))
  dd if=/dev/urandom of=/tmp/data bs=64k count=$blocks 2>/dev/null
  sha256sum </tmp/data >/tmp/sum.$slot
  place $slot
  echo "WRITING"
  block=0
  while [ $block -lt $blocks ]; do
    access if=/tmp/data of="$target" count=1 skip=$block seek=$((at + block)) conv=notrunc oflag=direct
    block=$((block + 1))
  done
  verify $slot
  passes=$((passes + 1))
done

kill $reader
umount "$mountpoint" || fail "umount"
mount -t ext4 "$disk" "$mountpoint" || fail "mount again"
slot=0
while [ $slot -lt $slots ] && [ $slot -lt $passes ]; do
  verify $slot
  slot=$((slot + 1))
done
umount "$mountpoint" || fail "umount again"
result passes $passes
result config "$(sort -u /tmp/config | tr '\n' ' ')"
result said "$(dmesg | grep -Ei 'timeout|reset|abort|I/O error|EXT4-fs.*error|JBD2' | grep -i 'nvme\|EXT4\|JBD2' | head -n 3 | tr '\n' ';')"
