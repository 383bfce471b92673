"""Nothing is lost and nothing comes twice, while connections break: what is counted on both sides adds up."""

import bench_device as device
from bench_device import BenchDevice
from vfio_user_portable import constants
from vfio_user_portable.client import Interrupt
from vfio_user_portable.constants import DMA_READABLE, DMA_WRITABLE

ADDRESS = 0x3_0000_0000
POSTED = 3000
ROUNDS = 150
VECTOR = 1


def posted_writes(bench: BenchDevice) -> None:
    """every posted write is carried out once, and in order"""
    before = bench.read(device.SCRATCH_WRITES)
    for value in range(POSTED):
        bench.post(device.SCRATCH, value)
        if value % 100 == 0:
            assert bench.read(device.SCRATCH) == value
    assert bench.read(device.SCRATCH) == POSTED - 1
    assert bench.read(device.SCRATCH_WRITES) == before + POSTED


def interrupts(bench: BenchDevice) -> None:
    """every interrupt comes once, and after every register write that it answers"""
    bench.attach_events(VECTOR + 1, VECTOR + 1)
    bench.write(device.DOORBELL_VECTOR, VECTOR)
    before = bench.read(device.DOORBELL_COUNT)
    for _ in range(ROUNDS):
        bench.post(device.DOORBELL, 1)
        assert bench.take_interrupt() == Interrupt(constants.IRQ_MSIX, VECTOR, 1)
    assert bench.read(device.DOORBELL_COUNT) == before + ROUNDS
    assert bench.interrupts == [], bench.interrupts
    bench.attach_events(VECTOR + 1, 0)


def transfers(bench: BenchDevice) -> None:
    """memory that the device reads and writes in large frames is right, each time"""
    size = 0x4_0000
    memory = bench.map(ADDRESS, 2 * size, DMA_READABLE | DMA_WRITABLE)
    for salt in range(8):
        expected = bytes((index * 7 + salt) & 0xFF for index in range(size))
        memory.content[:size] = expected
        memory.content[size:] = bytes(size)
        assert bench.run_dma(device.DMA_COPY_GUEST, ADDRESS, ADDRESS + size, size) == 0
        assert memory.content[size:] == expected
    bench.unmap(memory)


def connections(bench: BenchDevice) -> None:
    """the session has gone on over many connections"""
    assert bench.client.continuations >= 20, bench.client.continuations


CHECKS = (posted_writes, interrupts, transfers)
LAST_CHECKS = (connections,)
