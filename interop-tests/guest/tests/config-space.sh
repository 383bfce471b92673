# Prints the vendor ID that the device at the PCI address ADDRESS answers with, past what the kernel remembers of it.
. /tests/lib
result vendor "$(hexdump -n 2 -e '1/2 "%04x"' "/sys/bus/pci/devices/$1/config")"
