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

is_mounted() { grep -q " $1 " /proc/mounts; }

# mount_disk DISK FOLDER: mounts an image that QEMU was given, unless a script before has done so.
mount_disk() {
  modprobe -a virtio_pci virtio_blk squashfs || fail "modprobe virtio_blk squashfs"
  wait_for 60 test -b "$1" || fail "no $1: is the image attached?"
  mkdir -p "$2"
  is_mounted "$2" || mount -t squashfs -o ro "$1" "$2" || fail "mount $1"
}

# share_folders ROOT: what the guest's programs and those below ROOT have in common.
share_folders() {
  for folder in dev proc sys tmp; do
    is_mounted "$1/$folder" || mount -o bind "/$folder" "$1/$folder" || fail "mount /$folder"
  done
}

# Mounts the image with Node (setup/node-image.sh), the guest's first virtio disk.
node_start() {
  mount_disk /dev/vda "$node_root"
  share_folders "$node_root"
}

# Runs a program of that image, by chroot: its libraries are not those of the initramfs. Where busybox has a program of the
# same name, that one runs unless the path is given (/usr/bin/ip).
in_node() { PATH=/usr/bin:/bin:/usr/sbin:/sbin chroot "$node_root" "$@"; }
