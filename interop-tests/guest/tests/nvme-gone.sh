# Reads block after block from the disk until one read takes longer than 2 s, and prints how long that was and what the
# driver said meanwhile. The driver's time-out for I/O is what Linux has: 30 s.
. /tests/lib
nvme_start
centiseconds() { cut -d ' ' -f 1 /proc/uptime | tr -d .; }
echo "READY"
took=0
while [ $took -lt 200 ]; do
  begin=$(centiseconds)
  dd if="$disk" of=/dev/null bs=4k count=1 iflag=direct 2>/dev/null || fail "a read fails"
  took=$(($(centiseconds) - begin))
done
result centiseconds $took
dmesg | grep ' nvme ' | tail -n 8
