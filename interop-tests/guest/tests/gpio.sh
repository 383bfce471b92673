# The lines of the PCI-IDIO-16 card through its kernel driver and libgpiod. Lines 0-15 are outputs, 16-31 are inputs.
# The argument is the word to put on the outputs (default 0x8001); prints that word as read back, and the inputs.
. /tests/lib
outputs=$((${1:-0x8001}))
modprobe gpio-pci-idio-16 || fail "modprobe gpio-pci-idio-16"
find_card() {
  set -- /sys/bus/pci/drivers/pci-idio-16/0000:*
  [ -e "$1" ] && address=$(basename "$1")
}
wait_for 30 find_card || fail "the driver found no card"
set -- "/sys/bus/pci/devices/$address"/gpiochip[0-9]*
chip=$(basename "$1")
result address "$address"
gpiodetect

# word FIRST: reads 16 lines from FIRST on as one number, the first line being bit 0.
word() {
  local value=0 weight=1 bits bit
  # shellcheck disable=SC2046  # seq's words are the lines
  bits=$(gpioget --numeric --as-is -c "$chip" $(seq "$1" $(($1 + 15)))) || return 1
  for bit in $bits; do
    value=$((value + bit * weight))
    weight=$((weight * 2))
  done
  printf '0x%04x' $value
}

settings='' line=0
while [ $line -lt 16 ]; do
  settings="$settings $line=$(((outputs >> line) & 1))"
  line=$((line + 1))
done
# shellcheck disable=SC2086  # one word a line; "-t 0" makes gpioset set them and leave
gpioset -t 0 -c "$chip" $settings || fail "gpioset"
read_back=$(word 0) || fail "gpioget of the outputs"
result outputs "$read_back"
inputs=$(word 16) || fail "gpioget of the inputs"
result inputs "$inputs"
