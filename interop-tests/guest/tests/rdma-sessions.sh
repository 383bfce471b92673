# Devices over RDMA in software, served by another process of the guest. Prints a result for each of its tests.
. /tests/rdma
rdma_start
in_node node /app/rdma-sessions.js || fail "the sessions over rdma"
