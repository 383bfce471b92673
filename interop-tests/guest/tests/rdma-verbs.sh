# The package node-rdma-ffi on an RDMA device in software, from the guest to itself. Prints a result for each of its tests.
. /tests/rdma
rdma_start
in_node node /app/rdma-verbs.js || fail "the tests of node-rdma-ffi"
