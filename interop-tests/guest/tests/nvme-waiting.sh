# Reads a block of the disk, past the page cache, and prints WAITING once that is under way and has no answer. Fails if
# the answer comes.
. /tests/lib
nvme_start
dd if="$disk" of=/dev/null bs=4k count=1 iflag=direct 2>/dev/null &
reader=$!
waits() { grep -q '^State:.D' "/proc/$reader/status"; }
wait_for 60 waits || fail "the read does not wait"
echo "WAITING"
wait "$reader" && fail "the read succeeds"
exit 0
