"""The bench device of @vfio-user/devices, as a driver sees it: registers of BAR0, and how its DMA engine is run."""

from vfio_user_portable import constants
from vfio_user_portable.client import Client, Interrupt
from vfio_user_portable.memory import Mapping

ID = 0x000
VECTORS = 0x008
MEMORY_SIZE = 0x00C
SCRATCH = 0x010
SCRATCH_WRITES = 0x014
DOORBELL = 0x018
DOORBELL_VECTOR = 0x01C
DOORBELL_COUNT = 0x020
RESETS = 0x028
LAST_RESET = 0x02C
DMA_COMMAND = 0x100
DMA_STATUS = 0x104
DMA_ERROR = 0x108
DMA_CHECKSUM = 0x10C
DMA_SOURCE = 0x110
DMA_DESTINATION = 0x118
DMA_LENGTH = 0x120
DMA_PATTERN = 0x134
DMA_VECTOR = 0x138
BURST_COMMAND = 0x200
BURST_STATUS = 0x204
BURST_ERROR = 0x208
BURST_ADDRESS = 0x210
BURST_COUNT = 0x218
BURST_VECTOR = 0x21C
BURST_PERIOD = 0x220

STATUS_BUSY = 1
STATUS_DONE = 2
NO_VECTOR = 0xFFFFFFFF

DMA_COPY_GUEST = 1
DMA_LOAD = 2
DMA_STORE = 3
DMA_FILL_GUEST = 4
DMA_CHECKSUM_GUEST = 5
BURST_SEQUENCE = 2
RESET_DEVICE = 1

BAR0 = constants.REGION_BAR0
BAR2 = 2


class BenchDevice:
    """A connected bench device, and the interrupts that came from it."""

    def __init__(self, client: Client):
        self.client = client
        self.interrupts: list[Interrupt] = []
        client.on_interrupt = self.interrupts.append

    def read_bytes(self, region: int, offset: int, count: int) -> bytes:
        keys = {"offset": offset, "region": region, "count": count}
        reply = self.client.request(constants.REGION_READ, keys)
        assert reply.body == keys, f"the reply to a REGION_READ of {keys} says {reply.body}"
        assert len(reply.data) == count, f"{len(reply.data)} bytes for a read of {count}"
        return reply.data

    def write_bytes(self, region: int, offset: int, data: bytes) -> None:
        keys = {"offset": offset, "region": region, "count": len(data)}
        reply = self.client.request(constants.REGION_WRITE, keys, data)
        assert reply.body == keys, f"the reply to a REGION_WRITE of {keys} says {reply.body}"

    def read(self, offset: int, size: int = 4) -> int:
        return int.from_bytes(self.read_bytes(BAR0, offset, size), "little")

    def write(self, offset: int, value: int, size: int = 4) -> None:
        self.write_bytes(BAR0, offset, value.to_bytes(size, "little"))

    def write_quad(self, offset: int, value: int) -> None:
        self.write(offset, value & 0xFFFFFFFF)
        self.write(offset + 4, value >> 32)

    def post(self, offset: int, value: int) -> None:
        keys = {"offset": offset, "region": BAR0, "count": 4}
        self.client.post(constants.REGION_WRITE, keys, value.to_bytes(4, "little"))

    def config(self, offset: int, size: int) -> int:
        return int.from_bytes(self.read_bytes(constants.REGION_CONFIG, offset, size), "little")

    def map(self, address: int, size: int, flags: int) -> Mapping:
        mapping = Mapping(address, flags, bytearray(size))
        self.client.memory.add(mapping)
        keys = {"flags": flags, "offset": 0, "address": address, "size": size}
        self.client.request(constants.DMA_MAP, keys)
        return mapping

    def unmap(self, mapping: Mapping) -> None:
        keys = {"flags": 0, "address": mapping.address, "size": len(mapping.content)}
        self.client.request(constants.DMA_UNMAP, keys)
        self.client.memory.remove(mapping)

    def run_dma(self, command: int, source: int, destination: int, length: int) -> int:
        """Runs one DMA operation to its end and returns its error, a Linux errno or 0."""
        self.write_quad(DMA_SOURCE, source)
        self.write_quad(DMA_DESTINATION, destination)
        self.write_quad(DMA_LENGTH, length)
        self.write(DMA_COMMAND, command)
        while self.read(DMA_STATUS) & STATUS_BUSY:
            pass
        return self.read(DMA_ERROR)

    def attach_events(self, count: int, events: int) -> None:
        """From now on the first `count` MSI-X vectors come as messages, or no longer when `events` is 0."""
        flags = constants.IRQ_DATA_EVENTFD | constants.IRQ_ACTION_TRIGGER
        keys = {"flags": flags, "index": constants.IRQ_MSIX, "start": 0, "count": count, "events": events}
        self.client.request(constants.DEVICE_SET_IRQS, keys)

    def take_interrupt(self) -> Interrupt:
        """The oldest interrupt not taken yet."""
        self.client.wait_until(lambda: len(self.interrupts) > 0)
        return self.interrupts.pop(0)
