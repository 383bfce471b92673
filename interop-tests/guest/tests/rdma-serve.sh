# rdma-serve ADDRESS: lets another guest (rdma-drive) write to the memory of this one, and prints SERVING once it may begin.
. /tests/rdma
rdma_start "$1"
perftest_serve in_node ib_write_lat
echo SERVING
wait
