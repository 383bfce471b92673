# Which I/O queues the driver made (one interrupt each), and I/O on every cpu at the same time: each cpu writes its own
# 4 MiB area past the file system and reads it back. Destroys what is on the disk.
. /tests/lib
nvme_start
cpus=$(nproc)
result cpus "$cpus"
mib=4
worker() {
  local cpu=$1 file=/tmp/cpu$1
  dd if=/dev/urandom of="$file" bs=64k count=$((mib * 16)) 2>/dev/null &&
    taskset "$(printf '%x' $((1 << cpu)))" dd if="$file" of="$disk" bs=64k count=$((mib * 16)) seek=$((cpu * mib * 16)) oflag=direct 2>/dev/null &&
    taskset "$(printf '%x' $((1 << cpu)))" dd if="$disk" of="$file.back" bs=64k count=$((mib * 16)) skip=$((cpu * mib * 16)) iflag=direct 2>/dev/null &&
    cmp "$file" "$file.back"
}
cpu=0 jobs=''
while [ $cpu -lt "$cpus" ]; do
  worker $cpu &
  jobs="$jobs $!"
  cpu=$((cpu + 1))
done
cpu=0
for job in $jobs; do
  wait "$job" || fail "wrong data or failed I/O on cpu $cpu"
  cpu=$((cpu + 1))
done
grep nvme0q /proc/interrupts
# nvme0q0 is the admin queue; a queue counts as used when any cpu took an interrupt for it.
result queues "$(grep -c 'nvme0q[1-9]' /proc/interrupts)"
result used "$(awk '/nvme0q[1-9]/ { sum = 0; for (i = 2; i <= n + 1; i++) sum += $i; if (sum) used++ } NR == 1 { n = NF } END { print used + 0 }' /proc/interrupts)"
