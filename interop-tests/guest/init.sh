#!/bin/sh
# The guest's first process. Runs the test scripts named on the kernel command line (vfu.tests=nvme-io,gpio), each between
# the markers "BEGIN name" and "END name rc=N" on the serial console, then does what vfu.end says:
#   poweroff   (default)
#   commands   reads lines from the console: run NAME [ARGUMENT...] | reboot | poweroff
#   shell      an interactive shell
export PATH=/bin:/usr/bin HOME=/
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev 2>/dev/null
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /dev/shm
mount -t tmpfs tmpfs /tmp
exec </dev/ttyS0 >/dev/ttyS0 2>&1
dmesg -n 4   # errors only: other kernel messages would break the markers' lines

tests='' end=poweroff
# shellcheck disable=SC2013  # words are wanted
for word in $(cat /proc/cmdline); do
  case $word in
    vfu.tests=*) tests=$(echo "${word#*=}" | tr , ' ') ;;
    vfu.end=*) end=${word#*=} ;;
  esac
done

uptime() { cut -d ' ' -f 1 /proc/uptime; }

run() {
  local name=$1 rc
  shift
  echo "BEGIN $name"
  if [ -f "/tests/$name.sh" ]; then
    sh -u "/tests/$name.sh" "$@" </dev/null
    rc=$?
  else
    echo "no such test script"
    rc=127
  fi
  echo "END $name rc=$rc"
}

echo "GUEST up=$(uptime) kernel=$(uname -r) cpus=$(nproc)"
for test in $tests; do run "$test"; done

case $end in
  shell)
    echo "GUEST shell: tests are in /tests, leave with poweroff -f"
    setsid sh -c 'exec sh -i </dev/ttyS0 >/dev/ttyS0 2>&1'
    ;;
  commands)
    stty -echo
    echo "GUEST ready"
    while read -r command arguments; do
      case $command in
        run)
          # shellcheck disable=SC2086  # the words of the line are the arguments
          run $arguments
          ;;
        reboot) sync; echo "GUEST reboot"; reboot -f ;;
        poweroff) break ;;
        *) echo "GUEST does not know: $command" ;;
      esac
    done
    ;;
esac
sync
echo "GUEST poweroff up=$(uptime)"
poweroff -f
