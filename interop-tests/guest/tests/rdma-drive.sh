# rdma-drive ADDRESS PEER: writes to the memory of another guest (rdma-serve).
. /tests/rdma
rdma_start "$1"
perftest_drive in_node ib_write_lat "$2"
