"""Drives a live bench device through every part of the portable encoding: drive_bench.py tcp://HOST:PORT

Prints a line for each check, and exits with 1 when one fails."""

import sys
import traceback
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from bench_device import BenchDevice
from checks import connection, dma, interrupts, registers, session
from vfio_user_portable.client import Client
from vfio_user_portable.preface import Limits, Preface

OWN = Preface(
    ("acknowledge", "doorbell", "interrupt", "keep-alive", "posted-dma"),
    # Windows that a burst of interrupts fills many times, and a silence that ends within a check.
    Limits(windowMessages=16, windowBytes=2000, silenceMs=3000),
)
VERSION = {
    "major": 0,
    "minor": 2,
    "capabilities": {
        "max_msg_fds": 0,
        "max_data_xfer_size": 2**20,
        "max_dma_maps": 65535,
        "pgsizes": 4096,
        "write_multiple": True,
    },
}
SESSION_CHECKS = (
    *session.CHECKS,
    *registers.CHECKS,
    *dma.CHECKS,
    *interrupts.CHECKS,
    *registers.LAST_CHECKS,
)


def run(checks: tuple[Callable[[Any], None], ...], subject: Any) -> int:
    """How many of the checks fail."""
    failures = 0
    for check in checks:
        try:
            check(subject)
            print("ok", check.__doc__, flush=True)
        except Exception:  # whatever it is, the other checks are still of interest
            failures += 1
            print("not ok", check.__doc__, flush=True)
            traceback.print_exc(file=sys.stdout)
    return failures


def main(uri: str) -> int:
    parts = urlsplit(uri)
    address = (parts.hostname, parts.port)
    with Client(address, OWN, VERSION) as client:
        failures = run(SESSION_CHECKS, BenchDevice(client))
    failures += run(connection.CHECKS, address)
    count = len(SESSION_CHECKS) + len(connection.CHECKS)
    print(f"{count - failures} of {count} checks, {sys.byteorder}-endian")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
