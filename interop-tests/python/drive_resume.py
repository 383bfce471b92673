"""Drives a live bench device over connections that break, in one session: drive_resume.py tcp://HOST:PORT

Prints a line for each check, and exits with 1 when one fails."""

import dataclasses
import sys
from urllib.parse import urlsplit

from bench_device import BenchDevice
from checks import dma, interrupts, registers, resume
from drive_bench import OWN, VERSION, run
from vfio_user_portable.client import Client

RESUMING = dataclasses.replace(OWN, capabilities=(*OWN.capabilities, "resume"))
CHECKS = (
    *resume.CHECKS,
    *registers.CHECKS,
    *dma.CHECKS,
    *interrupts.CHECKS,
    *registers.LAST_CHECKS,
    *resume.LAST_CHECKS,
)


def main(uri: str) -> int:
    parts = urlsplit(uri)
    with Client((parts.hostname, parts.port), RESUMING, VERSION) as client:
        failures = run(CHECKS, BenchDevice(client))
        print(f"{client.continuations} continuations")
    print(f"{len(CHECKS) - failures} of {len(CHECKS)} checks, {sys.byteorder}-endian")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
