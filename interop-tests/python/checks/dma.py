"""The device reaches memory of ours, and only what it may."""

import zlib

import bench_device as device
from bench_device import BAR2, BenchDevice
from vfio_user_portable.constants import DMA_READABLE, DMA_WRITABLE, EFAULT
from vfio_user_portable.memory import Mapping

BOTH = DMA_READABLE | DMA_WRITABLE
BYTES = 0x40000
# Above 2^32, and with the highest bit: MessagePack has two formats for one of them, one for the other.
LOW = 0x1_0000_0000
HIGH = 0xFFFF_FFFF_0000_0000


def pattern(mapping: Mapping) -> bytes:
    mapping.content[:] = bytes(index * index >> 3 & 0xFF for index in range(len(mapping.content)))
    return bytes(mapping.content)


def copy(bench: BenchDevice) -> None:
    """the device copies memory of ours to an address with the highest bit set"""
    source, target = bench.map(LOW, BYTES, DMA_READABLE), bench.map(HIGH, BYTES, DMA_WRITABLE)
    expected = pattern(source)
    assert bench.run_dma(device.DMA_COPY_GUEST, LOW, HIGH, BYTES) == 0
    assert target.content == expected
    bench.unmap(source)
    bench.unmap(target)


def checksum(bench: BenchDevice) -> None:
    """the device computes the CRC-32 that zlib does, of an odd range"""
    memory = bench.map(LOW, BYTES, DMA_READABLE)
    expected = zlib.crc32(pattern(memory)[3 : 3 + 100_001])
    assert bench.run_dma(device.DMA_CHECKSUM_GUEST, LOW + 3, 0, 100_001) == 0
    assert bench.read(device.DMA_CHECKSUM) == expected
    bench.unmap(memory)


def load_and_store(bench: BenchDevice) -> None:
    """what the device loads into its memory is read there, and stored back"""
    memory = bench.map(HIGH, BYTES, BOTH)
    expected = pattern(memory)[:0x8000]
    assert bench.run_dma(device.DMA_LOAD, HIGH, 0x100, 0x8000) == 0
    assert bench.read_bytes(BAR2, 0x100, 0x8000) == expected
    assert bench.run_dma(device.DMA_STORE, 0x100, HIGH + 0x20000, 0x8000) == 0
    assert memory.content[0x20000:0x28000] == expected
    bench.unmap(memory)


def fill(bench: BenchDevice) -> None:
    """the device fills memory with a register's value, its lowest byte first"""
    memory = bench.map(LOW, BYTES, DMA_WRITABLE)
    bench.write(device.DMA_PATTERN, 0x0A0B0C0D)
    assert bench.run_dma(device.DMA_FILL_GUEST, 0, LOW + 0x1000, 0x1000) == 0
    assert memory.content[0xFFC:0x1004] == bytes(4) + bytes.fromhex("0d0c0b0a")
    assert memory.content[0x2000:] == bytes(BYTES - 0x2000)
    bench.unmap(memory)


def adjoining(bench: BenchDevice) -> None:
    """a range over two adjoining mappings is reached mapping by mapping"""
    first, second = bench.map(LOW, 0x1000, DMA_READABLE), bench.map(LOW + 0x1000, 0x1000, DMA_READABLE)
    expected = zlib.crc32(pattern(first) + pattern(second))
    assert bench.run_dma(device.DMA_CHECKSUM_GUEST, LOW, 0, 0x2000) == 0
    assert bench.read(device.DMA_CHECKSUM) == expected
    bench.unmap(first)
    bench.unmap(second)


def unmapped(bench: BenchDevice) -> None:
    """the server does not ask for memory that is not mapped, no longer, or not for this access"""
    before = bench.client.refused_requests
    bench.unmap(bench.map(LOW, BYTES, BOTH))
    memory = bench.map(HIGH, BYTES, DMA_READABLE)
    assert bench.run_dma(device.DMA_CHECKSUM_GUEST, LOW, 0, 16) != 0
    assert bench.run_dma(device.DMA_FILL_GUEST, 0, HIGH, 16) != 0
    assert bench.client.refused_requests == before
    bench.unmap(memory)


def refused(bench: BenchDevice) -> None:
    """an error of ours ends the device's operation with the same errno"""
    before = bench.client.refused_requests
    memory = bench.map(LOW, BYTES, BOTH)
    bench.client.memory.remove(memory)
    assert bench.run_dma(device.DMA_CHECKSUM_GUEST, LOW, 0, 16) == EFAULT
    assert bench.client.refused_requests == before + 1, "the device did not ask"
    bench.client.memory.add(memory)
    bench.unmap(memory)


def posted(bench: BenchDevice) -> None:
    """posted writes are not answered, and DMA_FAULT of the first that is refused ends the device's operation"""
    memory = bench.map(LOW, 0x1000, DMA_WRITABLE)
    bench.write_quad(device.BURST_ADDRESS, LOW)
    bench.write(device.BURST_COUNT, 100)
    bench.write(device.BURST_PERIOD, 0)
    assert run_burst(bench) == 0
    assert memory.content[:4] == (100).to_bytes(4, "little")
    assert bench.client.posted_writes > 0
    bench.client.memory.remove(memory)
    assert run_burst(bench) == EFAULT
    assert bench.client.faults == 1, bench.client.faults
    bench.client.memory.add(memory)
    bench.unmap(memory)


def run_burst(bench: BenchDevice) -> int:
    """Runs a burst of numbers to its end and returns its error."""
    bench.write(device.BURST_COMMAND, device.BURST_SEQUENCE)
    while bench.read(device.BURST_STATUS) & device.STATUS_BUSY:
        pass
    return bench.read(device.BURST_ERROR)


CHECKS = (copy, checksum, load_and_store, fill, adjoining, unmapped, refused, posted)
