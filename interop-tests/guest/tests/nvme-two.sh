# Waits for two NVMe disks, writes to each, and prints what Linux tells them apart by.
. /tests/lib
nvme_start
wait_for 60 test -b /dev/nvme1n1 || fail "no second disk after 60 s"
for name in nvme0 nvme1; do
  result "$name" "$(tr -d ' ' </sys/class/nvme/$name/serial)"
  result "$name-subsystem" "$(cat /sys/class/nvme/$name/subsysnqn)"
  result "$name-namespace" "$(cat /sys/block/${name}n1/wwid)"
  result "$name-blocks" "$(cat /sys/block/${name}n1/size)"
  dd if=/dev/urandom of=/dev/${name}n1 bs=4k count=16 conv=fsync 2>/dev/null || fail "write $name"
done
result complaints "$(dmesg | grep -ci duplicate)"
