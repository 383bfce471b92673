# Sockets between a machine and its virtual machines, here from the guest to itself (module vsock_loopback): a device, and
# the compliance suite. Prints a result for each of its tests.
. /tests/lib
modprobe vsock_loopback || fail "modprobe vsock_loopback"
node_start
result node "$(in_node node -p process.version)"
in_node node /app/vsock.js || fail "the tests over vsock"
