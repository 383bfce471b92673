# Helpers for the test scripts, sourced as /tests/lib. A value for the host is a line "RESULT name=value".
# shellcheck shell=dash disable=SC2034
disk=/dev/nvme0n1
mountpoint=/mnt
payload=$mountpoint/payload
node_root=/run/node

fail() {
  echo "FAILED: $*"
  dmesg | tail -n 15
  exit 1
}

result() { echo "RESULT $1=$2"; }

# wait_for SECONDS COMMAND...: polls until the command succeeds.
wait_for() {
  local tries=$(($1 * 10))
  shift
  while ! "$@"; do
    tries=$((tries - 1))
    [ $tries -gt 0 ] || return 1
    sleep 0.1
  done
}

# Loads the nvme driver and waits for the name space to appear.
nvme_start() {
  modprobe nvme || fail "modprobe nvme"
  wait_for 60 test -b "$disk" || fail "no $disk after 60 s"
}

# The PCI address (0000:01:00.0) of the NVMe controller.
nvme_address() { basename "$(readlink /sys/class/nvme/nvme0/device)"; }

# Mounts the file system of nvme-io and prints the payload's checksum, read from the device and not from the page cache.
payload_checksum() {
  modprobe ext4 || fail "modprobe ext4"
  mount -t ext4 -o ro "$disk" "$mountpoint" || fail "mount $disk"
  echo 3 >/proc/sys/vm/drop_caches
  set -- "$(sha256sum "$payload")"
  umount "$mountpoint" || fail "umount"
  result sha256 "${1%% *}"
}

# Mounts the image with Node (setup/node-image.sh), the guest's first virtio disk.
node_start() {
  modprobe -a virtio_pci virtio_blk squashfs || fail "modprobe virtio_blk squashfs"
  wait_for 60 test -b /dev/vda || fail "no disk with Node: is the image attached?"
  mkdir -p "$node_root"
  mount -t squashfs -o ro /dev/vda "$node_root" || fail "mount /dev/vda"
  for folder in dev proc sys tmp; do mount -o bind "/$folder" "$node_root/$folder" || fail "mount /$folder"; done
}

# Runs a program of that image, by chroot: its libraries are not those of the initramfs.
in_node() { PATH=/usr/bin:/bin:/usr/sbin:/sbin chroot "$node_root" "$@"; }
