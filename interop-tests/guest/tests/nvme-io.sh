# Makes an ext4 file system on the NVMe disk, writes MIB (default 64) MiB of random data, syncs, and prints its checksum
# as written and as read back from the device.
. /tests/lib
mib=${1:-64}
nvme_start
modprobe ext4 || fail "modprobe ext4"
mkfs.ext4 -q -F "$disk" || fail "mkfs.ext4"
mount -t ext4 "$disk" "$mountpoint" || fail "mount"
# The checksum is taken on the way to the disk, so that it does not depend on what the device gives back.
dd if=/dev/urandom bs=64k count=$((mib * 16)) 2>/dev/null | tee "$payload" | sha256sum >/tmp/written || fail "write"
sync
[ "$(stat -c %s "$payload")" = $((mib * 1048576)) ] || fail "the file is short"
umount "$mountpoint" || fail "umount"
result written "$(cut -d ' ' -f 1 /tmp/written)"
result bytes $((mib * 1048576))
result model "$(tr ' ' _ </sys/class/nvme/nvme0/model | sed 's/_*$//')"
payload_checksum
