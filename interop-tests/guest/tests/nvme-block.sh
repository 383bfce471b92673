# Writes one block of 4 KiB to the NVMe disk and reads it back: little traffic, for recordings.
. /tests/lib
nvme_start
yes vfio-user | head -c 4096 >/tmp/written
dd if=/tmp/written of="$disk" bs=4k count=1 seek=256 oflag=direct 2>/dev/null || fail "write"
dd if="$disk" of=/tmp/read bs=4k count=1 skip=256 iflag=direct 2>/dev/null || fail "read"
cmp /tmp/written /tmp/read || fail "the device gives back something else"
result model "$(tr ' ' _ </sys/class/nvme/nvme0/model | sed 's/_*$//')"
