# Packs the base initramfs: pack-initramfs.sh KERNEL_VERSION OUTPUT. Runs inside the chroot, after pack-lib.sh.
# Modules and archive stay uncompressed: unpacking costs more than reading under software emulation.
# shellcheck shell=bash source=interop-tests/setup/pack-lib.sh
set -euo pipefail
version=$1 output=$2

modules=(
  nvme ext4 crc32c_generic             # the nvme tests
  gpio-pci-idio-16                     # the gpio tests
  vsock_loopback                       # the vsock test: sockets from the guest to itself
  virtio_pci virtio_blk squashfs       # the image with Node
  virtio_net                           # RDMA, and runs by hand
  9p 9pnet_virtio overlay loop
)
tools=(
  /sbin/mke2fs /usr/bin/kmod
  /usr/bin/gpiodetect /usr/bin/gpioinfo /usr/bin/gpioget /usr/bin/gpioset
  /usr/bin/lspci /usr/bin/setpci
)

stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
mkdir -p "$stage"/{bin,dev,etc,lib,mnt,proc,run,sys,tmp,usr/lib,usr/share/misc,tests}
ln -s lib "$stage/lib64"
ln -s bin "$stage/sbin"
for applet in $(busybox --list); do ln -sf busybox "$stage/bin/$applet"; done
rm -f "$stage/bin/busybox"                  # its own list names it, too
cp /bin/busybox "$stage/bin/"

for tool in "${tools[@]}"; do
  name=$(basename "$tool")
  rm -f "$stage/bin/$name"                  # the busybox link of the same name
  cp -L "$tool" "$stage/bin/$name"
  copy_libraries "$tool"
done
ln -sf mke2fs "$stage/bin/mkfs.ext4"
for name in modprobe insmod rmmod lsmod depmod modinfo; do ln -sf kmod "$stage/bin/$name"; done
cp /etc/mke2fs.conf "$stage/etc/"
[ ! -e /usr/share/misc/pci.ids ] || cp -L /usr/share/misc/pci.ids "$stage/usr/share/misc/"

copy_modules "$version" "${modules[@]}"

echo 'root:x:0:0:root:/:/bin/sh' >"$stage/etc/passwd"
(cd "$stage" && find . -print0 | cpio --null -o -H newc -R 0:0 --quiet) >"$output.new"
mv "$output.new" "$output"
ls -l "$output"
