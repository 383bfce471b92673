# RDMA in software from this guest to itself: the device, Node's access to it, and memory written and read, the latter
# from another network namespace.
. /tests/rdma
rdma_start
result devinfo "$(in_node ibv_devinfo -d rxe0 | awk '$1 == "state:" { print $2 }')"
in_node node /app/rdma-library.js || fail "libibverbs in Node"
perftest_serve in_node ib_write_lat
perftest_drive in_node ib_write_lat 10.0.0.1
second_host_start
perftest_serve in_second ib_read_lat
perftest_drive in_node ib_read_lat 10.1.0.2
