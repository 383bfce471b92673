# rdma-ordering ROUNDS: as many DMA writes, each with an interrupt, of a device that another process serves over rdma.
. /tests/rdma
rdma_start
in_node node /app/rdma-serve.js 'rdma://10.0.0.1:7000?fallback=never' >/tmp/served 2>&1 &
wait_for 120 grep -q SERVING /tmp/served || fail "the device is not served: $(cat /tmp/served)"
ROUNDS=$1 in_node node /app/rdma-drive.js 'rdma://10.0.0.1:7000?fallback=never' || fail "the device over rdma"
