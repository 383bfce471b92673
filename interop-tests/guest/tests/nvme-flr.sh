# Function level reset of the controller with its driver unbound, then the data again.
. /tests/lib
nvme_start
address=$(nvme_address)
device=/sys/bus/pci/devices/$address
echo "reset methods: $(cat "$device/reset_method")"
case " $(cat "$device/reset_method") " in *" flr "*) ;; *) fail "the device offers no FLR" ;; esac
echo "$address" >/sys/bus/pci/drivers/nvme/unbind || fail "unbind"
[ ! -b "$disk" ] || fail "$disk is still there without a driver"
echo flr >"$device/reset_method" || fail "choose flr"
echo 1 >"$device/reset" || fail "reset"
echo default >"$device/reset_method"
echo "$address" >/sys/bus/pci/drivers/nvme/bind || fail "bind"
wait_for 60 test -b "$disk" || fail "no $disk after the reset"
payload_checksum
