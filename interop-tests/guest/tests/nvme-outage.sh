# Prints READY and waits until the controller no longer answers (its config space reads as all ones), then that I/O ends
# with an error, prints OUTAGE and waits until it answers again, gives it back to its driver and reads the data of nvme-io.
. /tests/lib
modprobe nvme_core io_timeout=4 || fail "modprobe nvme_core"
nvme_start
address=$(nvme_address)
device=/sys/bus/pci/devices/$address
vendor() { hexdump -n 2 -e '1/2 "%04x"' "$device/config"; }
present=$(vendor)
answers() { [ "$(vendor)" = "$present" ]; }
silent() { [ "$(vendor)" = ffff ]; }
echo "READY"
wait_for 60 silent || fail "it still answers after 60 s"
result absent "$(vendor)"
if dd if="$disk" of=/dev/null bs=4k count=1 iflag=direct 2>/dev/null; then fail "a read without a device succeeds"; fi
echo "OUTAGE"
wait_for 60 answers || fail "it does not answer after 60 s"
# The driver may have let go of it already.
[ ! -e "$device/driver" ] || echo "$address" >/sys/bus/pci/drivers/nvme/unbind || fail "unbind"
echo "$address" >/sys/bus/pci/drivers/nvme/bind || fail "bind"
wait_for 60 test -b "$disk" || fail "no $disk after the outage"
payload_checksum
