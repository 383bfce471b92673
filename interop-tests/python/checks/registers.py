"""Configuration space, regions, register accesses of every kind, reset."""

import bench_device as device
from bench_device import BAR0, BAR2, BenchDevice
from vfio_user_portable import constants

CONFIG_VENDOR = 0x00
CONFIG_CLASS = 0x09


def information(bench: BenchDevice) -> None:
    """DEVICE_GET_INFO and DEVICE_GET_REGION_INFO describe a PCI device"""
    info = bench.client.request(constants.DEVICE_GET_INFO, {}).body
    assert info["flags"] == constants.DEVICE_CAN_RESET | constants.DEVICE_IS_PCI, info
    assert info["numRegions"] == 9 and info["numIrqs"] == 5, info
    bar0 = bench.client.request(constants.DEVICE_GET_REGION_INFO, {"index": BAR0}).body
    assert (bar0["index"], bar0["size"]) == (BAR0, 0x1000), bar0
    bar2 = bench.client.request(constants.DEVICE_GET_REGION_INFO, {"index": BAR2}).body
    assert bar2["size"] == bench.read(device.MEMORY_SIZE), bar2


def configuration(bench: BenchDevice) -> None:
    """configuration space is little-endian: vendor, device and class are the bench's"""
    assert bench.config(CONFIG_VENDOR, 4) == 0xBE4C1234
    assert bench.config(CONFIG_VENDOR, 2) == 0x1234
    assert bench.config(CONFIG_CLASS, 1) | bench.config(CONFIG_CLASS + 1, 2) << 8 == 0xFF0000


def identity(bench: BenchDevice) -> None:
    """the bench's ID register reads BENC"""
    assert bench.read_bytes(BAR0, device.ID, 4) == b"BENC"


def scratch(bench: BenchDevice) -> None:
    """a register keeps what is written, its lowest byte first"""
    bench.write(device.SCRATCH, 0x12345678)
    assert bench.read(device.SCRATCH) == 0x12345678
    assert bench.read(device.SCRATCH, 1) == 0x78
    assert bench.read(device.SCRATCH + 2, 2) == 0x1234


def posted(bench: BenchDevice) -> None:
    """posted writes, more than the server's window, are all done before a later read"""
    writes = bench.client.server.limits.windowMessages + 100
    before = bench.read(device.SCRATCH_WRITES)
    for number in range(writes):
        bench.post(device.SCRATCH, number)
    assert bench.read(device.SCRATCH) == writes - 1
    assert bench.read(device.SCRATCH_WRITES) - before == writes


def several(bench: BenchDevice) -> None:
    """REGION_WRITE_MULTI carries out its writes in order"""
    assert bench.client.version["capabilities"]["write_multiple"] is True
    before = bench.read(device.SCRATCH_WRITES)
    write = {"offset": device.SCRATCH, "region": BAR0, "count": 4}
    byte = {"offset": 5, "region": BAR2, "count": 1}
    data = (1).to_bytes(4, "little") + b"\xab" + (2).to_bytes(4, "little")
    reply = bench.client.request(constants.REGION_WRITE_MULTI, {"writes": [write, byte, write]}, data)
    assert reply.body == {"count": 3}, reply
    assert bench.read(device.SCRATCH) == 2 and bench.read(device.SCRATCH_WRITES) - before == 2
    assert bench.read_bytes(BAR2, 5, 1) == b"\xab"


def blocks(bench: BenchDevice) -> None:
    """device memory takes and gives blocks of bytes as they are"""
    block = bytes(index * 7 & 0xFF for index in range(2**16))
    bench.write_bytes(BAR2, 0x1000, block)
    assert bench.read_bytes(BAR2, 0x1000, len(block)) == block


def nothing(bench: BenchDevice) -> None:
    """the reply to an access of nothing has no body"""
    keys = {"offset": 0, "region": BAR0, "count": 0}
    for command in (constants.REGION_READ, constants.REGION_WRITE):
        reply = bench.client.request(command, keys)
        assert reply.body is None and reply.data == b"", reply


def reset(bench: BenchDevice) -> None:
    """DEVICE_RESET resets the registers and is counted"""
    bench.write(device.SCRATCH, 1)
    resets = bench.read(device.RESETS)
    reply = bench.client.request(constants.DEVICE_RESET)
    assert reply.body is None, reply
    assert bench.read(device.SCRATCH) == 0
    assert bench.read(device.RESETS) == resets + 1
    assert bench.read(device.LAST_RESET) == device.RESET_DEVICE


CHECKS = (information, configuration, identity, scratch, posted, several, blocks, nothing)
LAST_CHECKS = (reset,)
