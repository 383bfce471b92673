# The command with an RDMA device: what doctor finds, and what info says of a device that is served in another network
# namespace and reached by RDMA only.
. /tests/rdma
rdma_start
command=/app/node_modules/vfio-user/bin/vfio-user.js
in_node node "$command" doctor >/tmp/doctor
grep rdma /tmp/doctor
result port "$(grep 'rdma rxe0/1' /tmp/doctor)"
result gid "$(grep -o 'gid-index 1: .*' /tmp/doctor)"
second_host_start
in_second node "$command" serve bench --insecure --listen 'rdma://10.1.0.2:7000?fallback=never' >/tmp/served 2>&1 &
wait_for 60 grep -q '^listening rdma:' /tmp/served || fail "serve: $(cat /tmp/served)"
in_node node "$command" info 'rdma://10.1.0.2:7000?fallback=never' >/tmp/info || fail "info: $(cat /tmp/info /tmp/served)"
result path "$(grep -o 'Data path: .*' /tmp/info)"
