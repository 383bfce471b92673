# What the guest sees on its PCI bus: a first look when a device does not show up.
lspci -nn
for device in /sys/bus/pci/devices/*; do
  driver=none
  [ ! -e "$device/driver" ] || driver=$(basename "$(readlink "$device/driver")")
  echo "$(basename "$device") $(cat "$device/vendor"):$(cat "$device/device") class=$(cat "$device/class") driver=$driver"
done
