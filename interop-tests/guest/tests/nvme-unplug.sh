# Prints READY and waits until the host has taken the controller away (QMP device_del on a pcie-root-port). With the
# argument "replug" it prints REPLUG and waits for it to come back, then reads the data again.
. /tests/lib
nvme_start
address=$(nvme_address)
device=/sys/bus/pci/devices/$address
gone() { [ ! -e "$device" ] && [ ! -e "$disk" ]; }
echo "READY"
wait_for 60 gone || fail "$address is still there after 60 s"
result unplugged "$address"
if [ "${1:-}" = replug ]; then
  echo "REPLUG"
  wait_for 60 test -b "$disk" || fail "no $disk after the replug"
  payload_checksum
fi
