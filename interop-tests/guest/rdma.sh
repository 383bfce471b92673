# Helpers for the test scripts that use RDMA, sourced as /tests/rdma in place of /tests/lib. The guest needs the image with
# Node, that of setup/rdma-image.sh, and a network card (src/rdma-guest.ts).
# shellcheck shell=dash source=interop-tests/guest/lib.sh
. /tests/lib
rdma_image=/run/rdma
rdma_device=/sys/class/infiniband/rxe0
second_host=/run/second-host

# rdma_start [ADDRESS]: makes the RDMA device rxe0, RoCE in software on the network card eth0, which gets the address. From
# then on in_node has the programs and libraries of both images.
rdma_start() {
  local address=${1:-10.0.0.1}
  node_start
  mount_disk /dev/vdb "$rdma_image"
  modprobe -a virtio_net overlay || fail "modprobe virtio_net overlay"
  mkdir -p /run/node-rdma
  is_mounted /run/node-rdma ||
    mount -t overlay -o "lowerdir=$rdma_image:$node_root" overlay /run/node-rdma || fail "mount both images"
  node_root=/run/node-rdma
  share_folders "$node_root"

  rdma_modules crc32_generic rdma_rxe ib_uverbs rdma_ucm
  wait_for 30 test -e /sys/class/net/eth0 || fail "no eth0: has the guest a network card?"
  [ -e "$rdma_device" ] || make_rdma_device "$address"
  wait_for 30 rdma_is_ready || fail "rxe0 does not become ready"
  ulimit -l unlimited
  result rdma_link "$(in_node rdma link show rxe0/1)"
  result rdma_gid_index "$rdma_gid_index"
}

# Loads kernel modules of the image. The path makes it kmod's modprobe: the shell's own cannot do that.
rdma_modules() { /bin/modprobe -d "$rdma_image" -a "$@" || fail "modprobe $*"; }

make_rdma_device() {
  ip link set lo up
  # RDMA packets carry as much as 4096 bytes, where the network lets them.
  ip link set eth0 mtu 4500 up || fail "eth0 up"
  ip address add "$1/24" dev eth0 || fail "address $1"
  in_node rdma link add rxe0 type rxe netdev eth0 || fail "rdma link add"
}

# Whether its port is up and has the identifier (GID) that stands for its IPv4 address.
rdma_is_ready() {
  local file
  grep -q ACTIVE "$rdma_device/ports/1/state" || return 1
  file=$(grep -l '^\(0000:\)\{5\}ffff:' "$rdma_device"/ports/1/gids/* 2>/dev/null) || return 1
  rdma_gid_index=${file##*/}
}

# Makes another network namespace and a cable (veth) to it: 10.1.0.1 is here, 10.1.0.2 is there. Both see rxe0, the kernel
# shares RDMA devices among them.
second_host_start() {
  [ ! -e "$second_host" ] || return 0
  rdma_modules veth
  touch "$second_host"
  unshare --net="$second_host" true || fail "unshare"
  in_second /usr/bin/ip link add eth0 type veth peer name second netns 1 || fail "veth"
  in_second /usr/bin/ip address add 10.1.0.2/24 dev eth0 || fail "address there"
  for interface in lo eth0; do in_second /usr/bin/ip link set "$interface" up || fail "$interface up"; done
  ip address add 10.1.0.1/24 dev second || fail "address here"
  ip link set second up || fail "second up"
}

# As in_node, in that namespace.
in_second() { PATH=/usr/bin:/bin:/usr/sbin:/sbin nsenter --net="$second_host" /bin/chroot "$node_root" "$@"; }

# listens IN PORT: whether a TCP server listens in the network namespace that IN (in_node, in_second) runs programs in.
listens() { "$1" cat /proc/self/net/tcp /proc/self/net/tcp6 2>/dev/null | grep -q "$(printf ':%04X 0*:0000 0A' "$2")"; }

PERFTEST_PORT=18515
perftest_options='-d rxe0 -F -s 4096 -n 200'

# perftest_serve IN TOOL: starts a program of perftest (ib_write_lat ...) as a server, where IN (in_node, in_second) runs it.
perftest_serve() {
  # shellcheck disable=SC2086  # one word an option
  "$1" "$2" $perftest_options >/tmp/perftest-server 2>&1 &
  wait_for 60 listens "$1" $PERFTEST_PORT || fail "$2 does not listen: $(cat /tmp/perftest-server)"
}

# perftest_drive IN TOOL ADDRESS: runs it against that server, and prints the typical time in microseconds.
perftest_drive() {
  # shellcheck disable=SC2086
  "$1" "$2" $perftest_options "$3" >/tmp/perftest 2>&1 || fail "$2: $(cat /tmp/perftest)"
  result "$2" "$(awk '$1 == 4096 { print $5 }' /tmp/perftest)"
}
