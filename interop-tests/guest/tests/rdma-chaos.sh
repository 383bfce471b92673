# rdma-chaos SEED FAULTS: a device over RDMA in software, served by another process of the guest, at work while its link fails.
. /tests/rdma
rdma_start
in_node node /app/rdma-chaos.js "$1" "$2" || fail "chaos over rdma with seed $1"
