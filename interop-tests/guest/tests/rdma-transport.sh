# The transport rdma: on an RDMA device in software, from the guest to itself: the compliance suite. Prints a result for each
# of its tests.
. /tests/rdma
rdma_start
in_node node /app/rdma-transport.js || fail "the tests over rdma"
