# rdma-drive-bench ADDRESS PEER: drives the bench device of another guest (rdma-serve-bench). Prints a result for each test.
. /tests/rdma
rdma_start "$1"
in_node node /app/rdma-drive.js "rdma://$2:7000?fallback=never" || fail "the device of the other guest"
