# Packs the RDMA image: pack-rdma.sh KERNEL_VERSION OUTPUT. Runs inside the chroot, after pack-lib.sh.
# Everything lies where it is in Debian, for the image covers that of Node in the guest (guest/rdma.sh).
# shellcheck shell=bash source=interop-tests/setup/pack-lib.sh
set -euo pipefail
version=$1 output=$2
libraries=/usr/lib/x86_64-linux-gnu

modules=(
  rdma_rxe crc32_generic ib_uverbs   # RoCE in software, over any Ethernet card; crc32 is used, but not named
  rdma_ucm                           # connections made by address
  veth                               # a cable between network namespaces
)
tools=(
  rdma ip                            # iproute2
  ibv_devices ibv_devinfo ibv_rc_pingpong
  ib_read_lat ib_read_bw ib_write_lat ib_write_bw ib_send_lat ib_send_bw
)

stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
chmod 755 "$stage"
mkdir -p "$stage"/{etc,usr/bin,lib,lib64}
for tool in "${tools[@]}"; do
  cp -L "$(command -v "$tool")" "$stage/usr/bin/"
  copy_libraries "$stage/usr/bin/$tool"
done

# The part of libibverbs that drives a device is looked up at run time.
mkdir -p "$stage$libraries/libibverbs" "$stage/etc/libibverbs.d"
cp -L "$libraries"/libibverbs/librxe-*.so "$stage$libraries/libibverbs/"
cp /etc/libibverbs.d/rxe.driver "$stage/etc/libibverbs.d/"

# The parts of glibc belong together: this one's cover all that Node brought from its host.
for part in dl m pthread resolv rt util; do
  cp -Ln /lib/x86_64-linux-gnu/lib$part.so.* "$stage/lib/x86_64-linux-gnu/"
done

copy_modules "$version" "${modules[@]}"
mksquashfs "$stage" "$output.new" -comp lz4 -all-root -noappend -no-progress -quiet >/dev/null
mv "$output.new" "$output"
