# rdma-bench ROUNDS: DMA over RDMA in software, by turns with perftest on the same device and with DMA over TCP. Prints a
# result for each figure of each round; the first round of ours is there to warm up and is not printed.
. /tests/rdma

# perftest NAME TOOL COLUMN OPTIONS...: runs it against itself and prints that column of its table as NAME.
perftest() {
  local name=$1 tool=$2 column=$3
  shift 3
  in_node "$tool" -d rxe0 -F "$@" >/tmp/perftest-server 2>&1 &
  wait_for 60 listens in_node $PERFTEST_PORT || fail "$tool does not listen: $(cat /tmp/perftest-server)"
  in_node "$tool" -d rxe0 -F "$@" 10.0.0.1 >/tmp/perftest 2>&1 || fail "$tool: $(cat /tmp/perftest)"
  result "perftest_$name" "$(awk -v column="$column" '$1 == 4096 || $1 == 1048576 { print $column }' /tmp/perftest)"
}

rdma_start
rdma=rdma://10.0.0.1:7000?fallback=never
tcp=tcp://10.0.0.1:7001
in_node node /app/rdma-bench-serve.js "$rdma" "$tcp" >>/tmp/bench 2>&1 &
wait_for 120 grep -q SERVING /tmp/bench || fail "the devices are not served: $(cat /tmp/bench)"
in_node node /app/rdma-bench.js "$rdma" "$tcp" || fail "the measurement: $(cat /tmp/bench)"
for _ in $(seq "$1"); do
  : >/tmp/bench
  perftest read_us ib_read_lat 5 -s 4096 -n 1000
  # Messages (millions a second) one after the other: the time from posting a write to its completion.
  perftest write_rate_4k ib_write_bw 5 -s 4096 -n 2000 -t 1
  perftest read_rate ib_read_bw 4 -s 1048576 -n 48 -t 4
  perftest write_rate ib_write_bw 4 -s 1048576 -n 48 -t 4
  in_node node /app/rdma-bench.js "$rdma" "$tcp" || fail "the measurement: $(cat /tmp/bench)"
  cat /tmp/bench
done
