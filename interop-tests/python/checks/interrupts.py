"""Interrupts as messages, their order behind DMA writes, doorbells."""

import bench_device as device
from bench_device import BAR0, BenchDevice
from vfio_user_portable import constants
from vfio_user_portable.client import Interrupt
from vfio_user_portable.constants import DMA_READABLE, DMA_WRITABLE

ADDRESS = 0x2_0000_0000
VECTORS = 4
BURST = 1000


def attached(bench: BenchDevice) -> None:
    """SET_IRQS with events makes the device's interrupts come as messages"""
    info = bench.client.request(constants.DEVICE_GET_IRQ_INFO, {"index": constants.IRQ_MSIX}).body
    assert info["index"] == constants.IRQ_MSIX and info["count"] == bench.read(device.VECTORS), info
    bench.attach_events(VECTORS, VECTORS)
    bench.write(device.DOORBELL_VECTOR, 3)
    bench.write(device.DOORBELL, 1)
    assert bench.take_interrupt() == Interrupt(constants.IRQ_MSIX, 3, 1)


def completion(bench: BenchDevice) -> None:
    """the interrupt of a DMA operation comes when its result is in memory"""
    memory = bench.map(ADDRESS, 0x1000, DMA_READABLE | DMA_WRITABLE)
    bench.write(device.DMA_PATTERN, 0x55AA55AA)
    bench.write_quad(device.DMA_DESTINATION, ADDRESS)
    bench.write_quad(device.DMA_LENGTH, 0x1000)
    bench.write(device.DMA_VECTOR, 1)
    bench.post(device.DMA_COMMAND, device.DMA_FILL_GUEST)
    assert bench.take_interrupt() == Interrupt(constants.IRQ_MSIX, 1, 1)
    assert memory.content == bytes.fromhex("aa55aa55") * 0x400
    bench.write(device.DMA_VECTOR, device.NO_VECTOR)
    bench.unmap(memory)


def burst(bench: BenchDevice) -> None:
    """none of a burst of interrupts overtakes the DMA write before it, and none is lost"""
    memory = bench.map(ADDRESS, 0x1000, DMA_WRITABLE)
    arrived = 0

    def count(interrupt: Interrupt) -> None:
        nonlocal arrived
        assert (interrupt.index, interrupt.vector) == (constants.IRQ_MSIX, 2), interrupt
        arrived += interrupt.count
        written = int.from_bytes(memory.content[:4], "little")
        assert written >= arrived, f"interrupt {arrived} came with {written} in memory"

    bench.client.on_interrupt = count
    bench.write_quad(device.BURST_ADDRESS, ADDRESS)
    bench.write(device.BURST_COUNT, BURST)
    bench.write(device.BURST_VECTOR, 2)
    bench.write(device.BURST_PERIOD, 0)
    bench.write(device.BURST_COMMAND, device.BURST_SEQUENCE)
    bench.client.wait_until(lambda: arrived >= BURST)
    while bench.read(device.BURST_STATUS) & device.STATUS_BUSY:
        pass
    assert arrived == BURST, arrived
    bench.client.on_interrupt = bench.interrupts.append
    bench.unmap(memory)


def doorbell(bench: BenchDevice) -> None:
    """DOORBELL rings the entry that DEVICE_GET_REGION_IO_FDS lists"""
    keys = {"flags": 0, "index": BAR0, "count": 0}
    entries = bench.client.request(constants.DEVICE_GET_REGION_IO_FDS, keys).body["entries"]
    entry = next(i for i, entry in enumerate(entries) if entry["offset"] == device.DOORBELL)
    before = bench.read(device.DOORBELL_COUNT)
    bench.client.post(constants.DOORBELL, {"region": BAR0, "entry": entry, "count": 1})
    assert bench.take_interrupt() == Interrupt(constants.IRQ_MSIX, 3, 1)
    assert bench.read(device.DOORBELL_COUNT) == before + 1


def triggered(bench: BenchDevice) -> None:
    """SET_IRQS with bools triggers those vectors that are true"""
    flags = constants.IRQ_DATA_BOOL | constants.IRQ_ACTION_TRIGGER
    keys = {"flags": flags, "index": constants.IRQ_MSIX, "start": 1, "count": 3}
    bench.client.request(constants.DEVICE_SET_IRQS, keys, bytes([0, 1, 0]))
    assert bench.take_interrupt() == Interrupt(constants.IRQ_MSIX, 2, 1)


def detached(bench: BenchDevice) -> None:
    """SET_IRQS without events ends the messages"""
    bench.attach_events(VECTORS, 0)
    bench.write(device.DOORBELL, 1)
    bench.read(device.DOORBELL_COUNT)
    assert bench.interrupts == [], bench.interrupts


CHECKS = (attached, completion, burst, doorbell, triggered, detached)
