# Prints the checksum of what nvme-io wrote: run it after a reboot of the guest.
. /tests/lib
nvme_start
payload_checksum
