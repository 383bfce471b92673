# rdma-serve-bench ADDRESS: serves the bench device to another guest (rdma-drive-bench) until it has gone, and prints SERVING
# once it may begin.
. /tests/rdma
rdma_start "$1"
in_node node /app/rdma-serve.js "rdma://$1:7000?fallback=never" >/tmp/served 2>&1 &
wait_for 120 grep -q SERVING /tmp/served || fail "the device is not served: $(cat /tmp/served)"
echo SERVING
wait_for 120 grep -q 'client gone' /tmp/served || fail "nobody came: $(cat /tmp/served)"
